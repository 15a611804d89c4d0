//! Two inputs side by side: descriptions node by node with a verdict, settings by their meaning.

use serde::Serialize;

use super::picture::Picture;
use crate::dm::{Comparison, Description, Impact, Tree};
use crate::document::Element;
use crate::provision::compare::{self, SettingDifference, Side};
use crate::provision::{ImpsAccount, Profile, cp, dm};

/// Settings of one side, whatever they were written in.
#[derive(Debug)]
pub struct Settings {
    accounts: Vec<ImpsAccount>,
    slots: Vec<String>,
    tree: Option<Tree>,
}

impl Settings {
    /// Returns the settings in a provisioning document.
    pub fn of_document(root: &Element<'_>) -> Self {
        Self { accounts: cp::read(root).accounts, slots: Vec::new(), tree: None }
    }

    /// Returns the settings in a device tree.
    pub fn of_tree(tree: Tree) -> Self {
        Self { accounts: dm::read(&tree).accounts, slots: Vec::new(), tree: Some(tree) }
    }

    /// Returns the settings of a profile for one handset; placeholders to which `values` give nothing stand for anything.
    pub fn of_profile(profile: &Profile, values: &[(String, String)]) -> Self {
        Self { accounts: vec![profile.partly_filled(values)], slots: profile.slots.names().to_vec(), tree: None }
    }

    /// Returns whether there is anything to compare with settings in another form.
    pub fn has_accounts(&self) -> bool {
        !self.accounts.is_empty()
    }

    /// Returns whether they are those of a device tree.
    pub fn is_tree(&self) -> bool {
        self.tree.is_some()
    }

    fn side(&self) -> Side<'_> {
        Side { accounts: &self.accounts, slots: &self.slots, is_tree: self.is_tree() }
    }
}

/// What differs between two inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differences {
    /// Whether they are of descriptions.
    of_descriptions: bool,
    rows: Vec<Row>,
    /// How many the user does not want to hear of.
    ignored: usize,
    /// Values of which only a part was compared, because of placeholders.
    open: usize,
    /// Secrets that could not be compared.
    untold: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    path: String,
    change: &'static str,
    expected: Option<String>,
    actual: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'static str>,
    #[serde(skip)]
    impact: Option<Impact>,
    /// Nodes below it that share its fate.
    #[serde(skip_serializing_if = "is_zero")]
    nodes_below: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Differences {
    /// Compares two device descriptions.
    pub fn of_descriptions(expected: &Description, actual: &Description) -> Self {
        let row = |d: crate::dm::Difference| Row {
            account: None,
            change: d.aspect.as_str(),
            effect: Some(d.in_words()),
            impact: Some(d.impact),
            path: d.path,
            expected: d.before,
            actual: d.after,
            nodes_below: d.below,
        };
        let mut rows: Vec<Row> = Comparison::of(expected, actual).differences.into_iter().map(row).collect();
        // What breaks something is not to be looked for among a hundred texts.
        rows.sort_by_key(|row| match row.impact {
            Some(Impact::Major) => 0,
            _ if row.effect == Some("warning") => 1,
            Some(Impact::Minor) => 2,
            _ => 3,
        });
        Self { of_descriptions: true, rows, ignored: 0, open: 0, untold: 0 }
    }

    /// Compares two sets of settings; of two trees also what else is in them.
    pub fn of_settings(expected: &Settings, actual: &Settings) -> Self {
        let mut compared = compare::compare(expected.side(), actual.side());
        if let (Some(expected), Some(actual)) = (&expected.tree, &actual.tree) {
            compared.differences.extend(compare::compare_trees(expected, actual));
        }
        let row = |d: SettingDifference| Row {
            account: d.account,
            path: d.path,
            change: match (&d.expected, &d.actual) {
                (None, _) => "added",
                (_, None) => "removed",
                _ => "value",
            },
            expected: d.expected,
            actual: d.actual,
            effect: None,
            impact: None,
            nodes_below: 0,
        };
        let rows = compared.differences.into_iter().map(row).collect();
        Self { of_descriptions: false, rows, ignored: 0, open: compared.open, untold: compared.untold }
    }

    /// Leaves out what is at these addresses and below them; `<X>` in them is any name.
    pub fn ignore(&mut self, paths: &[String]) {
        let before = self.rows.len();
        self.rows.retain(|row| !paths.iter().any(|path| is_at_or_below(&row.path, path)));
        self.ignored += before - self.rows.len();
    }

    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns what the worst difference of descriptions means; `None` without one, and for settings.
    pub fn impact(&self) -> Option<Impact> {
        self.rows.iter().filter_map(|row| row.impact).max()
    }

    /// Returns the verdict in one word: `none`, `patch`, `minor` or `major` for descriptions, `same` or `different` for
    /// settings.
    pub fn verdict(&self) -> &'static str {
        match (self.of_descriptions, self.impact()) {
            (true, None) => "none",
            (true, Some(impact)) => impact.as_str(),
            (false, _) if self.is_empty() => "same",
            (false, _) => "different",
        }
    }

    /// Returns the differences as a table for people.
    pub fn to_text(&self) -> String {
        if self.is_empty() {
            return format!("{}\n", self.title());
        }
        self.picture().to_text()
    }

    /// Returns the differences as a table in Markdown, for release notes.
    pub fn to_markdown(&self) -> String {
        if self.is_empty() {
            return format!("# {}\n", self.title());
        }
        self.picture().to_markdown()
    }

    /// Returns the differences as `impskit.diff/1` JSON, with a line end; the names are those of the two inputs.
    pub fn to_json(&self, expected: &str, actual: &str) -> String {
        let count = |word: &str| self.rows.iter().filter(|row| row.effect == Some(word)).count();
        let summary = serde_json::json!({
            "differences": self.rows.len(),
            "breaking": count("breaking"),
            "warning": count("warning"),
            "compatible": count("compatible"),
            "ignored": self.ignored,
            "open": self.open,
            "untold": self.untold,
        });
        let json = Json {
            schema: "impskit.diff/1",
            kind: if self.of_descriptions { "ddf" } else { "settings" },
            expected,
            actual,
            verdict: self.verdict(),
            differences: &self.rows,
            summary,
        };
        // Strings and numbers always have a JSON form.
        serde_json::to_string_pretty(&json).map(|text| text + "\n").unwrap_or_default()
    }

    fn picture(&self) -> Picture {
        let columns: &[&str] = match self.of_descriptions {
            true => &["NODE", "CHANGE", "BEFORE", "AFTER", "EFFECT"],
            false => &["SETTING", "EXPECTED", "ACTUAL"],
        };
        let mut picture = Picture::new(self.title(), columns, true);
        for row in &self.rows {
            let side = |text: &Option<String>| match text.as_deref() {
                None => "–".to_owned(),
                Some("") => "(empty)".to_owned(),
                Some(text) => text.to_owned(),
            };
            let path = match (&row.account, row.nodes_below) {
                (Some(account), _) => format!("{account}: {}", row.path),
                (None, 0) => row.path.clone(),
                (None, below) => format!("{} + {below} below", row.path),
            };
            let (expected, actual) = (side(&row.expected), side(&row.actual));
            match row.effect {
                Some(effect) => picture.add(0, [path, row.change.to_owned(), expected, actual, effect.to_owned()]),
                None => picture.add(0, [path, expected, actual]),
            }
        }
        picture
    }

    fn title(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        if self.of_descriptions {
            for word in ["breaking", "warning", "compatible"] {
                let count = self.rows.iter().filter(|row| row.effect == Some(word)).count();
                words.extend((count > 0).then(|| format!("{count} {word}")));
            }
        } else if !self.is_empty() {
            words.push(format!("{} {}", self.rows.len(), plural(self.rows.len(), "setting", "settings")));
        }
        let more = [
            (self.ignored, "difference ignored", "differences ignored"),
            (self.open, "placeholder that stands for anything", "placeholders that stand for anything"),
            (self.untold, "secret that the device does not tell", "secrets that the device does not tell"),
        ];
        let more = more.into_iter().filter(|(count, ..)| *count > 0);
        words.extend(more.map(|(count, one, several)| format!("{count} {}", plural(count, one, several))));
        match words.is_empty() {
            true => format!("verdict: {}", self.verdict()),
            false => format!("verdict: {} ({})", self.verdict(), words.join(", ")),
        }
    }
}

