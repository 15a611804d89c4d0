//! Every way to be wrong, column by column: made by rule, not by chance, with what each must be told.
//!
//! What is expected comes from `product.md` section 7 and RFC 4180, not from our own output.

/// The columns of the table, and a good value of each.
pub(super) const COLUMNS: [&str; 17] = [
    "msisdn",
    "user",
    "password",
    "imsi",
    "pin",
    "imei",
    "tac",
    "model",
    "profile",
    "route",
    "tz",
    "not_before",
    "expires",
    "ref",
    "x_apn",
    "x_big",
    "x_note",
];

/// A wrong row.
#[derive(Debug, Clone)]
pub(super) struct Wrong {
    /// What is wrong, for people; no two are the same.
    pub(super) kind: String,
    /// The row as it stands in the table, without its line end.
    pub(super) row: Vec<u8>,
    /// What it should have been.
    pub(super) right: Vec<String>,
    /// The rule.
    pub(super) code: &'static str,
    /// What the reason must say.
    pub(super) words: String,
    /// The value that is at fault, as it stands, where one cell is to blame and the row alone tells.
    pub(super) cell: Option<(usize, Vec<u8>)>,
}

/// Returns the cells of the good row numbered `n`.
pub(super) fn good(n: usize) -> Vec<String> {
    let cells = [
        format!("+4670{n:07}"),
        format!("user{n}"),
        format!("secret, {n}"),
        format!("24001{n:010}"),
        format!("{:04}", 1000 + n % 9000),
        format!("35{n:013}"),
        format!("35{:06}", n % 1_000_000),
        "nokia-6230".to_owned(),
        String::new(),
        String::new(),
        "+02:00".to_owned(),
        "2026-11-23T12:00:00Z".to_owned(),
        "2026-12-23T12:00:00+01:00".to_owned(),
        format!("ref {n}"),
        "chat.acme".to_owned(),
        "b".to_owned(),
        String::new(),
    ];
    cells.to_vec()
}

/// Returns a line of cells, in quotes where RFC 4180 wants them.
pub(super) fn line(cells: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let cells: Vec<Vec<u8>> = cells.iter().map(|cell| quoted(cell.as_ref())).collect();
    cells.join(&b","[..])
}

fn quoted(value: &[u8]) -> Vec<u8> {
    if !value.iter().any(|octet| b",\"\r\n".contains(octet)) {
        return value.to_vec();
    }
    let text: Vec<u8> =
        value.iter().flat_map(|&octet| if octet == b'"' { vec![b'"'; 2] } else { vec![octet] }).collect();
    [b"\"", &text[..], b"\""].concat()
}

/// A value that a column cannot hold.
struct Way {
    kind: String,
    value: Vec<u8>,
    words: &'static str,
}

fn way(kind: impl Into<String>, value: impl Into<Vec<u8>>, words: &'static str) -> Way {
    Way { kind: kind.into(), value: value.into(), words }
}

/// Returns all wrong rows; `first` is the number of the good row of which the first is made.
pub(super) fn all(first: usize) -> Vec<Wrong> {
    let mut maker = Maker { next: first, made: Vec::new() };
    for (column, least, most) in [("msisdn", 7, 15), ("imsi", 14, 15), ("pin", 4, 20), ("imei", 14, 16), ("tac", 8, 8)]
    {
        maker.values(column, digits(column, least, most));
    }
    for column in ["user", "password", "model", "route", "profile", "ref", "x_apn", "x_note"] {
        maker.values(column, texts(column));
    }
    maker.values("tz", zones());
    maker.values("not_before", times());
    maker.values("expires", times());
    for column in COLUMNS {
        maker.values_of(column, "CSV008", broken());
        maker.quotes(column);
    }
    maker.shapes();
    maker.missing();
    maker.made
}

struct Maker {
    next: usize,
    made: Vec<Wrong>,
}

impl Maker {
    fn right(&mut self) -> Vec<String> {
        self.next += 1;
        good(self.next)
    }

    fn values(&mut self, column: &str, ways: Vec<Way>) {
        let code = match column {
            "msisdn" => "CSV003",
            "imsi" => "CSV004",
            _ => "CSV009",
        };
        self.values_of(column, code, ways);
    }

