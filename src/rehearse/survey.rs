//! A table before it is rehearsed: every row checked as a plan checks it, rows counted by what tells them apart, and
//! samples chosen that are spread over the table and over all its groups.
//!
//! ```text
//! first walk    every row judged, groups counted, numbers that may stand twice noted
//! second walk   only where there are such numbers: they are compared, and everything is counted again
//! last walk     the rows of the sample taken out
//! ```
//!
//! Memory does not grow with the table: what is kept of a row are some bits of a filter.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use super::groups::{self, Group};
use crate::batch::pipeline;
use crate::codec::WbxmlStyle;
use crate::cp::mac::{Key, Security};
use crate::delivery::wdp::{MOST_PARTS, Reference, segment_count};
use crate::delivery::{Outgoing, most_octets};
use crate::diagnose::{Report, Rule};
use crate::document::mix;
use crate::error::{Error, Result};
use crate::provision::device::Seal;
use crate::provision::rows::{BAD_VALUE, DUPLICATE, MISSING_VALUE, Row, Table, instant, number};
use crate::provision::{BadHandset, Compiled, Pack, Profile};

/// Rows that a thread takes at once.
const CHUNK: usize = 256;
/// Profiles that the rows of one table may name.
const MOST_PROFILES: usize = 100;
/// Rejected rows of one reason that are shown.
const EXAMPLES: usize = 3;
/// Numbers at the most that are compared because they may stand twice.
const MOST_SUSPECTS: usize = 800_000;

/// A table that can be read from its beginning more than once.
pub type Open<'o> = &'o mut dyn FnMut() -> Result<Table<Box<dyn Read>>>;

/// What the rows of a table are held against.
pub struct Terms<'t> {
    /// The profile of rows that name none.
    pub profile: &'t Profile,
    /// Loads a profile that a row names; an error says in words why there is none.
    pub load: &'t mut dyn FnMut(&str) -> std::result::Result<Profile, String>,
    /// The model in place of what rows say.
    pub device: Option<&'t str>,
    /// What is known of handsets; the first pack that is for one counts.
    pub packs: &'t [Pack],
    /// The security method in place of the profiles'.
    pub security: Option<Option<Security>>,
    /// The routes of the campaign; empty where there is no campaign.
    pub routes: Vec<String>,
    /// Whether a PIN and an IMSI are given for all rows.
    pub given: (bool, bool),
    /// What time it is, in seconds since 1970: rows whose time is over are skipped.
    pub now: i64,
    /// How many rows to take.
    pub sample: u64,
    /// What chooses them.
    pub seed: u64,
    /// Threads that check.
    pub workers: usize,
}

/// What a table came to.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Rows that were read.
    pub rows: u64,
    /// Rows left alone, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Rows that are wrong, by rule code.
    pub rejected: BTreeMap<&'static str, Rejected>,
    /// What tells the good rows apart, in the order of the table.
    pub groups: Vec<Group>,
    /// The rows to rehearse, in the order of the table.
    pub samples: Vec<Sample>,
    /// Whether so many numbers may stand twice that they were not compared.
    pub has_unsought_doubles: bool,
}

/// Rows that one rule rejects.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The rule.
    pub rule: &'static Rule,
    /// How many there are.
    pub count: u64,
    /// The first of them: line and reason.
    pub examples: Vec<(u64, String)>,
}

/// A row to rehearse.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Its line.
    pub line: u64,
    /// The place of its group in the survey.
    pub group: usize,
    /// The number, digits only; empty where the table has none.
    pub msisdn: String,
    /// Its profile.
    pub profile: Arc<Profile>,
    /// The names of the columns and its cells.
    pub values: Vec<(String, String)>,
}

/// A profile ready for the columns of the table.
struct Setup {
    profile: Arc<Profile>,
    compiled: Compiled,
}

/// A row with the profile that it names.
struct Taken {
    row: Row,
    setup: std::result::Result<Arc<Setup>, String>,
}

