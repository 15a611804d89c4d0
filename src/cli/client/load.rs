//! `client load`: a conversation script as load on a server.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use impskit::batch::run::Progress;
use impskit::batch::units::Rate;
use impskit::client::load::{self, Figures, MOST_COPIES, Seen, Wanted};
use impskit::csp::Version;
use impskit::csp::wire::Form;
use impskit::error::{Error, Result};
use impskit::provision::rows::quoted;
use serde::Serialize;

use super::play::{read, version};
use super::{Format, Outcome, Syntax, Target, Ui};
use crate::cli::batch::run::seconds;
use crate::cli::batch::stop_flag;
use crate::cli::progress::{Bar, grouped};

#[derive(Debug, Args)]
pub(super) struct Load {
    /// The script; `-` for stdin
    script: PathBuf,
    #[command(flatten)]
    target: Target,
    /// The syntax to speak
    #[arg(long, value_name = "SYNTAX", default_value = "wbxml")]
    encoding: Syntax,
    /// The version to speak
    #[arg(long, value_name = "V", default_value = "1.3", value_parser = version)]
    version: Version,
    /// How many copies play the script at the same time, each with users of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = copies)]
    copies: usize,
    /// How many rounds all copies begin together, such as `50/s`; else each begins the next when one is over
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Rate>,
    /// For how long rounds are begun
    #[arg(long = "for", id = "for", value_name = "DURATION", default_value = "10s", value_parser = seconds)]
    time: i64,
    /// Write the accounts that are needed, as a table that `admin user import` reads, and ask nobody
    #[arg(long)]
    accounts: bool,
    /// The format of the output
    #[arg(long, value_name = "F", env = "IMPSKIT_FORMAT", default_value = "text")]
    format: Format,
}

fn copies(text: &str) -> std::result::Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_COPIES).contains(number));
    number.ok_or_else(|| format!("write a number from 1 to {MOST_COPIES}"))
}

fn rate(text: &str) -> std::result::Result<Rate, String> {
    Rate::read(text).ok_or_else(|| "write `50/s` or `600/m`".to_owned())
}

/// What the load came to, as programs read it.
#[derive(Debug, Serialize)]
struct Report<'r> {
    schema: &'static str,
    step: &'static str,
    ok: bool,
    version: &'static str,
    encoding: &'static str,
    copies: usize,
    seconds: f64,
    rounds: u64,
    rounds_per_second: f64,
    requests: u64,
    requests_per_second: f64,
    latency_ms: Latency,
    failed: u64,
    reasons: Vec<Reason<'r>>,
}

/// How long answers took, in milliseconds.
#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    longest: f64,
}

/// Why rounds did not come true.
#[derive(Debug, Serialize)]
struct Reason<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    what: &'r str,
    count: u64,
}

pub(super) fn run(command: &Load, ui: &mut Ui) -> Result<Outcome> {
    let (text, _) = read(&command.script)?;
    if command.accounts {
        return accounts(command, &text, ui);
    }
    let codes = command.target.codes(ui)?;
    let form = Form { codes, ..Form::of(command.encoding.encoding()) };
    let time = Duration::from_secs(u64::try_from(command.time).unwrap_or_default());
    let rate = command.rate.map(|rate| rate.0);
    let wanted = Wanted { version: command.version, form, copies: command.copies, rate, time };
    let open = |who: &str| {
        let mut line = command.target.line(who, None)?;
        line.speak(codes);
        Ok(line)
    };
    let stop = stop_flag()?;
    let mut bar = Bar::new("playing", ui);
    let mut seen = |seen: Seen| {
        if let Seen::Going(gone) = seen {
            let done = gone.min(time).as_secs();
            bar.show(&Progress::Done { done, total: time.as_secs() }, ui);
        }
        !stop.load(Ordering::SeqCst)
    };
    let figures = load::run(&text, &wanted, &open, &mut seen)?;
    drop(bar);
    let report = Report::of(&figures, &wanted);
    match command.format {
        Format::Json => {
            ui.line(&serde_json::to_string_pretty(&report).map_err(|error| Error::input(error.to_string()))?)?;
        }
        Format::Text => report.in_words(command).iter().try_for_each(|line| ui.line(line))?,
    }
    Ok(match (stop.load(Ordering::SeqCst), report.ok) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Good,
        (false, false) => Outcome::NotGood,
    })
}

/// Writes the accounts that the copies need.
fn accounts(command: &Load, text: &str, ui: &mut Ui) -> Result<Outcome> {
    let accounts = load::accounts(text, command.copies).map_err(|mistake| Error::input(mistake.to_string()))?;
    ui.line("user,password")?;
    for account in accounts {
        ui.line(&format!("{},{}", quoted(&account.user), quoted(&account.password)))?;
    }
    Ok(Outcome::Good)
}

impl<'r> Report<'r> {
    fn of(figures: &'r Figures, wanted: &Wanted) -> Self {
        let seconds = figures.time.as_secs_f64();
        let each_second = |count: u64| if seconds > 0.0 { rounded(count as f64 / seconds) } else { 0.0 };
        let milliseconds = |time: Duration| rounded(time.as_secs_f64() * 1e3);
        let latencies = &figures.latencies;
        Self {
            schema: "impskit.client/1",
            step: "load",
            // Who has played nothing has shown nothing.
            ok: figures.failures == 0 && figures.rounds > 0,
            version: wanted.version.as_str(),
            encoding: wanted.form.encoding.as_str(),
            copies: wanted.copies,
            seconds: rounded(seconds),
            rounds: figures.rounds,
            rounds_per_second: each_second(figures.rounds),
            requests: figures.posts,
            requests_per_second: each_second(figures.posts),
            latency_ms: Latency {
                p50: milliseconds(latencies.percentile(50)),
                p90: milliseconds(latencies.percentile(90)),
                p99: milliseconds(latencies.percentile(99)),
                longest: milliseconds(latencies.longest()),
            },
            failed: figures.failures,
            reasons: figures
                .reasons
                .iter()
                .map(|((line, what), count)| Reason { line: *line, what, count: *count })
                .collect(),
        }
    }

    fn in_words(&self, command: &Load) -> Vec<String> {
        let Latency { p50, p90, p99, longest } = self.latency_ms;
        let rate = |count: u64, each: f64| format!("{:>12}  {each:.1}/s", grouped(count));
        let copies = if self.copies == 1 { "1 copy".to_owned() } else { format!("{} copies", self.copies) };
        let mut lines = vec![
            format!("CSP {}, {}: {copies}, {:.1} s", self.version, self.encoding, self.seconds),
            format!("  rounds   {}", rate(self.rounds, self.rounds_per_second)),
            format!("  requests {}", rate(self.requests, self.requests_per_second)),
            format!("  answered within {p50} ms (50 %), {p90} ms (90 %), {p99} ms (99 %), {longest} ms (all)"),
            format!("  failed   {:>12}", grouped(self.failed)),
        ];
        for Reason { line, what, count } in &self.reasons {
            let place = line.map(|line| format!("{}:{line}: ", command.script.display())).unwrap_or_default();
            lines.push(format!("  {count} × {place}{what}"));
        }
        lines
    }
}

/// Returns a figure with as many decimals as mean something.
fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}
