//! A module uses only modules of lower floors, or of its own floor above it in the list in `lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the modules in the order of the list, each with its floor.
fn floors() -> Vec<(usize, String)> {
    let map = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! | "));
    rows.filter_map(|row| {
        let mut cells = row.split('|').map(str::trim);
        let floor = cells.next()?.parse().ok()?;
        let module = cells.next()?.strip_prefix("[`")?.strip_suffix("`]")?;
        Some((floor, module.to_owned()))
    })
    .collect()
}

/// Returns the Rust files of a module: `NAME.rs`, or everything in `NAME/`.
fn files(module: &str) -> Vec<PathBuf> {
    fn below(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, files);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    let file = PathBuf::from(format!("src/{module}.rs"));
    let mut files = if file.is_file() { vec![file] } else { Vec::new() };
    below(Path::new(&format!("src/{module}")), &mut files);
    files
}

/// Returns the modules that a text names by `crate::`, tests and documentation left out.
fn used(text: &str) -> Vec<String> {
    let code = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut modules = Vec::new();
    for rest in code.split("crate::").skip(1) {
        // `crate::{a, b::C}` names several.
        let list = rest.strip_prefix('{').map(|rest| rest.split("};").next().unwrap_or_default());
        let mut depth = 0;
        for piece in list.unwrap_or(rest).split_inclusive([',', '{', '}']) {
            if depth == 0 {
                let name: String =
                    piece.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                modules.extend(Some(name).filter(|name| !name.is_empty()));
            }
            match piece.chars().last() {
                Some('{') => depth += 1,
                Some('}') => depth -= 1,
                _ => {}
            }
            if list.is_none() {
                break;
            }
        }
    }
    modules
}

#[test]
fn look_down_only() {
    let floors = floors();
    assert!(floors.len() > 10, "the list in lib.rs is found: {floors:?}");
    let place = |module: &str| floors.iter().position(|(_, name)| name == module);
    for (i, (_, module)) in floors.iter().enumerate() {
        let files = files(module);
        assert!(!files.is_empty(), "`{module}` of the list exists");
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file");
            for other in used(&text) {
                if let Some(there) = place(&other) {
                    assert!(there <= i, "{}: `{module}` may not use `{other}`, which stands below it", file.display());
                }
            }
        }
    }
}

#[test]
fn every_module_is_on_the_list() {
    let floors = floors();
    let text = fs::read_to_string("src/lib.rs").expect("src/lib.rs");
    for line in text.lines() {
        if let Some(module) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert!(floors.iter().any(|(_, name)| name == module), "`{module}` is not in the list of lib.rs");
        }
    }
}

#[test]
fn finds_names_in_braces() {
    assert_eq!(used("use crate::{cp, dm::{A, b}, csp};\nuse crate::codec::x;"), ["cp", "dm", "csp", "codec"]);
}
