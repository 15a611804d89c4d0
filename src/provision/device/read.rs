//! Reads the text of a pack.

use super::{Kept, Length, NO_SOURCE, Over, Pack, Refusal};
use crate::codec::WbxmlStyle;
use crate::cp::mac::Security;
use crate::diagnose::{Diagnostic, Report, Rule, Span, nearest};
use crate::provision::profile::SECURITY;
use crate::provision::rules::{BAD_VALUE, MISSING_KEY};
use crate::provision::table::{self, Fields, Node, Table, Value};

/// The way out of what is wrong with the form of a pack.
const HELP: &str = "`impskit new device` shows every key of a device pack";

const KEPT: &[(&str, Kept)] = &[("all", Kept::All), ("first", Kept::First), ("one-by-provider", Kept::OneByProvider)];
const OVER: &[(&str, Over)] = &[("cut", Over::Cut), ("drop-parm", Over::DropParm), ("drop-block", Over::DropBlock)];
const STYLES: &[(&str, WbxmlStyle)] =
    &[("safe", WbxmlStyle::Safe), ("prefix", WbxmlStyle::Prefix), ("whole-value", WbxmlStyle::WholeValue)];
const MEDIA: &[(&str, bool)] = &[("number", true), ("any", false)];

pub(super) fn read(source: &str, report: &mut Report) -> Option<Pack> {
    let mut own = Report::new();
    let table = table::read(source, &mut own);
    let pack = table.map(|table| Reader { report: &mut own }.pack(&table));
    // The rules of form are those of profiles, their way out is another.
    own.amend(|finding| {
        if finding.rule != &NO_SOURCE && finding.help.is_none() {
            finding.help = Some(HELP.to_owned());
        }
    });
    report.append(own);
    pack
}

struct Reader<'r> {
    report: &'r mut Report,
}