#[derive(Serialize)]
struct Json<'d> {
    schema: &'static str,
    kind: &'static str,
    expected: &'d str,
    actual: &'d str,
    verdict: &'static str,
    differences: &'d [Row],
    summary: serde_json::Value,
}

fn plural<'w>(count: usize, one: &'w str, several: &'w str) -> &'w str {
    if count == 1 { one } else { several }
}

/// Returns whether an address is `place` or below it; `<X>` in `place` is any name.
fn is_at_or_below(path: &str, place: &str) -> bool {
    let mut path = path.trim_start_matches("./").split(['/', '?']);
    let place = place.trim_start_matches("./").trim_end_matches('/');
    place.split('/').all(|wanted| path.next().is_some_and(|name| wanted == name || wanted == "<X>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dm::{Node, Uri};

    #[test]
    fn places_hold_what_is_below_them() {
        for (path, place, wanted) in [
            ("./IMPS/<X>/Name", "./IMPS/<X>", true),
            ("./IMPS/acme/Name", "IMPS/<X>/Name", true),
            ("./IMPS/acme/Names", "./IMPS/<X>/Name", false),
            ("./IMPS", "./IMPS/<X>", false),
            ("./IMPS?prop=ACL", "./IMPS", true),
            ("AppAuth/<X>/AAuthName", "AppAuth", true),
        ] {
            assert_eq!(is_at_or_below(path, place), wanted, "{path} {place}");
        }
    }

    fn tree(name: &str, leaves: &[(&str, &str)]) -> Settings {
        let node = leaves.iter().fold(Node::interior(name), |node, (name, value)| node.with(Node::text(*name, *value)));
        let mut tree = Tree::new();
        tree.add(&Uri::root(), node).unwrap();
        Settings::of_tree(tree)
    }

    #[test]
    fn trees_without_accounts_are_compared_node_by_node() {
        let before = tree("A", &[("x", "1"), ("y", "2"), ("PinSecret", "1234")]);
        let after = tree("A", &[("y", "3"), ("z", ""), ("PinSecret", "4321")]);
        let mut differences = Differences::of_settings(&before, &after);
        let lines = [
            "verdict: different (4 settings)",
            "",
            "SETTING        EXPECTED  ACTUAL",
            "./A/x          1         –",
            "./A/y          2         3",
            "./A/PinSecret  ••••      ••••",
            "./A/z          –         (empty)",
        ];
        assert_eq!(differences.to_text().lines().collect::<Vec<_>>(), lines);
        differences.ignore(&["./<X>".to_owned()]);
        assert_eq!(differences.to_text(), "verdict: same (4 differences ignored)\n");
        assert_eq!(Differences::of_settings(&before, &before).to_text(), "verdict: same\n");
    }
}
