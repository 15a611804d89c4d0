//! Where configuration is looked for: the edge of this module to the file system.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The name of the file.
const NAME: &str = "impskit.toml";
/// Largest file.
const MOST: u64 = 1 << 20;

/// Where to look. What is empty is not looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The one file to read, in place of all that would be found.
    pub file: Option<PathBuf>,
    /// The folder from which a project file is looked for upwards, up to a repository's root or [`home`](Self::home).
    pub folder: Option<PathBuf>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The user's and the system's file, the louder first.
    pub others: Vec<PathBuf>,
    /// The environment, of which only names such as `IMPSKIT_CHECK__FAIL_ON` count.
    pub environment: Vec<(String, String)>,
    /// The number of the user: a project file that belongs to somebody else, and not to the system, is not believed.
    pub user: Option<u32>,
}

impl Search {
    /// Returns the variables that are values, in order.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_value = |name: &str| name.strip_prefix("IMPSKIT_").is_some_and(|rest| rest.contains("__"));
        self.environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(move |(name, _)| is_value(name))
    }

    /// Returns the files that there are, the loudest first.
    ///
    /// # Errors
    ///
    /// Fails where a file was found that somebody else could have laid there.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        if let Some(file) = &self.file {
            return Ok(vec![file.clone()]);
        }
        let mut files = Vec::new();
        if let Some(project) = self.project_file() {
            self.must_be_ours(&project)?;
            files.push(project);
        }
        files.extend(
            self.others.iter().filter(|path| path.is_file() && !files.contains(path)).cloned().collect::<Vec<_>>(),
        );
        Ok(files)
    }

    /// Returns the nearest file upwards.
    fn project_file(&self) -> Option<PathBuf> {
        let mut folder = self.folder.as_deref()?;
        loop {
            let path = folder.join(NAME);
            if path.is_file() {
                return Some(path);
            }
            if folder.join(".git").exists() || self.home.as_deref() == Some(folder) {
                return None;
            }
            folder = folder.parent()?;
        }
    }

    /// Refuses a file that was found and that somebody else could have laid there: it names programs and addresses.
    #[cfg(unix)]
    fn must_be_ours(&self, path: &Path) -> Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let known = fs::metadata(path).map_err(|error| Error::file(path, &error))?;
        let is_ours = known.uid() == 0 || self.user.is_none_or(|user| user == known.uid());
        if is_ours && known.mode() & 0o002 == 0 {
            return Ok(());
        }
        let what = "this file was found here, and somebody else could have written it";
        let help = "name it with `--config` if you trust it, else move it away";
        Err(Error::input(what).at(path.display().to_string()).help(help))
    }

    #[cfg(not(unix))]
    fn must_be_ours(&self, _: &Path) -> Result<()> {
        Ok(())
    }
}

/// Reads a file as text.
pub(super) fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| Error::file(path, &error))?;
    let octets = file.take(MOST + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::input("the file is not UTF-8").at(path.display().to_string()),
        _ => Error::file(path, &error),
    })?;
    match octets as u64 > MOST {
        true => Err(Error::input(format!("the file is larger than {} KiB", MOST >> 10)).at(path.display().to_string())),
        false => Ok(text),
    }
}