/// What becomes of a row.
enum Verdict {
    Good { group: Group, setup: Arc<Setup>, msisdn: String },
    Skipped(&'static str),
    Rejected(&'static Rule, String),
}

/// Checks a table and chooses the rows to rehearse.
///
/// # Errors
///
/// Fails when the table cannot be read, and when the profile cannot be used with its columns.
pub fn survey(open: Open<'_>, mut terms: Terms<'_>) -> Result<Survey> {
    let table = open()?;
    let header: Vec<String> = table.header().names().map(|name| name.trim().to_owned()).collect();
    drop(table);
    let standard = Arc::new(setup(terms.profile, &header, &terms)?);
    let judge = Judge::new(&terms, &standard.profile, &header);
    let mut walker = Walker { open, judge: &judge, workers: terms.workers, header, standard, others: BTreeMap::new() };
    let mut doubles = Doubles::unknown();
    let mut survey = walker.count(&mut terms, &mut doubles)?;
    let (mut suspects, has_all) = doubles.suspects();
    if !has_all {
        suspects.clear();
    }
    if !suspects.is_empty() {
        survey = walker.count(&mut terms, &mut Doubles::known(&suspects))?;
    }
    survey.has_unsought_doubles = !has_all;
    groups::choose(&mut survey.groups, terms.sample, terms.seed);
    survey.samples = walker.samples(&mut terms, &survey.groups, &mut Doubles::known(&suspects))?;
    Ok(survey)
}

fn setup(profile: &Profile, header: &[String], terms: &Terms<'_>) -> Result<Setup> {
    let columns: Vec<&str> = header.iter().map(String::as_str).collect();
    let compiled = Compiled::new(profile, &columns, "", WbxmlStyle::Safe)
        .and_then(|compiled| {
            compiled.for_handsets(terms.packs, terms.security.map_or(Seal::OfProfile, Seal::As), most_octets)
        })
        .map_err(|cannot| Error::input(format!("the profile cannot be encoded: {cannot}")))?;
    if let Some(name) = compiled.missing().first() {
        return Err(Error::input(format!("the profile uses `{name}`, and the table has no such column"))
            .help("add the column, or map another to it in the profile's [columns]"));
    }
    Ok(Setup { profile: Arc::new(profile.clone()), compiled })
}

/// Walks over a table.
struct Walker<'w> {
    open: Open<'w>,
    judge: &'w Judge,
    workers: usize,
    header: Vec<String>,
    standard: Arc<Setup>,
    others: BTreeMap<String, std::result::Result<Arc<Setup>, String>>,
}

impl Walker<'_> {
    /// Judges every row, and gives them to `each` in their order.
    fn walk(&mut self, terms: &mut Terms<'_>, doubles: &mut Doubles, mut each: impl FnMut(Row, Verdict)) -> Result<()> {
        let mut table = (self.open)()?;
        let (judge, workers) = (self.judge, self.workers);
        let source = || {
            let mut chunk = Vec::with_capacity(CHUNK);
            while chunk.len() < CHUNK {
                let Some(row) = table.next_row()? else { break };
                let own = Some("profile").filter(|_| judge.is_ours);
                let setup = match own.and_then(|column| row.get(column)) {
                    None => Ok(Arc::clone(&self.standard)),
                    Some(name) => self.other(name, terms),
                };
                chunk.push(Taken { row, setup });
            }
            Ok((!chunk.is_empty()).then_some(chunk))
        };
        let work = |chunk: Vec<Taken>| chunk.into_iter().map(|taken| judge.judge(taken)).collect::<Vec<_>>();
        pipeline::in_order(workers, source, work, |judged| {
            for (row, mut verdict) in judged {
                if let Verdict::Good { msisdn, .. } = &verdict
                    && let Some(earlier) = number(msisdn).and_then(|number| doubles.look(number, row.line))
                {
                    let message = format!("the number stands in line {earlier} already");
                    verdict = Verdict::Rejected(&DUPLICATE, message);
                }
                each(row, verdict);
            }
            Ok(())
        })
    }

