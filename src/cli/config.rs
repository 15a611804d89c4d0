//! `config`: which values are in force, and where they come from.

use std::path::{Path, PathBuf};

use impskit::configuration::Search;

/// Returns where configuration is looked for, `file` alone if there is one.
pub(super) fn search(file: Option<&Path>) -> Search {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = folder("HOME");
    let of_user = folder("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let of_user = of_user.map(|folder| folder.join("impskit/impskit.toml"));
    let mut environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    environment.sort_unstable();
    Search {
        file: file.map(Path::to_owned),
        folder: std::env::current_dir().ok(),
        home,
        others: of_user.into_iter().chain(["/etc/impskit/impskit.toml".into()]).collect(),
        environment,
        user: user(),
    }
}

/// Returns the number of the user that runs this process, where the system says it in a file.
#[cfg(target_os = "linux")]
pub(super) fn user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn user() -> Option<u32> {
    None
}
