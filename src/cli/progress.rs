//! Progress as people see it: a bar on a terminal, a line now and then elsewhere.

use std::fmt;
use std::time::{Duration, Instant};

use impskit::batch::run::Progress;
pub(crate) use impskit::batch::units::grouped;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::Ui;

/// How often a line is said where no bar can be drawn.
const SELDOM: Duration = Duration::from_secs(10);

/// Draws what a campaign says of its progress.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    is_drawn: bool,
    what: &'static str,
    said: Instant,
}

#[allow(clippy::disallowed_methods, reason = "how often a line is said depends on true time")]
impl Bar {
    pub(crate) fn new(what: &'static str, ui: &Ui) -> Self {
        let target = if ui.progress { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let template = "{msg} [{bar:30}] {human_pos}/{human_len}  {rate}  {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // Nothing can be done about a bar that cannot be drawn.
            let _ = write!(out, "{:.0}/s", state.per_sec());
        };
        let bar = ProgressBar::with_draw_target(Some(0), target)
            .with_style(style.with_key("rate", rate).progress_chars("=> "))
            .with_message(what);
        Self { bar, is_drawn: ui.progress, what, said: Instant::now() }
    }

    pub(crate) fn show(&mut self, progress: &Progress, ui: &mut Ui) {
        let (done, all) = match *progress {
            Progress::Read { rows, about } => (rows, about.max(rows)),
            Progress::Done { done, total } => (done, total),
            _ => return,
        };
        self.bar.set_length(all);
        self.bar.set_position(done);
        if !self.is_drawn && self.said.elapsed() >= SELDOM {
            self.said = Instant::now();
            ui.say(&format!("{}: {} of {}", self.what, grouped(done), grouped(all)));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
