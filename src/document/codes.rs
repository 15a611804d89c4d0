//! The two-letter codes of the plain text syntax, read from a table.

/// What a code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// The two letters, upper case.
    pub code: &'static str,
    /// `primitive`, `element` or `value`.
    pub kind: &'static str,
    /// The name in full.
    pub name: &'static str,
    /// Where the code has this meaning: a primitive or a parent; `-` for everywhere.
    pub place: &'static str,
    /// How the value is written; `?` where nobody knows.
    pub notation: &'static str,
}

/// The codes of a language that a fielded client is known to use.
#[derive(Debug)]
pub struct CodeTable {
    codes: Vec<Code>,
}

impl CodeTable {
    /// Reads a table with the columns code, kind, name, certainty, place and notation. Only rows of certainty A or B
    /// count: the others are guesses, or were invented, and would be sent to peers that mean something else by them.
    pub fn read(table: &'static str) -> Self {
        let rows = table.lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>());
        let codes = rows.filter_map(|cells| match cells[..] {
            [code, kind, name, "A" | "B", place, notation] => Some(Code { code, kind, name, place, notation }),
            _ => None,
        });
        Self { codes: codes.collect() }
    }

    /// Returns what a code stands for in the first of `places` that has it, in any case of letters.
    pub fn meaning(&self, kind: &str, places: &[&str], code: &str) -> Option<&Code> {
        self.first(kind, places, |row| row.code.eq_ignore_ascii_case(code))
    }

    /// Returns the code of a name in the first of `places` that has it.
    pub fn code_of(&self, kind: &str, places: &[&str], name: &str) -> Option<&Code> {
        self.first(kind, places, |row| row.name == name)
    }

    fn first(&self, kind: &str, places: &[&str], fits: impl Fn(&Code) -> bool) -> Option<&Code> {
        places
            .iter()
            .find_map(|place| self.codes.iter().find(|row| row.kind == kind && row.place == *place && fits(row)))
    }
}
