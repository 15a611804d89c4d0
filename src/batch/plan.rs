//! Planning: every row read, checked, filled and stored before the first one is sent.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256};

use super::campaign::{Campaign, ConfirmBy};
use super::compose::{Composed, Composer};
use super::pipeline;
use super::route::RouteSettings;
use super::run::Progress;
use super::store::{Added, NewRow, SEPARATOR, Store, Stored, Timestamp};
use super::units::zone;
use crate::catalogue;
use crate::diagnose::{Diagnostic, Report, Rule};
use crate::document::mix;
use crate::error::{Error, Result};
use crate::provision::rows::{BAD_VALUE, DUPLICATE, Header, Names, Row, Table, instant};
use crate::provision::{Pack, Profile};

/// Rows that a thread takes at once.
const CHUNK: usize = 256;
/// Rows of one transaction: large enough that the store is walked seldom, small enough for memory.
const GROUP: usize = 16_000;
/// Octets of a table that wait for a transaction: rows may be as long as the reader takes them.
const MOST_HELD: usize = 8 << 20;
/// Profiles that the rows of one table may name.
const MOST_PROFILES: usize = 100;

/// A table of subscribers that is to be planned.
pub struct Subscribers {
    /// The table.
    pub table: Box<dyn Read>,
    /// The separator of cells.
    pub delimiter: u8,
    /// About how many rows it has, whatever the limit: a campaign that is new is cut into slices for so many.
    pub about: u64,
    /// Only so many rows are read.
    pub limit: u64,
    /// Where rejected rows go.
    pub rejects: Option<Box<dyn Write>>,
}

/// How a plan is made.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// The campaign file, for the store.
    pub file: &'o str,
    /// The routes that rows are spread over, by their rates.
    pub routes: &'o [RouteSettings],
    /// The packs of handsets: rows whose message theirs cannot take are rejected.
    pub packs: &'o [Pack],
    /// Threads that check and fill.
    pub workers: usize,
    /// What time it is.
    pub now: Timestamp,
    /// Set from outside: the plan is given up.
    pub stop: &'o AtomicBool,
}

/// What a plan came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Planned {
    /// Rows that were read.
    pub rows: u64,
    /// Rows that are new.
    pub new: u64,
    /// Rows planned before, with the same message.
    pub unchanged: u64,
    /// Rows planned before and not sent yet, whose message is another now.
    pub replaced: u64,
    /// Rows left alone, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Rows that are wrong, by rule code.
    pub rejected: BTreeMap<&'static str, u64>,
    /// The first of them: rule code and what is wrong.
    pub first_rejected: Option<(&'static str, String)>,
    /// Handsets still planned that are only in an earlier table.
    pub earlier: u64,
    /// Handsets that are to be sent.
    pub handsets: u64,
    /// Messages that they take.
    pub sms: u64,
    /// The same by route: its name, handsets, messages.
    pub routes: Vec<(String, u64, u64)>,
    /// Handsets of the campaign, in whatever state.
    pub total: u64,
    /// How many handsets of the campaign each stage has together with those before it.
    pub stages: Vec<u64>,
    /// The plan's hash, in hex.
    pub plan: String,
    /// Whether it was stopped before its end; then there is no hash.
    pub is_interrupted: bool,
}

/// Plans a campaign for a table of subscribers.
///
/// # Errors
///
/// Fails when the table has no usable header, when the profile cannot be used with its columns, and when the store
/// or a file does not work. A row that is wrong is no error: it is counted and goes to the reject file.
pub fn plan(
    store: &mut Store,
    campaign: &Campaign,
    subscribers: Subscribers,
    load: &mut dyn FnMut(&Path) -> Result<Profile>,
    options: &Options<'_>,
    watch: &mut dyn FnMut(Progress),
) -> Result<Planned> {
    let profile = load(&campaign.profile)?;
    let names = if profile.own_table { Names::Theirs } else { Names::Ours };
    let mut report = Report::new();
    let Some(table) = Table::open(subscribers.table, subscribers.delimiter, names, &mut report)? else {
        return Err(header_error(&report));
    };
    let header: Vec<String> = table.header().names().map(|name| name.trim().to_owned()).collect();
    let columns: Vec<&str> = header.iter().map(String::as_str).collect();
    // What is wrong with the profile as a whole is said before anything is stored.
    Composer::new(&profile, &columns, &campaign.name, 0, options.packs)?;
    let stored = store.begin_plan(&campaign.name, options.file, subscribers.about, options.now)?;
    let header = header.join(&SEPARATOR.to_string());
    let number = store.setup(&stored.name, &campaign.profile.to_string_lossy(), &header)?;
    let composer = Arc::new(Composer::new(&profile, &columns, &campaign.name, number, options.packs)?);
    let rejects = (subscribers.rejects, Arc::clone(table.header()));
    let intake = Intake {
        table,
        left: subscribers.limit,
        composers: BTreeMap::new(),
        standard: composer,
        header,
        campaign,
        packs: options.packs,
        names,
        load,
        stop: options.stop,
    };
    let ledger = Ledger::new(store, &stored, rejects)?;
    let last = campaign.limits.expires.map(|after| options.now + after);
    let by_login = campaign.confirm.by == ConfirmBy::Login;
    let checker = Checker { spread: Spread::new(options.routes), names, now: options.now, last, by_login };
    let both = RefCell::new((intake, ledger));
    let source = || {
        let (intake, ledger) = &mut *both.borrow_mut();
        intake.next(ledger)
    };
    let work = |rows: Vec<Taken>| rows.into_iter().map(|taken| checker.check(taken)).collect::<Vec<_>>();
    pipeline::in_order(options.workers, source, work, |results| {
        let ledger = &mut both.borrow_mut().1;
        ledger.add(results)?;
        let about = subscribers.about.min(subscribers.limit);
        watch(Progress::Read { rows: ledger.planned.rows, about });
        Ok(())
    })?;
    both.into_inner().1.finish(campaign, options.stop.load(Ordering::Relaxed))
}

