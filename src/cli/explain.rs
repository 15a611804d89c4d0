//! `explain`: what a rule, a status, a parameter or a word means, and what to do about it.

use std::fmt::Write as _;

use clap::Args;
use impskit::batch::route::{Class, code, usual};
use impskit::catalogue::{self, RULES};
use impskit::cp::{self, APPLICATIONS, DECLARATIONS, Declaration};
use impskit::csp::Code;
use impskit::delivery::{pap, smpp};
use impskit::diagnose::{Rule, nearest};
use impskit::dm::{Status, syncml::AlertCode};
use impskit::error::{Error, Result};
use serde::Serialize;

use super::{Format, Outcome, Ui};

/// What a rule, a status or a word means, and what to do
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit explain CP008 csp:531 NETWPIN
  impskit explain --list WA")]
pub(crate) struct Explain {
    /// Rule codes such as `CP008`, statuses such as `csp:531`, `syncml:405` and `smpp:0x58`, codes of routes such as `http:403`, alerts such as `syncml:alert-1201`, parms, words such as `NETWPIN`
    #[arg(value_name = "CODE", required_unless_present = "list")]
    codes: Vec<String>,
    /// List the rules whose codes begin with PREFIX, all without it; `smpp` lists the statuses of SMPP
    #[arg(long, value_name = "PREFIX", num_args = 0..=1, default_missing_value = "", conflicts_with = "codes")]
    list: Option<String>,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

/// What is known of a code.
#[derive(Debug, Default, Serialize)]
struct Entry {
    code: String,
    kind: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    meaning: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    cause: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    help: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    clause: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    bad: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    good: String,
}

#[derive(Debug, Serialize)]
struct Explanation {
    schema: &'static str,
    entries: Vec<Entry>,
}

pub(crate) fn run(command: &Explain, ui: &mut Ui) -> Result<Outcome> {
    let mut unknown = false;
    let mut entries = Vec::new();
    if let Some(prefix) = &command.list {
        entries = listed(prefix);
        unknown = entries.is_empty();
        if unknown {
            let help = format!("families are {}; `smpp` for statuses", families().join(", "));
            ui.error(&Error::input(format!("no rule begins with `{}`", prefix.to_ascii_uppercase())).help(help));
        }
    }
    for code in &command.codes {
        let found = look_up(code);
        if found.is_empty() {
            unknown = true;
            ui.error(&not_found(code));
        }
        entries.extend(found);
    }
    match command.format {
        Format::Json => ui.line(&to_json(entries)?)?,
        Format::Text if command.list.is_some() => ui.data(as_list(&entries).as_bytes())?,
        Format::Text => {
            let pages: Vec<_> = entries.iter().map(in_text).collect();
            ui.data(pages.join("\n").as_bytes())?;
        }
    }
    Ok(if unknown { Outcome::NotGood } else { Outcome::Good })
}

fn listed(prefix: &str) -> Vec<Entry> {
    if prefix.trim_end_matches(':').eq_ignore_ascii_case("smpp") {
        return smpp::STATUSES.iter().map(of_smpp).collect();
    }
    let prefix = prefix.to_ascii_uppercase();
    let rules = RULES.iter().flat_map(|family| family.iter()).filter(|rule| rule.code.starts_with(&prefix));
    let mut entries: Vec<_> = rules.map(|rule| of_rule(rule)).collect();
    entries.sort_by(|a, b| a.code.cmp(&b.code));
    entries
}

fn to_json(entries: Vec<Entry>) -> Result<String> {
    let explanation = Explanation { schema: "impskit.explanation/1", entries };
    serde_json::to_string(&explanation).map_err(|error| Error::input(error.to_string()))
}

fn families() -> Vec<&'static str> {
    let codes = RULES.iter().flat_map(|family| family.iter()).map(|rule| &rule.code[..rule.code.len() - 3]);
    let mut families: Vec<_> = codes.collect();
    families.sort_unstable();
    families.dedup();
    families
}

fn not_found(code: &str) -> Error {
    let rules = RULES.iter().flat_map(|family| family.iter()).map(|rule| rule.code);
    let names: Vec<_> = rules.chain(words().map(|(word, _)| word)).collect();
    let help = match nearest(&code.to_ascii_uppercase(), &names) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "rules are listed by `impskit explain --list`; statuses are `csp:531`, `syncml:405`, `smpp:0x58`, codes of routes `http:403`, alerts `syncml:alert-1201`".to_owned(),
    };
    Error::input(format!("nothing is known of `{code}`")).help(help)
}