    fn values_of(&mut self, column: &str, code: &'static str, ways: Vec<Way>) {
        let place = COLUMNS.iter().position(|known| *known == column).unwrap();
        for Way { kind, value, words } in ways {
            let right = self.right();
            let mut cells: Vec<Vec<u8>> = right.iter().map(|cell| cell.clone().into_bytes()).collect();
            cells[place].clone_from(&value);
            let row = line(&cells);
            // What only a plan knows: the route, and files.
            let is_told = !["elsewhere", "unknown"].iter().any(|word| kind.starts_with(word));
            let inner = quoted(&value);
            let inner = inner.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(&inner).to_vec();
            let cell = is_told.then_some((place, inner));
            self.made.push(Wrong {
                kind: format!("{column}: {kind}"),
                row,
                right,
                code,
                words: words.to_owned(),
                cell,
            });
        }
    }

    fn row(&mut self, kind: String, code: &'static str, words: &str, change: impl FnOnce(Vec<Vec<u8>>) -> Vec<u8>) {
        let right = self.right();
        let row = change(right.iter().map(|cell| quoted(cell.as_bytes())).collect());
        self.made.push(Wrong { kind, row, right, code, words: words.to_owned(), cell: None });
    }

    /// The quotes of one cell.
    fn quotes(&mut self, column: &str) {
        let place = COLUMNS.iter().position(|known| *known == column).unwrap();
        let ways: [(&str, &[u8], &str); 8] = [
            ("a quote left open", b"\"x", "not closed"),
            ("a quote left open before a doubled one", b"\"x\"\"", "not closed"),
            ("nothing but a quote", b"\"", "not closed"),
            ("a quote in the middle", b"x\"y", "does not begin with one"),
            ("a quote at the end", b"x\"", "does not begin with one"),
            ("a blank before the quotes", b" \"x\"", "does not begin with one"),
            ("text behind the quotes", b"\"x\"y", "something follows"),
            ("a blank behind the quotes", b"\"x\" ", "something follows"),
        ];
        for (kind, value, words) in ways {
            self.row(format!("{column}: {kind}"), "CSV010", words, |mut cells| {
                // No other quote of the row may close it.
                cells[2] = b"plain".to_vec();
                cells[place] = value.to_vec();
                cells.join(&b","[..])
            });
        }
    }

    fn shapes(&mut self) {
        for has in 1..COLUMNS.len() {
            self.row(format!("{has} fields"), "CSV007", "fields, the header 17", |cells| {
                // Not a field alone: that one says `field`.
                cells[..has].join(&b","[..])
            });
        }
        self.made.retain(|wrong| wrong.kind != "1 fields");
        for more in 1..=12 {
            self.row(format!("{more} fields too many"), "CSV007", "fields, the header 17", |cells| {
                [cells.join(&b","[..]), vec![b','; more]].concat()
            });
        }
        for delimiter in [";", "\t", "|", ":"] {
            self.row(format!("`{}` between the cells", delimiter.escape_debug()), "CSV007", "the header 17", |cells| {
                cells.join(delimiter.as_bytes()).into_iter().filter(|octet| *octet != b',' && *octet != b'"').collect()
            });
        }
        self.row("a comma that wants quotes".to_owned(), "CSV007", "18 fields", |mut cells| {
            cells[2] = b"a,b".to_vec();
            cells.join(&b","[..])
        });
        self.row("a line of 70 KiB".to_owned(), "CSV009", "longer than 64 KiB", |mut cells| {
            cells[16] = vec![b'n'; 70 << 10];
            cells.join(&b","[..])
        });
        self.row("a document of more than 255 SMS".to_owned(), "CSV009", "more than 255", |mut cells| {
            cells[15] = vec![b'b'; 4096];
            cells.join(&b","[..])
        });
        for (kind, begin, end) in [
            ("over when it begins", "2026-12-23T12:00:00Z", "2026-12-23T12:00:00Z"),
            ("over before it begins", "2027-01-01T00:00:00Z", "2026-12-31T23:59:59Z"),
            ("over before it begins, by the zone", "2026-12-23T12:00:00+01:00", "2026-12-23T12:00:00+02:00"),
        ] {
            self.row(kind.to_owned(), "CSV009", "not later than `not_before`", |mut cells| {
                (cells[11], cells[12]) = (begin.into(), end.into());
                cells.join(&b","[..])
            });
        }
    }

