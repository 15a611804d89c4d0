//! The campaign file: which profile goes to whom, by which route, within which limits (`product.md` section 8.1).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::route::{RouteKind, RouteSettings};
use super::store::Timestamp;
use super::units::{seconds, some_seconds, worded};
use crate::diagnose::toml_error;
use crate::error::{Error, Result};
use crate::provision::profile::SecretSource;

/// A gateway that asks to wait for an hour and takes nothing needs a person.
const THROTTLED: Timestamp = 3600;

/// A campaign as its file says it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    schema: u32,
    /// The name: letters, digits and `-`. It is part of every key.
    pub name: String,
    /// The profile, relative to the campaign file.
    pub profile: PathBuf,
    routes: Vec<String>,
    /// How the table's headers map to keys and columns, laid over the profile's own `[columns]`.
    #[serde(default)]
    columns: toml::Table,
    #[serde(default)]
    stages: Vec<Stage>,
    /// Whether every stage but the first needs approval.
    #[serde(default)]
    pub hold_between_stages: bool,
    /// When to try again and when to stop.
    #[serde(default)]
    pub limits: Limits,
    /// What tells that a handset has its settings.
    #[serde(default)]
    pub confirm: Confirm,
    #[serde(default, rename = "route")]
    own_routes: Vec<RouteSettings>,
    /// The folder of the campaign file; relative names start there.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// When to try again and when to stop.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Attempts for a handset.
    pub attempts: u32,
    /// How long to wait between them.
    pub backoff: Backoff,
    /// How long after planning a handset is still sent.
    #[serde(deserialize_with = "some_seconds")]
    pub expires: Option<Timestamp>,
    /// Failures in a row after which the run stops.
    pub stop_after_consecutive_failures: Option<u32>,
    /// The share of failures among the last 1,000 results at which the run stops.
    pub stop_at_failure_ratio: Option<f64>,
    /// For how long a gateway may ask to wait without taking anything before the run stops.
    #[serde(deserialize_with = "some_seconds")]
    pub stop_after_throttled: Option<Timestamp>,
    /// What to do with handsets that a crash left between submit and its recording.
    pub on_ambiguous: OnAmbiguous,
}

/// How long to wait between attempts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    /// After the first attempt, in seconds.
    #[serde(deserialize_with = "seconds")]
    pub first: Timestamp,
    /// Each wait is so many times the one before.
    pub factor: f64,
    /// The longest wait, in seconds.
    #[serde(deserialize_with = "seconds")]
    pub max: Timestamp,
    /// By what share a wait may be longer or shorter, so that not all come at once.
    pub jitter: f64,
}

/// What to do with handsets that a crash left between submit and its recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnAmbiguous {
    /// Send again: some handsets may get the message twice.
    #[default]
    Resend,
    /// Leave them as they are, for a person to decide.
    Hold,
}

/// How many handsets a stage has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Count(u64),
    Share(f64),
}

/// What tells that a handset has its settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// Its kind.
    #[serde(default)]
    pub by: ConfirmBy,
    /// Who knows of logins: the address of a server, whose feed is asked.
    pub server: Option<String>,
    /// Where the token is kept that the server wants.
    pub token: Option<SecretSource>,
    /// Seconds after which a handset that was not heard of expires.
    #[serde(default, deserialize_with = "some_seconds")]
    pub within: Option<Timestamp>,
}

/// What tells that a handset has its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfirmBy {
    /// Nothing.
    #[default]
    None,
    /// Receipts of the gateway.
    Receipt,
    /// The first login of its client.
    Login,
}

impl Campaign {
    /// Reads a campaign file from `text`; `path` is where it lies.
    ///
    /// # Errors
    ///
    /// Says what is wrong and where: syntax, unknown keys with the one that was meant, values out of range, and
    /// what this version does not do.
    pub fn read(text: &str, path: &Path) -> Result<Self> {
        let mut campaign: Self = toml::from_str(text).map_err(|error| {
            let error = toml_error(&error, text);
            let name = path.display();
            let at = error.at.as_ref().map_or(name.to_string(), |place| format!("{name}:{place}"));
            error.at(at)
        })?;
        campaign.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        campaign.check().map_err(|error| error.at(path.display().to_string()))?;
        Ok(campaign)
    }

