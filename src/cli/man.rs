//! `man`: a manual page for each command.

use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man as Page;
use impskit::error::{Error, Result};

use super::ui::Output;
use super::{Outcome, Ui, command_line};

/// Manual pages, one a command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  impskit man /usr/local/share/man/man1
  impskit man pages --force")]
pub(crate) struct Man {
    /// The folder that they are written to; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace existing pages
    #[arg(long)]
    force: bool,
}

impl Man {
    pub(crate) fn run(&self, ui: &mut Ui) -> Result<Outcome> {
        std::fs::create_dir_all(&self.folder).map_err(|error| Error::file(&self.folder, &error))?;
        let mut program = command_line().disable_help_subcommand(true);
        program.build();
        let pages = self.write(&program)?;
        ui.say(&format!("{pages} pages in {}", self.folder.display()));
        Ok(Outcome::Good)
    }

    /// Writes the pages of a command and all below it; returns how many.
    fn write(&self, command: &Command) -> Result<usize> {
        let page = Page::new(command.clone());
        let path = self.folder.join(page.get_filename());
        let text = render(&page, command).map_err(|error| Error::file(&path, &error))?;
        Output::to(&path, self.force).write(&text)?;
        let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
        inner.map(|inner| self.write(inner)).try_fold(1, |pages, inner| Ok(pages + inner?))
    }
}

/// The title of a page, without a date: the same program makes the same pages.
const TITLE: &str = concat!(
    ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n",
    ".TH NAME 1 \"\" \"impskit ",
    env!("CARGO_PKG_VERSION"),
    "\" \"impskit\"\n"
);

fn render(page: &Page, command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_uppercase();
    text.extend_from_slice(TITLE.replace("NAME", &name).as_bytes());
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if command.has_subcommands() {
        page.render_subcommands_section(&mut text)?;
    }
    let more = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = more.lines().filter(|line| !line.is_empty() && *line != "Examples:");
    let (examples, notes): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.starts_with("  "));
    for (title, lines) in [("NOTES", notes), ("EXAMPLES", examples)].into_iter().filter(|(_, lines)| !lines.is_empty())
    {
        // As they are: an example that is broken can no longer be typed.
        let lines: String = lines.iter().map(|line| format!("{}\n", roff(line.trim()))).collect();
        text.extend_from_slice(format!(".SH {title}\n.nf\n{lines}.fi\n").as_bytes());
    }
    Ok(text)
}

/// Returns a line of text as roff has it: nothing in it is a request or an escape.
fn roff(line: &str) -> String {
    let start = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{start}{}", line.replace('\\', "\\e").replace('-', "\\-"))
}