/// Returns everything that `code` is: a name may be a characteristic, a parm and a word at once.
fn look_up(code: &str) -> Vec<Entry> {
    if let Some(rule) = catalogue::rule(code) {
        return vec![of_rule(rule)];
    }
    if let Some((space, number)) = code.split_once(':') {
        let space = space.to_ascii_lowercase();
        if let ("syncml", Some(code)) = (space.as_str(), number.to_ascii_lowercase().strip_prefix("alert-")) {
            return code.parse().ok().and_then(AlertCode::of).map(of_alert).into_iter().collect();
        }
        if space != "smpp"
            && let Some(entry) = of_route(code)
        {
            return vec![entry];
        }
        if space == "smpp" {
            let status = smpp::Status::read(number).and_then(of_smpp_status);
            return status
                .or_else(|| of_message_state(number))
                .or_else(|| of_route(code))
                .or_else(|| of_word(code))
                .into_iter()
                .collect();
        }
        return match (space.as_str(), number.parse()) {
            ("csp" | "ssp", Ok(number)) => of_csp(Code(number)).into_iter().collect(),
            ("syncml", Ok(number)) => Status::of(number).map(of_syncml).into_iter().collect(),
            _ => Vec::new(),
        };
    }
    of_word(code)
        .or_else(|| of_route(code))
        .into_iter()
        .chain(of_characteristic(code))
        .chain(of_parm(code))
        .chain(of_application(code))
        .collect()
}

/// Returns in a sentence what a code means, where that is known.
pub(crate) fn meaning(code: &str) -> Option<String> {
    look_up(code).into_iter().next().map(|entry| entry.meaning)
}

fn entry(kind: &'static str, name: &str, meaning: String) -> Entry {
    Entry { code: name.to_owned(), kind, name: name.to_owned(), meaning, ..Entry::default() }
}

fn of_word(code: &str) -> Option<Entry> {
    let (name, meaning) = words().find(|(word, _)| word.eq_ignore_ascii_case(code))?;
    Some(entry("word", name, meaning.to_owned()))
}

/// A receipt's state as campaigns count it: `stat:UNDELIV`, or with the network's code `stat:UNDELIV:011`.
fn of_message_state(code: &str) -> Option<Entry> {
    let (stat, word) = code.split_once(':')?;
    let state = smpp::MessageState::of_word(word.split(':').next()?)?;
    stat.eq_ignore_ascii_case("stat").then(|| Entry {
        name: state.word().to_owned(),
        clause: "SMPP 3.4, 5.2.28, message_state".to_owned(),
        ..entry("SMPP receipt", &format!("smpp:stat:{}", state.word()), state.meaning().to_owned())
    })
}

/// A code by which a route says why a message was not taken.
fn of_route(text: &str) -> Option<Entry> {
    let lower = text.to_ascii_lowercase();
    if let Some(row) = code(&lower) {
        let class = row.class.map_or("nobody knows whether it was taken", Class::as_str);
        let (name, help) = ("code of a route".to_owned(), row.help.to_owned());
        return Some(Entry {
            name,
            class: Some(class),
            help,
            ..entry("code of a route", &lower, row.meaning.to_owned())
        });
    }
    let number = lower.strip_prefix("pap:")?.parse().ok().filter(|number| (1000..6000).contains(number))?;
    let kind = "code of a push proxy gateway";
    let entry = Entry { name: kind.to_owned(), ..entry(kind, &lower, pap::words(number).to_owned()) };
    Some(Entry { class: Some(usual(&lower).as_str()), clause: "PAP 2.0, response status codes".to_owned(), ..entry })
}

fn of_rule(rule: &Rule) -> Entry {
    Entry {
        code: rule.code.to_owned(),
        kind: "rule",
        name: rule.name.to_owned(),
        severity: Some(rule.severity.as_str()),
        meaning: rule.summary.to_owned(),
        help: rule.help.to_owned(),
        clause: rule.clause.to_owned(),
        bad: rule.bad.to_owned(),
        good: rule.good.to_owned(),
        ..Entry::default()
    }
}

fn of_csp(code: Code) -> Option<Entry> {
    let meaning = code.meaning().to_owned();
    code.is_known().then(|| Entry {
        code: format!("csp:{}", code.0),
        name: code.name().to_owned(),
        ..entry("CSP and SSP status", "", meaning)
    })
}

fn of_syncml(status: &Status) -> Entry {
    let used_by = if status.used_by.is_empty() { "any command" } else { status.used_by };
    Entry {
        code: format!("syncml:{}", status.code),
        name: status.name.to_owned(),
        clause: format!("SyncML 1.2, status codes; listed for {used_by}"),
        ..entry("SyncML status", "", status.meaning.to_owned())
    }
}

fn of_smpp_status(status: smpp::Status) -> Option<Entry> {
    let of_maker = || Entry {
        code: status.to_string(),
        name: "maker's own".to_owned(),
        class: Some(status.class().name()),
        help: "ask the operator of the centre; where it stands for something else, say so in the route's classes"
            .to_owned(),
        clause: "SMPP 3.4, 5.1.3, command_status".to_owned(),
        ..entry("SMPP status", "", status.meaning().to_owned())
    };
    status.row().map(of_smpp).or_else(|| status.is_of_maker().then(of_maker))
}

