//! The two-letter codes of the plain text syntax, read from a table.

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The two letters, upper case.
    pub code: &'static str,
    /// `primitive`, `element` or `value`.
    pub kind: &'static str,
    /// The name in full.
    pub name: &'static str,
    /// Where the code has this meaning: a primitive or a parent; `-` for everywhere.
    pub place: &'static str,
    /// How the value is written. Of a primitive, `request` where its name does not say that it asks.
    pub notation: &'static str,
}

/// The codes of a language: those that count, and those that are only proposed.
#[derive(Debug, Clone, Eq)]
pub struct CodeTable {
    codes: Vec<Code>,
    /// Codes of no known source, with the notation that they would have.
    proposed: Vec<Code>,
    /// Whether another table was laid over our own.
    is_extended: bool,
}

/// Tables are compared with each message, and nearly always one with itself.
impl PartialEq for CodeTable {
    fn eq(&self, other: &Self) -> bool {
        let has_same_rows = || self.codes == other.codes && self.proposed == other.proposed;
        std::ptr::eq(self, other) || self.is_extended == other.is_extended && has_same_rows()
    }
}

/// A row of a table that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong: lower-case start, no full stop.
    pub what: String,
}

impl std::fmt::Display for BadRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for BadRow {}

impl CodeTable {
    /// Reads our own table, with the columns code, kind, name, certainty, place and notation. Only rows of certainty A or
    /// B count: the others are guesses, or were invented, and would be sent to peers that mean something else by them.
    pub fn read(table: &'static str) -> Self {
        let mut own = Self { codes: Vec::new(), proposed: Vec::new(), is_extended: false };
        for row in table.lines().skip(1).map(|row| row.split('\t').collect::<Vec<_>>()) {
            let [code, kind, name, certainty, place, notation] = row[..] else { continue };
            let rows = if matches!(certainty, "A" | "B") { &mut own.codes } else { &mut own.proposed };
            rows.push(Code { code, kind, name, place, notation });
        }
        own
    }

    /// Returns these codes with those of another table laid over them: every row of that counts, whatever its certainty.
    ///
    /// The first line names the columns: `code`, `kind` and `name`, and `place` where a name has codes in several; others
    /// are not looked at. Names are those that have a form in plain text. The text is kept as long as the program runs.
    ///
    /// # Errors
    ///
    /// Names the first row that cannot be used.
    pub fn overlaid(&self, text: String) -> Result<Self, BadRow> {
        let text: &'static str = text.leak();
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let (_, header) = lines.next().ok_or_else(|| BadRow { line: 1, what: "the table is empty".to_owned() })?;
        let columns: Vec<&str> = header.split('\t').map(str::trim).collect();
        let column = |name: &str| columns.iter().position(|column| *column == name);
        let (Some(code), Some(kind), Some(name)) = (column("code"), column("kind"), column("name")) else {
            let what = "the first line names the columns, with tabs between: code, kind, name".to_owned();
            return Err(BadRow { line: 1, what });
        };
        let mut table = Self { is_extended: true, ..self.clone() };
        for (index, line) in lines {
            let cells: Vec<&'static str> = line.split('\t').map(str::trim).collect();
            let cell = |column: usize| cells.get(column).copied().unwrap_or_default();
            let place = column("place").map(cell).filter(|place| !place.is_empty());
            table.set(cell(code), cell(kind), cell(name), place).map_err(|what| BadRow { line: index + 1, what })?;
        }
        Ok(table)
    }

    /// Gives a name its code.
    fn set(&mut self, code: &'static str, kind: &str, name: &str, place: Option<&str>) -> Result<(), String> {
        let is_upper = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        if !is_upper {
            return Err(format!("`{code}` is no code: two capital letters"));
        }
        let is_meant = |row: &Code| row.kind == kind && row.name == name && place.is_none_or(|p| p == row.place);
        let known: Vec<Code> = self.codes.iter().chain(&self.proposed).filter(|row| is_meant(row)).cloned().collect();
        if known.is_empty() {
            return Err(format!("`{name}` is no {kind} that has a form in plain text"));
        }
        // Where a name has several rows, the one that has the code already is meant, else all of them.
        let is_named = known.iter().any(|row| row.code == code);
        for row in known.into_iter().filter(|row| !is_named || row.code == code) {
            let is_other = |other: &&Code| other.kind == kind && other.place == row.place && other.name != row.name;
            if let Some(other) = self.codes.iter().filter(is_other).find(|other| other.code == code) {
                return Err(format!("`{code}` is the code of `{}` already", other.name));
            }
            self.codes.retain(|old| (old.kind, old.name, old.place) != (row.kind, row.name, row.place));
            self.codes.push(Code { code, ..row });
        }
        Ok(())
    }

    /// Returns what a code stands for in the first of `places` that has it, in any case of letters.
    pub fn meaning(&self, kind: &str, places: &[&str], code: &str) -> Option<&Code> {
        self.first(kind, places, |row| row.code.eq_ignore_ascii_case(code))
    }

    /// Returns the code of a name in the first of `places` that has it.
    pub fn code_of(&self, kind: &str, places: &[&str], name: &str) -> Option<&Code> {
        self.first(kind, places, |row| row.name == name)
    }

    /// Returns whether codes are on that no source knows: then names in full and deeper groups stand for what has none.
    pub(crate) fn takes_names(&self) -> bool {
        self.is_extended
    }

    /// Returns whether a primitive opens a transaction: the mode is not written, it follows from the primitive.
    pub(crate) fn is_request(&self, primitive: &str) -> bool {
        let row = self.code_of("primitive", &["-"], primitive);
        primitive.ends_with("-Request") || row.is_some_and(|row| row.notation == "request")
    }

    /// Returns the rows that count, in no order, and those that are proposed only.
    pub fn rows(&self) -> (&[Code], &[Code]) {
        (&self.codes, &self.proposed)
    }

    fn first(&self, kind: &str, places: &[&str], fits: impl Fn(&Code) -> bool) -> Option<&Code> {
        places
            .iter()
            .find_map(|place| self.codes.iter().find(|row| row.kind == kind && row.place == *place && fits(row)))
    }
}