fn header_error(report: &Report) -> Error {
    let Some(finding) = report.diagnostics().first() else { return Error::input("the table has no header") };
    let what = format!("{}: {}", finding.rule.code, finding.message);
    Error::input(what).at("line 1").help(finding.way_out())
}

/// A row with the profile that it names.
struct Taken {
    row: Row,
    composer: std::result::Result<Arc<Composer>, String>,
}

/// Reads rows and finds the profile of each.
struct Intake<'i> {
    table: Table<Box<dyn Read>>,
    left: u64,
    standard: Arc<Composer>,
    composers: BTreeMap<String, std::result::Result<Arc<Composer>, String>>,
    header: String,
    campaign: &'i Campaign,
    packs: &'i [Pack],
    names: Names,
    load: &'i mut dyn FnMut(&Path) -> Result<Profile>,
    stop: &'i AtomicBool,
}

impl Intake<'_> {
    fn next(&mut self, ledger: &mut Ledger<'_>) -> Result<Option<Vec<Taken>>> {
        if self.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut rows = Vec::with_capacity(CHUNK);
        while rows.len() < CHUNK && self.left > 0 {
            let Some(row) = self.table.next_row()? else { break };
            self.left -= 1;
            let own = Some("profile").filter(|_| self.names == Names::Ours);
            let composer = match own.and_then(|column| row.get(column)) {
                None => Ok(Arc::clone(&self.standard)),
                Some(name) => self.composer(name, ledger)?,
            };
            rows.push(Taken { row, composer });
        }
        Ok((!rows.is_empty()).then_some(rows))
    }

    fn composer(&mut self, name: &str, ledger: &mut Ledger<'_>) -> Result<std::result::Result<Arc<Composer>, String>> {
        if let Some(known) = self.composers.get(name) {
            return Ok(known.clone());
        }
        if self.composers.len() == MOST_PROFILES {
            // Names that are none cost their rows, not those of others.
            self.composers.retain(|_, made| made.is_ok());
        }
        if self.composers.len() == MOST_PROFILES {
            return Ok(Err(format!("the table names more than {MOST_PROFILES} profiles")));
        }
        let columns: Vec<&str> = self.header.split(SEPARATOR).collect();
        let made = match (self.load)(Path::new(name)) {
            Ok(profile) => {
                let number = ledger.store.setup(&ledger.campaign.name, name, &self.header)?;
                Composer::new(&profile, &columns, &self.campaign.name, number, self.packs).map(Arc::new)
            }
            Err(error) => Err(error),
        };
        let made = made.map_err(|error| error.what);
        self.composers.insert(name.to_owned(), made.clone());
        Ok(made)
    }
}