    fn missing(&mut self) {
        for (place, column) in COLUMNS.iter().enumerate().filter(|(place, _)| [0, 1, 2, 3, 4, 14, 15].contains(place)) {
            for (how, cell) in [("nothing", ""), ("nothing in quotes", "\"\"")] {
                self.row(format!("{column}: {how}"), "CSV006", column, |mut cells| {
                    cells[place] = cell.into();
                    cells.join(&b","[..])
                });
            }
        }
        self.row("x_apn: blanks".to_owned(), "CSV006", "comes to nothing", |mut cells| {
            cells[14] = b"   ".to_vec();
            cells.join(&b","[..])
        });
        // The first good row of the table has number 0.
        for (how, number) in
            [("again", "46700000000"), ("again with its sign", "+46700000000"), ("again in quotes", "\"46700000000\"")]
        {
            self.row(format!("msisdn: {how}"), "CSV005", "stands in line", |mut cells| {
                cells[0] = number.into();
                cells.join(&b","[..])
            });
        }
    }
}

/// Characters that slip into numbers.
const INTRUDERS: &[(&str, &str)] = &[
    ("a blank", " "),
    ("a blank that does not break", "\u{A0}"),
    ("a wide blank", "\u{3000}"),
    ("a thin blank", "\u{2009}"),
    ("a blank of no width", "\u{200B}"),
    ("a tab", "\t"),
    ("a hyphen", "-"),
    ("a soft hyphen", "\u{AD}"),
    ("a dash", "\u{2013}"),
    ("a minus", "\u{2212}"),
    ("a point", "."),
    ("a comma", ","),
    ("a slash", "/"),
    ("an underscore", "_"),
    ("an apostrophe", "'"),
    ("a doubled quote", "\""),
    ("a parenthesis", "("),
    ("a star", "*"),
    ("a hash", "#"),
    ("an equals sign", "="),
    ("an at sign", "@"),
    ("a percent sign", "%"),
    ("the letter O", "O"),
    ("the letter l", "l"),
    ("the letter x", "x"),
    ("the letter E", "E"),
    ("a NUL", "\0"),
    ("a bell", "\u{7}"),
    ("an escape", "\u{1B}"),
    ("a delete", "\u{7F}"),
    ("a C1 control", "\u{85}"),
    ("a line feed", "\n"),
    ("a carriage return", "\r"),
    ("both", "\r\n"),
    ("a byte-order mark", "\u{FEFF}"),
    ("a mark of direction", "\u{202E}"),
    ("a line separator", "\u{2028}"),
    ("a replacement character", "\u{FFFD}"),
    ("no character", "\u{FFFE}"),
    ("an accent", "\u{301}"),
    ("an emoji", "\u{1F4F1}"),
    ("an Arabic digit", "\u{0664}"),
    ("a wide digit", "\u{FF14}"),
    ("a raised digit", "\u{2074}"),
    ("a Roman numeral", "\u{2163}"),
];

/// The digit zero of other scripts; nine more follow each.
const SCRIPTS: &[(&str, char)] = &[
    ("Arabic", '\u{0660}'),
    ("Persian", '\u{06F0}'),
    ("Devanagari", '\u{0966}'),
    ("Bengali", '\u{09E6}'),
    ("Tamil", '\u{0BE6}'),
    ("Thai", '\u{0E50}'),
    ("Tibetan", '\u{0F20}'),
    ("Burmese", '\u{1040}'),
    ("Khmer", '\u{17E0}'),
    ("wide", '\u{FF10}'),
    ("mathematical", '\u{1D7CE}'),
];