fn of_smpp(row: &smpp::StatusRow) -> Entry {
    Entry {
        code: row.status.to_string(),
        name: row.name.to_owned(),
        class: Some(row.class.name()),
        cause: row.cause.to_owned(),
        help: row.help.to_owned(),
        clause: "SMPP 3.4, 5.1.3, command_status".to_owned(),
        ..entry("SMPP status", "", row.meaning.to_owned())
    }
}

fn of_alert(alert: &AlertCode) -> Entry {
    let from = if alert.from == "both" { "client and server" } else { alert.from };
    Entry {
        code: format!("syncml:alert-{}", alert.code),
        name: alert.name.to_owned(),
        clause: format!("DM Protocol 1.2, \"Alert\"; sent by {from}"),
        ..entry("SyncML alert", "", alert.meaning.to_owned())
    }
}

fn of_characteristic(name: &str) -> Option<Entry> {
    let declaration = Declaration::of(name)?;
    let place = declaration.parents.iter().map(|p| match *p {
        "root" => "at the top of the document".to_owned(),
        "*" => "in several places".to_owned(),
        parent => format!("in {parent}"),
    });
    let parms: Vec<_> = declaration.parms.iter().filter(|p| p.name != "*").map(|p| p.name).collect();
    let mut meaning = format!("stands {}", place.collect::<Vec<_>>().join(" or "));
    if !parms.is_empty() {
        let _ = write!(meaning, "; its parms are {}", parms.join(", "));
    }
    Some(entry("characteristic", declaration.name, meaning))
}

fn of_parm(name: &str) -> Option<Entry> {
    let declared = DECLARATIONS.iter().filter_map(|d| Some((d.name, d.parm(name).filter(|p| p.name != "*")?)));
    let mut lines: Vec<_> = declared.map(|(holder, parm)| format!("{holder}: {parm}")).collect();
    let mut name_found = DECLARATIONS.iter().find_map(|d| d.parm(name)).map(|p| p.name);
    for application in APPLICATIONS.iter() {
        for parm in application.parms.iter().filter(|p| p.declaration.name.eq_ignore_ascii_case(name)) {
            name_found = name_found.or(Some(parm.declaration.name));
            lines.push(format!("{} of {}: {}", parm.types, application.appid, parm.meaning));
        }
    }
    Some(entry("parm", name_found?, lines.join("\n")))
}

fn of_application(appid: &str) -> Option<Entry> {
    let application = APPLICATIONS.iter().find(|a| a.appid.eq_ignore_ascii_case(appid))?;
    let mut meaning = format!("{}; its parms as far as known here ({}):", application.description, application.basis);
    for parm in &application.parms {
        let note = match parm.status {
            cp::Status::Ignored => " (clients ignore it)",
            cp::Status::Must => " (needed)",
            _ => "",
        };
        let _ = write!(meaning, "\n{}/{}: {}{note}", parm.types, parm.declaration.name, parm.meaning);
    }
    Some(entry("application", application.appid, meaning))
}

/// Returns the words of the glossary with their meanings.
fn words() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("words.tsv").lines().skip(1).filter_map(|line| line.split_once('\t'))
}

fn as_list(entries: &[Entry]) -> String {
    let grade = |entry: &Entry| entry.severity.or(entry.class).unwrap_or_default();
    let width = entries.iter().map(|entry| grade(entry).len()).max().unwrap_or(0);
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{:<7} {:<width$} {}", entry.code, grade(entry), entry.meaning);
    }
    text
}

fn in_text(entry: &Entry) -> String {
    let mut text = match entry.severity.or(entry.class) {
        Some(grade) => format!("{}  {} ({grade})\n", entry.code, entry.name),
        None if entry.code == entry.name => format!("{}  ({})\n", entry.code, entry.kind),
        None => format!("{}  {} ({})\n", entry.code, entry.name, entry.kind),
    };
    let _ = writeln!(text, "{}", indented(&entry.meaning));
    for (head, line) in [("cause", &entry.cause), ("help", &entry.help), ("clause", &entry.clause)] {
        if !line.is_empty() {
            let _ = writeln!(text, "  {head}: {line}");
        }
    }
    for (head, example) in [("wrong", &entry.bad), ("right", &entry.good)] {
        if !example.is_empty() {
            let _ = writeln!(text, "\n  {head}:\n{}", indented(&indented(&shortened(example))));
        }
    }
    text
}

/// Cuts an example that is long because it has to be.
fn shortened(example: &str) -> String {
    const MOST_LINES: usize = 30;
    let lines: Vec<_> = example.trim_end().lines().collect();
    match lines.len() {
        0..=MOST_LINES => lines.join("\n"),
        count => format!("{}\n… {} more lines", lines[..MOST_LINES].join("\n"), count - MOST_LINES),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