    fn other(&mut self, name: &str, terms: &mut Terms<'_>) -> std::result::Result<Arc<Setup>, String> {
        if let Some(known) = self.others.get(name) {
            return known.clone();
        }
        if self.others.len() == MOST_PROFILES {
            self.others.retain(|_, made| made.is_ok());
        }
        if self.others.len() == MOST_PROFILES {
            return Err(format!("the table names more than {MOST_PROFILES} profiles"));
        }
        let loaded = (terms.load)(name);
        let made =
            loaded.and_then(|profile| setup(&profile, &self.header, terms).map_err(|error| error.what)).map(Arc::new);
        self.others.insert(name.to_owned(), made.clone());
        made
    }

    fn count(&mut self, terms: &mut Terms<'_>, doubles: &mut Doubles) -> Result<Survey> {
        let mut survey = Survey::default();
        self.walk(terms, doubles, |row, verdict| {
            survey.rows += 1;
            match verdict {
                Verdict::Good { group, .. } => {
                    let place = groups::place(&mut survey.groups, group);
                    survey.groups[place].rows += 1;
                }
                Verdict::Skipped(reason) => *survey.skipped.entry(reason).or_default() += 1,
                Verdict::Rejected(rule, message) => {
                    let new = Rejected { rule, count: 0, examples: Vec::new() };
                    let rejected = survey.rejected.entry(rule.code).or_insert(new);
                    rejected.count += 1;
                    if rejected.examples.len() < EXAMPLES {
                        rejected.examples.push((row.line, message));
                    }
                }
            }
        })?;
        Ok(survey)
    }

    fn samples(&mut self, terms: &mut Terms<'_>, groups: &[Group], doubles: &mut Doubles) -> Result<Vec<Sample>> {
        let mut groups = groups.to_vec();
        let mut seen = vec![0; groups.len()];
        let mut samples = Vec::new();
        self.walk(terms, doubles, |row, verdict| {
            let Verdict::Good { group, setup, msisdn } = verdict else { return };
            // No group is new in the last walk, unless somebody changed the table.
            let place = groups::place(&mut groups, group);
            let Some(count) = seen.get_mut(place) else { return };
            if groups[place].wanted.binary_search(count).is_ok() {
                let pair = |(name, cell): (&str, &str)| (name.to_owned(), cell.to_owned());
                let values = row.header().names().zip(row.cells()).map(pair).collect();
                let profile = Arc::clone(&setup.profile);
                samples.push(Sample { line: row.line, group: place, msisdn, profile, values });
            }
            *count += 1;
        })?;
        Ok(samples)
    }
}

/// Judges rows; used by all threads at once.
struct Judge {
    is_ours: bool,
    needs_number: bool,
    device: Option<String>,
    security: Option<Option<Security>>,
    routes: Vec<String>,
    given: (bool, bool),
    now: i64,
}

impl Judge {
    fn new(terms: &Terms<'_>, profile: &Profile, header: &[String]) -> Self {
        let is_ours = !profile.own_table;
        let is_number = |name: &str| name.eq_ignore_ascii_case("msisdn");
        // A table of operators has no numbers at all: it is rehearsed as far as the settings go.
        let has_numbers = profile.columns.iter().any(|(column, _)| is_number(column));
        Self {
            is_ours,
            needs_number: is_ours || has_numbers || header.iter().any(|name| is_number(name)),
            device: terms.device.map(str::to_owned),
            security: terms.security,
            routes: terms.routes.clone(),
            given: terms.given,
            now: terms.now,
        }
    }

    fn judge(&self, Taken { row, setup }: Taken) -> (Row, Verdict) {
        let verdict = self.verdict(&row, setup).unwrap_or_else(|(rule, message)| Verdict::Rejected(rule, message));
        (row, verdict)
    }

