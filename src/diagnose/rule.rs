//! A rule: what may be wrong, described once.

use super::Severity;

/// What may be wrong with a document. One constant a rule, directly above the function that finds it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Family and number, for instance `CP008`.
    pub code: &'static str,
    /// A short name in words joined by `-`.
    pub name: &'static str,
    /// How bad it is, unless a finding says otherwise.
    pub severity: Severity,
    /// Where the rule is from: document and heading, or whose decision it is.
    pub clause: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub summary: &'static str,
    /// The way out.
    pub help: &'static str,
    /// A document that breaks this rule. Starts with `hex:` where it is binary.
    pub bad: &'static str,
    /// The same document mended.
    pub good: &'static str,
}

impl Rule {
    /// Returns the octets of an example: text as it stands, or the octets behind `hex:`.
    pub fn example(example: &str) -> Vec<u8> {
        let Some(hex) = example.strip_prefix("hex:") else {
            return example.as_bytes().to_vec();
        };
        let digits: Vec<u8> = hex.bytes().filter_map(|b| (b as char).to_digit(16).map(|d| d as u8)).collect();
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }
}

#[cfg(test)]
impl Rule {
    /// A rule for tests of what is done with findings, whatever they are.
    pub(crate) const TEST: Self = Self {
        code: "XXX001",
        name: "test",
        severity: Severity::Error,
        clause: "a clause",
        summary: "-",
        help: "do this",
        bad: "-",
        good: "-",
    };
}

/// Returns the first fault of a list of rules: a code given twice or malformed, or an empty field.
/// This is the law that every family's list obeys.
pub fn rules_are_sound(rules: &[&'static Rule]) -> Result<(), String> {
    let mut codes = std::collections::BTreeSet::new();
    for rule in rules {
        let (family, number) = rule.code.split_at(rule.code.len().saturating_sub(3));
        if family.is_empty()
            || !family.bytes().all(|b| b.is_ascii_uppercase())
            || !number.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(format!("`{}` is not a rule code", rule.code));
        }
        if !codes.insert(rule.code) {
            return Err(format!("`{}` is given twice", rule.code));
        }
        for field in [rule.name, rule.clause, rule.summary, rule.help, rule.bad, rule.good] {
            if field.is_empty() {
                return Err(format!("`{}` has an empty field", rule.code));
            }
        }
    }
    Ok(())
}