fn digits(column: &str, least: usize, most: usize) -> Vec<Way> {
    let usual = "1234567890".repeat(3);
    let form = match column {
        "msisdn" => "the number",
        "imsi" => "this one is",
        _ => "it is",
    };
    let lengths = (1..least).chain(most + 1..=most + 8);
    let mut ways: Vec<Way> = lengths.map(|n| way(format!("{n} digits"), &usual[..n], form)).collect();
    for (name, intruder) in INTRUDERS {
        for (where_to, at) in [("in front", 0), ("in the middle", least / 2), ("at the end", least - 1)] {
            let value = format!("{}{intruder}{}", &usual[..at], &usual[at + 1..least]);
            ways.push(way(format!("{name} {where_to}"), value, form));
        }
    }
    for (name, zero) in SCRIPTS {
        let value: String = (1..=least as u32).map(|n| char::from_u32(u32::from(*zero) + n % 10).unwrap()).collect();
        ways.push(way(format!("{name} digits"), value, "another script"));
    }
    for (name, value) in [
        ("hexadecimal", "0x2400112345678"),
        ("scientific", "2.40011E+14"),
        ("a formula", "=2400112345678"),
        ("a word", "unknown"),
        ("a dash", "-"),
        ("NULL", "NULL"),
    ] {
        ways.push(way(name, value, form));
    }
    if column != "msisdn" {
        ways.push(way("a sign", format!("+{}", &usual[..least - 1]), form));
    } else {
        for (name, value) in [
            ("a zero in front", "0701234567"),
            ("two zeros in front", "0046701234567"),
            ("two signs", "++46701234567"),
            ("a sign alone", "+"),
            ("a URI", "tel:+46701234567"),
        ] {
            ways.push(way(name, value, form));
        }
    }
    ways
}

fn texts(column: &str) -> Vec<Way> {
    let mut ways = vec![
        way("a NUL", "a\0b", "control characters"),
        way("a bell", "a\u{7}", "control characters"),
        way("a tab", "a\tb", "control characters"),
        way("a vertical tab", "a\u{B}b", "control characters"),
        way("an escape", "\u{1B}[2J", "control characters"),
        way("the separator of the store", "a\u{1F}b", "control characters"),
        way("a delete", "a\u{7F}", "control characters"),
        way("a C1 control", "a\u{85}b", "control characters"),
        way("another C1 control", "\u{9F}", "control characters"),
        way("a line feed", "a\nb", "line end"),
        way("a carriage return", "a\rb", "line end"),
        way("a carriage return at the end", "a\r", "line end"),
        way("both", "a\r\nb", "line end"),
        way("lines that look like rows", "a\n46709999999,mallory,x\nb", "line end"),
        way("a byte-order mark in front", "\u{FEFF}a", "U+FEFF"),
        way("a byte-order mark in the middle", "a\u{FEFF}b", "U+FEFF"),
        way("a blank of no width", "a\u{200B}b", "U+200B"),
        way("a line separator", "a\u{2028}b", "U+2028"),
        way("a mark of direction", "a\u{202E}b", "U+202E"),
        way("an isolate", "a\u{2066}b", "U+2066"),
        way("a word joiner", "a\u{2060}b", "U+2060"),
        way("a replacement character", "caf\u{FFFD}", "U+FFFD"),
        way("an annotation", "a\u{FFF9}b", "U+FFF9"),
        way("no character of the first plane", "a\u{FFFE}", "U+FFFE"),
        way("the mark of slots", "a\u{FFFF}\u{F0000}", "U+FFFF"),
        way("no character of Arabic", "\u{FDD0}", "U+FDD0"),
        way("no character of the second plane", "\u{1FFFF}", "U+1FFFF"),
        way("no character of the last plane", "\u{10FFFE}", "U+10FFFE"),
    ];
    ways.extend(own_texts(column));
    ways
}

/// What is wrong in some columns of text only.
fn own_texts(column: &str) -> Vec<Way> {
    let mut ways = Vec::new();
    match column {
        "password" | "x_apn" | "x_note" => ways.push(way("5,000 octets", "a".repeat(5000), "4,096 octets")),
        "user" => {
            ways.push(way("5,000 octets", "a".repeat(5000), "4,096 octets"));
            let blanks = [
                ("a blank in front", " a"),
                ("a blank at the end", "a "),
                ("a blank inside", "a b"),
                ("blanks alone", "   "),
                ("a wide blank", "a\u{3000}b"),
            ];
            ways.extend(blanks.map(|(kind, value)| way(kind, value, "blanks")));
        }
        _ => {
            ways.push(way("300 octets", "a".repeat(300), ""));
            ways.push(way("a hundred characters of three octets", "\u{20AC}".repeat(100), ""));
        }
    }
    if ["model", "route", "ref"].contains(&column) {
        let blanks = [
            ("a blank in front", " a"),
            ("a blank at the end", "a "),
            ("blanks alone", "  "),
            ("a wide blank", "\u{3000}a"),
        ];
        ways.extend(blanks.map(|(kind, value)| way(kind, value, "blanks")));
    }
    if !column.starts_with("x_") {
        let names = ["{user}", "{x_note}", "{First Name}", "{}"];
        ways.extend(names.map(|value| way(format!("nothing but {value}"), value, "placeholder")));
    }
    match column {
        "route" => {
            let routes = ["smsc-b", "FILE", "file.toml", "sim", "1"];
            ways.extend(routes.map(|value| way(format!("elsewhere, {value}"), value, "the campaign has")));
        }
        "profile" => {
            let outside = [
                "/etc/passwd",
                "../acme.toml",
                "a/../../b.toml",
                "./acme.toml",
                "C:\\acme.toml",
                "..\\acme.toml",
                "..",
                ".",
            ];
            ways.extend(outside.map(|value| way(format!("outside, {value}"), value, "name of a file")));
            ways.extend((1..=120).map(|n| way(format!("unknown, {n}"), format!("missing{n}.toml"), "`profile`")));
            ways.push(way("unknown, one with a fault", "faulty.toml", "`profile`"));
        }
        _ => {}
    }
    ways
}