/// A row after it was looked at.
enum Checked {
    Good(Box<NewRow>, Row),
    Skipped(&'static str),
    Rejected(Row, &'static Rule, String),
}

/// Chooses a route for every number, by the routes' rates: the same at every plan.
struct Spread {
    /// Each route with the upper end of its share of all numbers.
    ends: Vec<(String, u64)>,
}

impl Spread {
    fn new(routes: &[RouteSettings]) -> Self {
        // A route without a rate counts as much as the fastest of the others.
        let fastest = routes.iter().filter_map(|route| route.rate).map(|rate| rate.0).fold(0.0, f64::max);
        let usual = if fastest > 0.0 { fastest } else { 1.0 };
        let weight = |route: &RouteSettings| route.rate.map_or(usual, |rate| rate.0);
        let all: f64 = routes.iter().map(weight).sum();
        let mut so_far = 0.0;
        let ends = routes.iter().map(|route| {
            so_far += weight(route);
            (route.name.clone(), (so_far / all * u64::MAX as f64) as u64)
        });
        Self { ends: ends.collect() }
    }

    fn has(&self, name: &str) -> bool {
        self.ends.iter().any(|(route, _)| route == name)
    }

    fn pick(&self, msisdn: u64) -> &str {
        let point = mix(msisdn ^ SPREAD);
        let found = self.ends.iter().find(|(_, end)| point <= *end).or(self.ends.last());
        found.map_or("", |(route, _)| route)
    }

    fn names(&self) -> String {
        self.ends.iter().map(|(route, _)| route.as_str()).collect::<Vec<_>>().join("`, `")
    }
}

/// Makes the hash that chooses routes another one than that of slices.
const SPREAD: u64 = 0x5A5A_0F0F_3C3C_9696;

/// Checks rows; used by all threads at once.
struct Checker {
    spread: Spread,
    names: Names,
    now: Timestamp,
    /// When the campaign ends for what is planned now.
    last: Option<Timestamp>,
    /// Whether logins confirm settings.
    by_login: bool,
}

impl Checker {
    fn check(&self, Taken { row, composer }: Taken) -> Checked {
        let mut report = Report::new();
        let needed: &[(&str, &str)] = if self.names == Names::Ours { &[("msisdn", "every row needs it")] } else { &[] };
        row.check(needed, &mut report);
        if let Some(Diagnostic { rule, message, .. }) = report.diagnostics().first() {
            return Checked::Rejected(row, rule, message.clone());
        }
        let composer = match composer {
            Ok(composer) => composer,
            Err(why) => {
                let message = format!("`profile`: {why}");
                return Checked::Rejected(row, &BAD_VALUE, message);
            }
        };
        // The names of an operator's own table mean nothing here.
        let get = |column| if self.names == Names::Ours { row.get(column) } else { None };
        let route = get("route");
        if let Some(route) = route.filter(|route| !self.spread.has(route)) {
            let message = format!("`route` is `{route}`, the campaign has `{}`", self.spread.names());
            return Checked::Rejected(row, &BAD_VALUE, message);
        }
        let time = |column| get(column).and_then(instant);
        let not_before = time("not_before");
        let expires = [time("expires"), self.last].into_iter().flatten().min();
        if expires.is_some_and(|end| end < self.now) {
            return Checked::Skipped("expired before it was planned");
        }
        let composed = composer
            .compose(&|place| row.cell(place).unwrap_or_default())
            .and_then(|composed| composed.sms().map(|sms| (composed, sms)));
        match composed {
            Ok((composed, sms)) => {
                let mut new = new_row(&row, composed, sms, composer.number());
                new.route = route.unwrap_or_else(|| self.spread.pick(new.msisdn)).to_owned();
                new.zone = get("tz").and_then(zone);
                new.login.take_if(|_| !self.by_login);
                (new.not_before, new.expires) = (not_before, expires);
                Checked::Good(Box::new(new), row)
            }
            Err(bad) => Checked::Rejected(row, bad.rule, bad.message),
        }
    }
}

fn new_row(row: &Row, composed: Composed, sms: u32, setup: u32) -> NewRow {
    let mut cells = String::with_capacity(128);
    for (place, cell) in row.cells().enumerate() {
        if place > 0 {
            cells.push(SEPARATOR);
        }
        cells.push_str(cell);
    }
    let document = Sha256::digest(&composed.document).into();
    let Composed { msisdn, variant, key, model, user, client, .. } = composed;
    let (not_before, expires, route, zone) = (None, None, String::new(), None);
    let line = row.line;
    let login = user.map(|user| (user, client));
    NewRow { msisdn, line, setup, variant, key, document, sms, not_before, expires, route, model, zone, login, cells }
}

/// Keeps the account of a plan and stores its rows in large groups.
struct Ledger<'l> {
    store: &'l mut Store,
    campaign: &'l Stored,
    rejects: Option<Box<dyn Write>>,
    waiting: Vec<NewRow>,
    /// The rows of `waiting` as they stand in the table, for those that turn out to be duplicates.
    sources: Vec<Box<[u8]>>,
    /// Octets of `sources`.
    held: usize,
    header: Arc<Header>,
    /// Lines for the reject file, by line of the table.
    rejected: BTreeMap<u64, Vec<u8>>,
    planned: Planned,
}

impl<'l> Ledger<'l> {
    fn new(
        store: &'l mut Store,
        campaign: &'l Stored,
        (rejects, header): (Option<Box<dyn Write>>, Arc<Header>),
    ) -> Result<Self> {
        let mut ledger = Self {
            store,
            campaign,
            rejects,
            waiting: Vec::with_capacity(GROUP),
            sources: Vec::with_capacity(GROUP),
            held: 0,
            rejected: BTreeMap::from([(0, header.reject_line())]),
            header,
            planned: Planned::default(),
        };
        ledger.write_rejects()?;
        Ok(ledger)
    }