    /// Says what a plan would say of the row.
    fn verdict(
        &self,
        row: &Row,
        setup: std::result::Result<Arc<Setup>, String>,
    ) -> std::result::Result<Verdict, (&'static Rule, String)> {
        let mut report = Report::new();
        row.check(if self.is_ours { &[("msisdn", "every row needs it")] } else { &[] }, &mut report);
        if let Some(finding) = report.diagnostics().first() {
            return Err((finding.rule, finding.message.clone()));
        }
        let setup = setup.map_err(|why| (&BAD_VALUE, format!("`profile`: {why}")))?;
        // The names of an operator's own table mean nothing here.
        let get = |column| if self.is_ours { row.get(column) } else { None };
        let is_elsewhere = |route: &&str| !self.routes.is_empty() && !self.routes.iter().any(|known| known == route);
        if let Some(route) = get("route").filter(is_elsewhere) {
            let message = format!("`route` is `{route}`, the campaign has `{}`", self.routes.join("`, `"));
            return Err((&BAD_VALUE, message));
        }
        let expires = get("expires").and_then(instant);
        if expires.is_some_and(|end| end < self.now) {
            return Ok(Verdict::Skipped("expired before it was planned"));
        }
        let mut document = Vec::with_capacity(512);
        let cell = |place: usize| row.cell(place).unwrap_or_default();
        let wrong = |bad: BadHandset| (bad.rule, bad.message);
        let filled = setup.compiled.fill(&cell, self.device.as_deref(), &mut document).map_err(wrong)?;
        let handset = &filled.handset;
        if self.needs_number && handset.msisdn.is_empty() {
            return Err((&MISSING_VALUE, "`msisdn` is empty, but every row needs it".to_owned()));
        }
        // Where nothing says how to seal, nothing is needed for it.
        let security = self.security.or(filled.profile.security);
        let sealed = security.flatten();
        let (pin, imsi) = handset.secrets(sealed, self.given).map_err(wrong)?;
        let mut outgoing = Outgoing::new();
        let key = sealed.and_then(|security| Key::new(security, pin.as_ref(), imsi.as_ref()));
        outgoing.seal(1, &document, sealed.zip(key.as_ref()));
        let count = segment_count(outgoing.push().len(), Reference::Short(0));
        if count > MOST_PARTS {
            return Err((&BAD_VALUE, format!("the document takes {count} SMS, more than {MOST_PARTS}")));
        }
        let group = Group::of(&filled, security);
        let msisdn = handset.msisdn.to_string();
        drop(filled);
        Ok(Verdict::Good { group, setup, msisdn })
    }
}

/// Finds numbers that stand twice, in memory that does not grow: a filter notes those that may, a second walk compares
/// only these.
enum Doubles {
    Unknown { filter: Vec<u64>, suspects: HashSet<u64>, has_all: bool },
    Known(HashMap<u64, Option<u64>>),
}

impl Doubles {
    /// Bits of the filter: with four a number, one in a hundred of ten million numbers is suspected wrongly.
    const BITS: u64 = 1 << 27;

    fn unknown() -> Self {
        let words = usize::try_from(Self::BITS / 64).unwrap_or_default();
        Self::Unknown { filter: vec![0; words], suspects: HashSet::new(), has_all: true }
    }

    fn known(suspects: &HashSet<u64>) -> Self {
        Self::Known(suspects.iter().map(|number| (*number, None)).collect())
    }

    /// Takes the number of a good row; returns the line of an earlier one, where that is known.
    fn look(&mut self, number: u64, line: u64) -> Option<u64> {
        match self {
            Self::Known(lines) => {
                let earlier = lines.get_mut(&number)?;
                let found = *earlier;
                earlier.get_or_insert(line);
                found
            }
            Self::Unknown { filter, suspects, has_all } => {
                let mut is_new = false;
                let mut mixed = number;
                for _ in 0..4 {
                    mixed = mix(mixed);
                    let bit = mixed % Self::BITS;
                    let word = &mut filter[usize::try_from(bit / 64).unwrap_or_default()];
                    is_new |= *word & (1 << (bit % 64)) == 0;
                    *word |= 1 << (bit % 64);
                }
                if !is_new && suspects.len() < MOST_SUSPECTS {
                    suspects.insert(number);
                } else if !is_new && !suspects.contains(&number) {
                    *has_all = false;
                }
                None
            }
        }
    }

    /// Returns the numbers that may stand twice, and whether these are all.
    fn suspects(self) -> (HashSet<u64>, bool) {
        match self {
            Self::Unknown { suspects, has_all, .. } => (suspects, has_all),
            Self::Known(_) => (HashSet::new(), true),
        }
    }
}
