//! The campaign file: which profile goes to whom, by which route, within which limits (`product.md` section 8.1).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, de};

use super::route::{RouteKind, RouteSettings};
use super::store::Timestamp;
use super::units::{seconds, some_seconds};
use crate::diagnose::toml_error;
use crate::error::{Error, Result};

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
    #[serde(default)]
    hold_between_stages: bool,
    /// When to try again and when to stop.
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    confirm: Confirm,
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

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    #[serde(default)]
    by: ConfirmBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ConfirmBy {
    #[default]
    None,
    Receipt,
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
        self.refuse_what_is_to_come()?;
        self.route()?.check()?;
        self.limits.check()
    }

    /// What a campaign file may say and this version does not do is refused, not ignored.
    fn refuse_what_is_to_come(&self) -> Result<()> {
        let not_yet = |what: &str, help: &str| Err(Error::input(format!("{what} is not built yet")).help(help));
        if self.hold_between_stages {
            let help = "set it to false: all stages are then sent in one run, there is no `batch approve` yet";
            return not_yet("`hold_between_stages = true`", help);
        }
        if self.confirm.by != ConfirmBy::None {
            return not_yet("confirmation by receipt or login", "set `by = \"none\"`");
        }
        if self.routes.len() > 1 {
            return not_yet("spreading over several routes", "name one route in `routes`");
        }
        Ok(())
    }

    /// Returns the route by which the campaign is sent. `file` and `sim` need no table of their own.
    ///
    /// # Errors
    ///
    /// Fails when `routes` names no route that is known.
    pub fn route(&self) -> Result<RouteSettings> {
        let Some(name) = self.routes.first() else {
            return Err(Error::input("`routes` is empty").help("write `routes = [\"file\"]`"));
        };
        if let Some(route) = self.own_routes.iter().find(|route| route.name == *name) {
            return Ok(route.clone());
        }
        RouteSettings::named(name).ok_or_else(|| {
            let error = Error::input(format!("there is no route `{name}`"));
            error.help("describe it in a `[[route]]` table, or use `file` or `sim`")
        })
    }

    /// Returns the file that a route writes.
    pub fn route_path(&self, route: &RouteSettings) -> PathBuf {
        let name = match (&route.path, route.kind) {
            (Some(path), _) => path.clone(),
            (None, RouteKind::File) => format!("{}.jsonl", self.name).into(),
            (None, RouteKind::Sim) => format!("{}-handsets.db", self.name).into(),
        };
        self.folder.join(name)
    }

    /// Returns how many handsets each stage has, of `total`; one stage where the file names none.
    pub fn stages(&self, total: u64) -> Vec<u64> {
        let size = |stage: &Stage| match stage {
            Stage::Count(count) => (*count).min(total),
            // Shares are of people's making: a handset more or less does not matter.
            Stage::Share(share) => ((total as f64 * share).ceil() as u64).min(total),
        };
        if self.stages.is_empty() { vec![total] } else { self.stages.iter().map(size).collect() }
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
        let text = String::deserialize(deserializer)?;
        let stage = match text.strip_suffix('%') {
            Some(share) => {
                let share = share.trim().parse::<f64>().ok().filter(|share| *share > 0.0 && *share <= 100.0);
                share.map(|share| Self::Share(share / 100.0))
            }
            None => text.parse().ok().filter(|count| *count > 0).map(Self::Count),
        };
        stage.ok_or_else(|| de::Error::custom(format!("`{text}` is no stage: write `10` or `1%`")))
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
        assert_eq!(campaign.stages(2500), [10, 25, 2500]);
        assert_eq!(campaign.limits.expires, Some(259_200));
        assert_eq!(campaign.limits.on_ambiguous, OnAmbiguous::Hold);
        assert_eq!(campaign.route_path(&campaign.route().unwrap()), Path::new("there/spring.jsonl"));
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
            ("hold_between_stages = true\n", "batch approve"),
            ("[confirm]\nby = \"login\"\n", "not built"),
            ("stages = [\"0%\"]\n", "no stage"),
            ("[limits]\nexpires = \"3 weeks\"\n", "no duration"),
            ("[limits]\nattempts = 0\n", "attempts"),
            ("[[route]]\nname = \"file\"\nkind = \"file\"\nwindow = 501\n", "window"),
        ] {
            let error = read(more).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