    fn add(&mut self, rows: Vec<Checked>) -> Result<()> {
        for checked in rows {
            self.planned.rows += 1;
            match checked {
                Checked::Good(new, row) => {
                    let source = row.into_octets();
                    self.held += source.len();
                    self.waiting.push(*new);
                    self.sources.push(source);
                }
                Checked::Skipped(reason) => self.skip(reason.to_owned()),
                Checked::Rejected(row, rule, message) => {
                    let line = self.rejects.as_ref().map(|_| row.reject_line(rule.code, &message));
                    self.reject((row.line, line), rule, message);
                }
            }
        }
        if self.waiting.len() >= GROUP || self.held >= MOST_HELD { self.flush() } else { Ok(()) }
    }

    fn skip(&mut self, reason: String) {
        *self.planned.skipped.entry(reason).or_default() += 1;
    }

    /// Counts a row that is wrong, and keeps its line for the reject file, if there is one.
    fn reject(&mut self, (number, line): (u64, Option<Vec<u8>>), rule: &'static Rule, message: String) {
        *self.planned.rejected.entry(rule.code).or_default() += 1;
        self.rejected.extend(line.map(|line| (number, line)));
        self.planned.first_rejected.get_or_insert((rule.code, message));
    }

    /// Stores what waits, and writes the rejects up to here in the order of the table.
    fn flush(&mut self) -> Result<()> {
        let added = self.store.add_rows(self.campaign, &self.waiting)?;
        let lines: Vec<u64> = self.waiting.drain(..).map(|row| row.line).collect();
        self.held = 0;
        for ((source, number), added) in std::mem::take(&mut self.sources).into_iter().zip(lines).zip(added) {
            match added {
                Added::New => self.planned.new += 1,
                Added::Unchanged => self.planned.unchanged += 1,
                Added::Replaced => self.planned.replaced += 1,
                Added::Late(state) => self.skip(format!("{state} with other values: use a new campaign")),
                Added::Duplicate { line } => {
                    let message = format!("the number stands in line {line} already");
                    let why = (number, DUPLICATE.code, message.as_str());
                    let line = self.rejects.as_ref().map(|_| self.header.rejected(&source, true, why));
                    self.reject((number, line), &DUPLICATE, message);
                }
            }
        }
        self.write_rejects()
    }

    fn write_rejects(&mut self) -> Result<()> {
        let lines = std::mem::take(&mut self.rejected);
        let Some(rejects) = &mut self.rejects else { return Ok(()) };
        let written = lines.values().try_for_each(|line| rejects.write_all(line)).and_then(|()| rejects.flush());
        written.map_err(|error| Error::input(error.to_string()).at("the reject file"))
    }

    fn finish(mut self, campaign: &Campaign, is_interrupted: bool) -> Result<Planned> {
        self.flush()?;
        let mut planned = self.planned;
        planned.is_interrupted = is_interrupted;
        if is_interrupted {
            return Ok(planned);
        }
        let mut hash = Sha256::new();
        self.store.keys(self.campaign, |key| hash.update(key))?;
        planned.plan = hash.finalize().iter().map(|octet| format!("{octet:02x}")).collect();
        planned.earlier = self.store.left_from_earlier_plans(self.campaign)?;
        planned.routes = self.store.planned(&self.campaign.name)?;
        planned.handsets = planned.routes.iter().map(|route| route.1).sum();
        planned.sms = planned.routes.iter().map(|route| route.2).sum();
        planned.total = self.store.handsets(&self.campaign.name)?;
        planned.stages = campaign.stages(planned.total);
        let rejected = planned.rejected.iter().map(|(code, count)| ("rejected", reason(code), *count));
        let skipped = planned.skipped.iter().map(|(reason, count)| ("skipped", reason.clone(), *count));
        let tally: Vec<_> = rejected.chain(skipped).collect();
        self.store.end_plan(self.campaign, &planned.plan, &tally, (&planned.stages, planned.replaced > 0))?;
        Ok(planned)
    }
}

/// Returns a rule's code and name, for counting.
pub fn reason(code: &str) -> String {
    let name = catalogue::rule(code).map_or("", |rule| rule.name);
    format!("{code} {name}").trim_end().to_owned()
}