impl Reader<'_> {
    fn pack(&mut self, table: &Table) -> Pack {
        let top = Fields::new(table, Span::default(), "");
        let model = self.text(&top, "model").unwrap_or_default();
        if model.trim().is_empty() {
            self.add(&top, "model", &MISSING_KEY, "`model` is missing".to_owned());
        }
        let mut pack = Pack {
            name: self.text(&top, "name").unwrap_or_else(|| model.clone()),
            model,
            source: self.text(&top, "source").unwrap_or_default(),
            ascii: self.texts(&top, "ascii"),
            printable: self.texts(&top, "printable"),
            needs: self.texts(&top, "needs"),
            ignores: self.texts(&top, "ignores"),
            wbxml: self.words(&top, "wbxml", STYLES),
            ..Pack::default()
        };
        if pack.source.trim().is_empty() {
            let message = "nothing says where what the pack says is known from".to_owned();
            self.add(&top, "source", &NO_SOURCE, message);
        }
        if let Some(fields) = self.table(&top, "match") {
            pack.names = self.texts(&fields, "names");
            pack.tac = self.tac(&fields);
            fields.finish(self.report);
        }
        self.limits(&top, &mut pack);
        self.push(&top, &mut pack);
        if let Some(fields) = self.table(&top, "accounts") {
            pack.kept = self.words(&fields, "kept", KEPT).pop().unwrap_or_default();
            pack.most_accounts = self.numbers(&fields, "most").pop();
            fields.finish(self.report);
        }
        self.lengths(&top, &mut pack);
        self.refuse(&top, &mut pack);
        top.finish(self.report);
        pack
    }

    fn limits(&mut self, top: &Fields<'_>, pack: &mut Pack) {
        let Some(fields) = self.table(top, "limits") else { return };
        pack.max_sms = self.numbers(&fields, "max_sms").pop();
        pack.max_octets = self.numbers(&fields, "max_octets");
        pack.max_octets.sort_unstable();
        pack.security = fields.take("security").map(|value| self.methods(&fields, value));
        if let Some(reasons) = self.table(&fields, "by_build") {
            for word in SECURITY {
                let reason = self.text(&reasons, word);
                pack.by_build.extend(reason.map(|reason| (Security::from_name(word), reason)));
            }
            reasons.finish(self.report);
        }
        fields.finish(self.report);
    }

    fn methods(&mut self, fields: &Fields<'_>, value: &Value) -> Vec<Option<Security>> {
        let known: Vec<_> = SECURITY.iter().map(|word| (*word, Security::from_name(word))).collect();
        self.words_of(value, &fields.name("security"), &known)
    }

    fn push(&mut self, top: &Fields<'_>, pack: &mut Pack) {
        let Some(fields) = self.table(top, "push") else { return };
        pack.media_number = self.words(&fields, "media", MEDIA).pop().unwrap_or_default();
        pack.sec_first = match fields.take("sec_first").map(|value| &value.node) {
            Some(Node::Boolean(boolean)) => *boolean,
            Some(_) => {
                self.add(&fields, "sec_first", &BAD_VALUE, "`push.sec_first` is true or false".to_owned());
                false
            }
            None => false,
        };
        pack.pin_tries = self.numbers(&fields, "pin_tries").pop().and_then(|tries| u32::try_from(tries).ok());
        fields.finish(self.report);
    }

    /// Reads type allocation codes: eight digits, or fewer and a `*`.
    fn tac(&mut self, fields: &Fields<'_>) -> Vec<String> {
        let codes = self.texts(fields, "tac");
        let is_code = |code: &String| {
            let digits = code.strip_suffix('*').unwrap_or(code);
            digits.bytes().all(|b| b.is_ascii_digit()) && (digits.len() == 8) != (digits.len() < code.len())
        };
        if let Some(wrong) = codes.iter().find(|code| !is_code(code)) {
            let message = format!("`{wrong}` is no type allocation code: 8 digits, or the first of them and `*`");
            self.add(fields, "tac", &BAD_VALUE, message);
        }
        codes
    }

    fn lengths(&mut self, top: &Fields<'_>, pack: &mut Pack) {
        let Some(value) = top.take("lengths") else { return };
        let Node::Table(table) = &value.node else {
            return self.add(top, "lengths", &BAD_VALUE, "`lengths` is a table".to_owned());
        };
        for (parm, span, value) in table.entries() {
            let path = format!("lengths.{parm}");
            let Node::Table(limit) = &value.node else {
                let message = "write `{ max = NUMBER, over = \"cut\" }`";
                self.report.add(Diagnostic::new(&BAD_VALUE, span, message).at(path));
                continue;
            };
            let fields = Fields::new(limit, value.span, path);
            let (characteristic, parm) = match parm.rsplit_once('/') {
                Some((characteristic, parm)) => (Some(characteristic.to_owned()), parm),
                None => (None, parm),
            };
            let max = self.numbers(&fields, "max").pop();
            let over = self.words(&fields, "over", OVER).pop();
            match max.zip(over) {
                Some((max, over)) => {
                    pack.lengths.push(Length { characteristic, parm: parm.to_owned(), max, over });
                }
                None if self.report.has_errors() => {}
                None => {
                    let key = if max.is_none() { "max" } else { "over" };
                    self.add(&fields, key, &MISSING_KEY, format!("`{}` is missing", fields.name(key)));
                }
            }
            fields.finish(self.report);
        }
    }

    fn refuse(&mut self, top: &Fields<'_>, pack: &mut Pack) {
        let Some(value) = top.take("refuse") else { return };
        let Some(tables) = value.tables() else {
            let message = "`refuse` is a list of `{ characteristic = \"…\", parm = \"…\", note = \"…\" }`";
            return self.add(top, "refuse", &BAD_VALUE, message.to_owned());
        };
        for (table, span) in tables {
            let fields = Fields::new(table, span, "refuse");
            let Some(characteristic) = self.text(&fields, "characteristic") else {
                self.add(&fields, "characteristic", &MISSING_KEY, "`refuse.characteristic` is missing".to_owned());
                continue;
            };
            let parm = self.text(&fields, "parm");
            let note = self.text(&fields, "note").unwrap_or_else(|| "the message is rejected when present".to_owned());
            pack.refuse.push(Refusal { characteristic, parm, note });
            fields.finish(self.report);
        }
    }

    fn table<'t>(&mut self, fields: &Fields<'t>, key: &'static str) -> Option<Fields<'t>> {
        let value = fields.take(key)?;
        match &value.node {
            Node::Table(table) => Some(Fields::new(table, value.span, fields.name(key))),
            _ => {
                self.add(fields, key, &BAD_VALUE, format!("`{}` is a table", fields.name(key)));
                None
            }
        }
    }

    fn text(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<String> {
        self.texts(fields, key).pop()
    }

    fn texts(&mut self, fields: &Fields<'_>, key: &'static str) -> Vec<String> {
        let Some(value) = fields.take(key) else { return Vec::new() };
        let texts = value.items().iter().map(|item| item.text().map(str::to_owned)).collect();
        let message = || format!("`{}` is a text, or a list of texts", fields.name(key));
        Option::unwrap_or_else(texts, || {
            self.add(fields, key, &BAD_VALUE, message());
            Vec::new()
        })
    }

    fn numbers(&mut self, fields: &Fields<'_>, key: &'static str) -> Vec<usize> {
        let texts = self.texts(fields, key);
        let numbers: Option<Vec<usize>> = texts.iter().map(|text| text.parse().ok().filter(|n| *n > 0)).collect();
        numbers.unwrap_or_else(|| {
            self.add(fields, key, &BAD_VALUE, format!("`{}` is a number above 0", fields.name(key)));
            Vec::new()
        })
    }

    fn words<T: Copy>(&mut self, fields: &Fields<'_>, key: &'static str, known: &[(&str, T)]) -> Vec<T> {
        fields.take(key).map_or_else(Vec::new, |value| self.words_of(value, &fields.name(key), known))
    }

    fn words_of<T: Copy>(&mut self, value: &Value, path: &str, known: &[(&str, T)]) -> Vec<T> {
        let mut found = Vec::new();
        for item in value.items() {
            match known.iter().find(|(word, _)| item.text() == Some(word)) {
                Some((_, meaning)) => found.push(*meaning),
                None => {
                    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
                    let message = format!("`{path}` takes {}", words.join(", "));
                    let finding = Diagnostic::new(&BAD_VALUE, item.span, message).at(path);
                    self.report.add(match item.text().and_then(|word| nearest(word, &words)) {
                        Some(near) => finding.help(format!("did you mean `{near}`?")),
                        None => finding,
                    });
                }
            }
        }
        found
    }

    fn add(&mut self, fields: &Fields<'_>, key: &str, rule: &'static Rule, message: String) {
        fields.fault(self.report, rule, key, message);
    }
}