    /// Returns a campaign of one handset: one attempt, nothing to wait for between stages, confirmed by `by`.
    ///
    /// # Errors
    ///
    /// Fails when `name` is none.
    pub fn of_one(name: &str, profile: &Path, route: &str, folder: &Path, confirm: Confirm) -> Result<Self> {
        let campaign = Self {
            schema: 1,
            name: name.to_owned(),
            profile: profile.to_owned(),
            routes: vec![route.to_owned()],
            columns: toml::Table::new(),
            stages: Vec::new(),
            hold_between_stages: false,
            limits: Limits { attempts: 1, ..Limits::default() },
            confirm,
            own_routes: Vec::new(),
            folder: folder.to_owned(),
        };
        campaign.check().map(|()| campaign)
    }

    /// Returns the campaign's own `[columns]` as TOML, empty where there are none.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be written as TOML, which what was read from TOML always can.
    pub fn columns(&self) -> Result<String> {
        if self.columns.is_empty() {
            return Ok(String::new());
        }
        let table = toml::Table::from_iter([("columns".to_owned(), toml::Value::Table(self.columns.clone()))]);
        toml::to_string(&table).map_err(|error| Error::input(error.to_string()).at("columns"))
    }

    fn check(&self) -> Result<()> {
        let is_name = |name: &str| {
            (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        if self.schema != 1 {
            return Err(Error::input(format!("`schema` is {}, this version reads 1", self.schema)));
        }
        if !is_name(&self.name) {
            let error = Error::input(format!("`name` is `{}`", self.name.escape_debug()));
            return Err(error.help("use 1 to 64 letters, digits, `-` and `_`"));
        }
        self.limits.check()
    }

    /// Returns the routes by which the campaign is sent, those of the campaign file before those that are `known`
    /// from elsewhere. `file` and `sim` need no table of their own.
    ///
    /// # Errors
    ///
    /// Fails when `routes` names none, or one that is not known or that has a value out of range.
    pub fn routes(&self, known: &[RouteSettings]) -> Result<Vec<RouteSettings>> {
        if self.routes.is_empty() {
            return Err(Error::input("`routes` is empty").help("write `routes = [\"file\"]`"));
        }
        let mut routes: Vec<RouteSettings> = Vec::new();
        for name in &self.routes {
            let own = self.own_routes.iter().chain(known).find(|route| route.name == *name).cloned();
            let Some(route) = own.or_else(|| RouteSettings::named(name)) else {
                let error = Error::input(format!("there is no route `{name}`"));
                return Err(error.help("describe it in a `[[route]]` table, or use `file` or `sim`"));
            };
            route.check()?;
            if routes.iter().any(|other| other.name == route.name) {
                return Err(Error::input(format!("`routes` names `{name}` twice")));
            }
            routes.push(route);
        }
        Ok(routes)
    }

    /// Returns the file that a route writes.
    pub fn route_path(&self, route: &RouteSettings) -> PathBuf {
        let name = match (&route.path, route.kind) {
            (Some(path), _) => path.clone(),
            (None, RouteKind::Sim) => format!("{}-handsets.db", self.name).into(),
            (None, _) => format!("{}.jsonl", self.name).into(),
        };
        self.folder.join(name)
    }

    /// Returns how many of `total` handsets each stage has together with those before it; one stage where the file
    /// names none. The last one takes whatever is added later, too, if it is the whole.
    pub fn stages(&self, total: u64) -> Vec<u64> {
        let size = |stage: &Stage| match stage {
            Stage::Count(count) => *count,
            Stage::Share(share) if *share >= 1.0 => u64::MAX,
            // Shares are of people's making: a handset more or less does not matter.
            Stage::Share(share) => (total as f64 * share).ceil() as u64,
        };
        let mut most = 0;
        let mut larger = |size: u64| {
            most = size.max(most);
            most
        };
        if self.stages.is_empty() { vec![u64::MAX] } else { self.stages.iter().map(size).map(&mut larger).collect() }
    }
}

impl Limits {
    fn check(&self) -> Result<()> {
        let ratio = self.stop_at_failure_ratio.unwrap_or(0.0);
        let faults = [
            (self.attempts == 0, "`attempts` is 0"),
            (!(0.0..=1.0).contains(&ratio), "`stop_at_failure_ratio` is not between 0 and 1"),
            (!(0.0..1.0).contains(&self.backoff.jitter), "`jitter` is not between 0 and 1"),
            (!(1.0..=100.0).contains(&self.backoff.factor), "`factor` is not between 1 and 100"),
        ];
        faults.into_iter().find(|(is_wrong, _)| *is_wrong).map_or(Ok(()), |(_, what)| Err(Error::input(what)))
    }

    /// Returns how long to wait after `attempt` (from 1). The jitter comes from `seed`, so that it is the same
    /// whoever computes it.
    pub fn wait(&self, attempt: u32, seed: u8) -> Timestamp {
        let Backoff { first, factor, max, jitter } = self.backoff;
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = (first as f64 * factor.powi(exponent)).min(max as f64);
        let spread = 1.0 + jitter * (f64::from(seed) / 127.5 - 1.0);
        (wait * spread) as Timestamp
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Backoff::default(),
            expires: None,
            stop_after_consecutive_failures: Some(25),
            stop_at_failure_ratio: None,
            stop_after_throttled: Some(THROTTLED),
            on_ambiguous: OnAmbiguous::default(),
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: 60, factor: 3.0, max: 6 * 3600, jitter: 0.2 }
    }
}

impl<'de> Deserialize<'de> for Stage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let read = |text: &str| match text.strip_suffix('%') {
            Some(share) => {
                let share = share.trim().parse::<f64>().ok().filter(|share| *share > 0.0 && *share <= 100.0);
                share.map(|share| Self::Share(share / 100.0))
            }
            None => text.parse().ok().filter(|count| *count > 0).map(Self::Count),
        };
        worded(deserializer, read, "is no stage: write `\"10\"` or `\"1%\"`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "schema = 1\nname = \"spring\"\nprofile = \"acme.toml\"\nroutes = [\"file\"]\n";

    fn read(more: &str) -> Result<Campaign> {
        Campaign::read(&format!("{SMALL}{more}"), Path::new("there/spring.toml"))
    }

    #[test]
    fn reads_what_the_sheet_shows() {
        let campaign = read(
            "stages = [\"10\", \"1%\", \"100%\"]\nhold_between_stages = false\n[limits]\nattempts = 5\n\
             backoff = { first = \"1m\", factor = 3, max = \"6h\", jitter = 0.2 }\nexpires = \"3d\"\n\
             stop_after_consecutive_failures = 25\nstop_at_failure_ratio = 0.05\non_ambiguous = \"hold\"\n\
             [confirm]\nby = \"none\"\n",
        )
        .unwrap();
        assert_eq!(campaign.stages(2500), [10, 25, u64::MAX]);
        assert_eq!(campaign.limits.expires, Some(259_200));
        assert_eq!(campaign.limits.on_ambiguous, OnAmbiguous::Hold);
        assert_eq!(campaign.route_path(&campaign.routes(&[]).unwrap()[0]), Path::new("there/spring.jsonl"));
    }

    #[test]
    fn waits_longer_each_time_and_never_too_long() {
        let limits = Limits::default();
        assert_eq!((limits.wait(1, 0), limits.wait(1, 255)), (48, 72));
        assert!((limits.wait(2, 127) - 180).abs() < 2);
        assert!(limits.wait(1000, 255) <= 6 * 3600 * 12 / 10);
    }

    #[test]
    fn names_the_key_that_was_meant_and_where() {
        let error = read("[limits]\natempts = 3\n").unwrap_err();
        assert_eq!(error.what, "`atempts` is no key here");
        assert_eq!(error.at.as_deref(), Some("there/spring.toml:6:1"));
        assert_eq!(error.help.as_deref(), Some("did you mean `attempts`?"));
    }

    #[test]
    fn refuses_what_it_would_not_do() {
        for (more, word) in [
            ("stages = [\"0%\"]\n", "no stage"),
            ("[limits]\nexpires = \"3 weeks\"\n", "no duration"),
            ("[limits]\nattempts = 0\n", "attempts"),
            ("[[route]]\nname = \"file\"\nkind = \"file\"\nrate = \"fast\"\n", "no rate"),
        ] {
            let error = read(more).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    /// A number without its unit: which key it is, and how it is written.
    #[test]
    fn says_which_key_lacks_its_unit() {
        for (more, what, help) in [
            (
                "[[route]]\nname = \"file\"\nkind = \"file\"\nrate = 300\n",
                "`rate`: `300` is no rate",
                "write `300/s` or `20/m`",
            ),
            ("[limits]\nexpires = 3\n", "`expires`: `3` is no duration", "write `90s`, `1m`, `6h` or `3d`"),
            ("[limits]\nbackoff = { first = 60 }\n", "`first`: `60` is no duration", "write `90s`, `1m`, `6h` or `3d`"),
            ("stages = [10]\n", "`stages`: `10` is no stage", "write `\"10\"` or `\"1%\"`"),
        ] {
            let error = read(more).unwrap_err();
            assert_eq!((error.what.as_str(), error.help.as_deref()), (what, Some(help)));
        }
    }
}
