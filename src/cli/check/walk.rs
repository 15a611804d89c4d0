//! Which files are checked: those named, and the documents in folders.

use std::fs;
use std::path::{Path, PathBuf};

use impskit::error::{Error, Result};

/// Names of files that are looked for in folders.
pub(in crate::cli) const EXTENSIONS: &[&str] = &["xml", "ddf", "wbxml", "csv", "toml"];
/// Nesting of folders at the most: a guard against loops.
const MOST_FOLDERS: usize = 32;

/// Adds a file, or the documents in a folder with one of the extensions, in the order of their names; hidden folders
/// are skipped.
pub(in crate::cli) fn collect(path: &Path, extensions: &[&str], files: &mut Vec<PathBuf>) -> Result<()> {
    let before = files.len();
    let is_folder = path.is_dir();
    below(path, is_folder, 0, extensions, files)?;
    if is_folder && files.len() == before {
        let error = Error::input("the folder has no documents").at(path.display().to_string());
        let known: Vec<String> = extensions.iter().map(|extension| format!("*.{extension}")).collect();
        return Err(error.help(format!("documents in folders are {}; name others singly", listed(&known))));
    }
    Ok(())
}

fn below(path: &Path, is_folder: bool, depth: usize, extensions: &[&str], files: &mut Vec<PathBuf>) -> Result<()> {
    if !is_folder {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth > MOST_FOLDERS {
        return Err(
            Error::input(format!("folders are nested deeper than {MOST_FOLDERS}")).at(path.display().to_string())
        );
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut entries = entries.map_err(|error| Error::file(path, &error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let path = entry.path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && (is_folder || extensions.contains(&extension)) {
            below(&path, is_folder, depth + 1, extensions, files)?;
        }
    }
    Ok(())
}

/// Returns names as a list in words: `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