fn zones() -> Vec<Way> {
    let zones = [
        "02:00",
        "+2:00",
        "+0200",
        "+02",
        "+02:0",
        "+02:000",
        "+002:00",
        "+02.00",
        "+02:60",
        "+02:99",
        "+14:01",
        "+15:00",
        "+24:00",
        "+99:99",
        "-12:01",
        "-13:00",
        "-14:00",
        "+-2:00",
        "+02:00 ",
        " +02:00",
        "+ 2:00",
        "UTC",
        "GMT",
        "Z",
        "CET",
        "EST5EDT",
        "Europe/Stockholm",
        "UTC+2",
        "+aa:bb",
        "\u{2212}02:00",
        "+\u{0660}2:00",
        "+02:\u{FF10}0",
        "+02:00:00",
        "7200",
        "+02;00",
        "=2",
        "local",
        "{tz}",
        "+02\0:00",
        "+02:00\n",
    ];
    zones.iter().map(|zone| way(format!("`{}`", zone.escape_debug()), *zone, "offset")).collect()
}

fn times() -> Vec<Way> {
    let times = [
        "2026-02-29T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-13-10T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2016-12-31T23:59:60Z",
        "2015-06-30T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "10000-01-01T00:00:00Z",
        "-2026-01-01T00:00:00Z",
        "26-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "2026-01-01",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00",
        "00:00:00Z",
        "2026-01-01T00:00:00+1",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+25:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026/01/01T00:00:00Z",
        "20260101T000000Z",
        "2026-W01-1T00:00:00Z",
        "2026-001T00:00:00Z",
        "01.01.2026",
        "01/02/2026",
        "1767225600",
        "tomorrow",
        "now",
        "never",
        "+3d",
        "46023",
        "2026-01-01T00:00:00Z ",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00 Z",
        "2026-01-01T00:00:00CET",
        "\u{0662}\u{0660}\u{0662}\u{0666}-01-01T00:00:00Z",
        "2026\u{2010}01\u{2010}01T00:00:00Z",
        "2026-01-01T00:00:00Z\0",
        "2026-01-01T00:00:00Z\n",
        "{expires}",
        "=NOW()",
        "0000-00-00T00:00:00Z",
    ];
    times.iter().map(|time| way(format!("`{}`", time.escape_debug()), *time, "date and time")).collect()
}

/// Octets that are no UTF-8 (Unicode, table 3-7).
fn broken() -> Vec<Way> {
    let octets: [(&str, &[u8]); 10] = [
        ("a continuation alone", b"a\x80b"),
        ("a start alone", b"a\xC3b"),
        ("a start at the end", b"a\xE2\x82"),
        ("an overlong slash", b"\xC0\xAF"),
        ("an overlong NUL", b"\xE0\x80\x80"),
        ("half a surrogate pair", b"\xED\xA0\x80"),
        ("beyond the last plane", b"\xF4\x90\x80\x80"),
        ("five octets", b"\xF8\x88\x80\x80\x80"),
        ("Latin-1", b"r\xF6meo"),
        ("UTF-16", b"\xFF\xFEa"),
    ];
    octets.iter().map(|(kind, value)| way(*kind, *value, "not UTF-8")).collect()
}
