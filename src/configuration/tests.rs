use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::schema::Node;
use super::*;

fn read(text: &str) -> Result<Configuration> {
    Configuration::read(text, Path::new("there/impskit.toml"))
}

/// Reads a file with one value at the place that a pointer into the schema names; what is of a route, in any kind of it.
fn with(place: &str, value: &Value) -> Result<Configuration> {
    let kinds = ["http", "smpp", "pap", "exec", "stdout", "sim", "file"];
    let read = kinds.map(|kind| with_kind(kind, place, value));
    read.into_iter().reduce(|one, other| one.or(other)).unwrap()
}

fn with_kind(kind: &str, place: &str, value: &Value) -> Result<Configuration> {
    let mut file = value.clone();
    for word in place.rsplit('/') {
        // What has to stand beside a value of some tables.
        let mut beside = match word {
            "route[]" => json!({ "name": "a", "kind": kind }),
            "receipts" if place.starts_with("server") => json!({ "store": "a.db" }),
            "routes[]" => json!({ "route": "a", "key": { "env": "KEY" } }),
            "users[]" => json!({ "user": "anna", "password": { "env": "ANNA" } }),
            "cir" => json!({ "sms_route": "a" }),
            "devices[]" | "dm" => json!({ "id": "a" }),
            "client[]" => json!({ "forms": [] }),
            _ => json!({}),
        };
        if let (Some(beside), Some(file)) = (beside.as_object_mut(), file.as_object_mut()) {
            beside.append(file);
            std::mem::swap(beside, file);
        }
        file = match word.strip_suffix("[]") {
            Some(word) => json!({ word: [file] }),
            None => json!({ word: file }),
        };
    }
    read(&toml::to_string(&file).unwrap())
}

/// Calls `visit` with every key that the schema knows: where it is, and what is said of it.
fn walk(visit: &mut dyn FnMut(&str, Node)) {
    fn below(prefix: &str, node: Node, visit: &mut dyn FnMut(&str, Node)) {
        for name in node.keys() {
            let (place, inner) = (format!("{prefix}{name}"), node.property(name));
            visit(&place, inner);
            below(&format!("{place}/"), inner, visit);
            below(&format!("{place}[]/"), inner.item(0), visit);
        }
    }
    below("", Node::root(), visit);
}

#[test]
fn schema_and_types_have_the_same_keys() {
    let mut tables = BTreeSet::from([String::new()]);
    walk(&mut |place, _| {
        tables.extend(place.rsplit_once('/').map(|(table, _)| format!("{table}/")));
    });
    let mut seen = 0;
    for table in tables {
        let words = table.split('/').filter(|word| !word.is_empty());
        let node = words.fold(Node::root(), |node, word| match word.strip_suffix("[]") {
            Some(word) => node.property(word).item(0),
            None => node.property(word),
        });
        let in_schema: BTreeSet<&str> = node.keys().collect();
        if in_schema == BTreeSet::from(["env", "file"]) {
            continue; // Secrets have no second place, and nothing of what stands there is said.
        }
        let error = with(&format!("{table}qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"), &json!(1)).unwrap_err();
        let help = error.help.unwrap_or_default();
        let known: BTreeSet<&str> = help.strip_prefix("the keys here are ").expect(&table).split(", ").collect();
        assert_eq!(in_schema, known, "keys of `{table}`");
        seen += known.len();
    }
    assert!(seen > 40, "{seen} keys");
}

#[test]
fn what_the_schema_allows_is_read_and_what_it_forbids_is_not() {
    let mut values = 0;
    walk(&mut |place, node| {
        let said = node.said();
        let lists = [&said["enum"], &said["examples"]];
        for value in lists.into_iter().flat_map(|list| list.as_array().into_iter().flatten()).chain(node.default()) {
            if place == "privacy/log_numbers" || place == "privacy/event_numbers" {
                let both = json!({ place.split_once('/').unwrap().1: value, "token_key": { "env": "KEY" } });
                with("privacy", &both).unwrap_or_else(|error| panic!("{place}: {error}"));
            } else {
                with(place, value).unwrap_or_else(|error| panic!("{place}: {error}"));
            }
            values += 1;
        }
        let wrong = match said["type"].as_str() {
            Some("string") if said.get("enum").is_some() => json!("qqq"),
            Some("string") => json!(1),
            Some("integer") => json!(said["minimum"].as_i64().unwrap() - 1),
            Some("object") => json!(1),
            _ => json!("qqq"),
        };
        assert!(with(place, &wrong).is_err(), "{place} = {wrong}");
        if let Some(most) = said["maximum"].as_i64() {
            assert!(with(place, &json!(most + 1)).is_err(), "{place}");
        }
        for key in said["required"].as_array().into_iter().flatten() {
            assert!(!node.property(key.as_str().unwrap()).said().is_null(), "{place}: {key}");
        }
    });
    assert!(values > 40, "{values} values");
}

/// The file of `product.md` section 5.
const SHEET: &str = r#"
[check]
fail_on = "error"
ignore  = []
device  = ["nokia-s60-3", "sonyericsson-a2"]
[store]
url = "sqlite:./impskit.db"
[reference]
imps_mo = "mo_oma_imps-v1_3.ddf"
[queue]
url = "none"
[privacy]
log_numbers    = "mask"
event_numbers  = "full"
token_key      = { file = "/etc/impskit/token.key" }
[audit]
file = "audit.jsonl"
[[route]]
name = "smsc-a"
kind = "http"
preset = "kannel"
url  = "http://127.0.0.1:13013/cgi-bin/sendsms"
user = "acme"
password = { env = "SMSC_A_PASSWORD" }
rate = "300/s"
window = 50
quiet_hours = "21:00-08:00"
[server]
"#;

#[test]
fn reads_the_file_of_the_sheet() {
    let read = read(SHEET).unwrap();
    assert_eq!(read.check.device, ["nokia-s60-3", "sonyericsson-a2"]);
    assert_eq!(read.privacy.token_key, Some(SecretSource::File("/etc/impskit/token.key".to_owned())));
    assert_eq!((read.routes().len(), read.routes()[0].window), (1, 50));
    assert!(read.audit.file.unwrap().ends_with("there/audit.jsonl"));
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_program() {
    let nothing = read("").unwrap();
    let mut text = String::new();
    for row in nothing.rows() {
        assert_eq!((row.origin, &row.place), (Origin::Default, &None));
        text += &format!("{} = {}\n", row.key, toml::Value::try_from(&row.value).unwrap());
    }
    let all = read(&text).unwrap();
    assert!(all.rows().iter().all(|row| row.origin == Origin::File), "{text}");
    let values = |one: &Configuration| {
        format!("{:?}{:?}{:?}{:?}{:?}", one.check, one.store, one.privacy, one.routes, one.server)
    };
    assert_eq!(values(&nothing), values(&all));
    assert!(text.contains("check.fail_on = \"error\"\n") && text.lines().count() > 15, "{text}");
}

#[test]
fn says_where_it_is_wrong() {
    let told = |text: &str| {
        let error = read(text).unwrap_err();
        let at = error.at.unwrap_or_default();
        (error.what, at.trim_start_matches("there/impskit.toml:").to_owned(), error.help.unwrap_or_default())
    };
    let (what, at, help) = told("[check]\nfail_onn = \"error\"\n");
    assert_eq!(
        (what.as_str(), at.as_str(), help.as_str()),
        ("`fail_onn` is no key here", "2:1", "did you mean `fail_on`?")
    );
    assert_eq!(told("[server]\ndomain = \"a b\"\n").1, "2:10");
    assert_eq!(told("[server]\n[server.csp]\nlisten = []\n").1, "3:10");
    assert_eq!(told("[check]\nignore = [\"CP\", \"ZZ\"]\n").1, "2:10");
    assert_eq!(told("[[route]]\nname = \"a\"\nkind = \"fil\"\n").1, "3:8");
    assert_eq!(told("[[route]]\nkind = \"file\"\n").1, "1:1");
    assert_eq!(told("[privacy]\nlog_numbers = \"token\"\n").1, "2:15");
    assert_eq!(told("[store]\nurl = \"postgres://a\"\n").1, "2:7");
    assert_eq!(told("[check\n").1, "1:7");
    assert_eq!(told("[server]\nlisten = 1\n").1, "2:1");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for text in [
        "[store]\nkey = \"sesame\"\n",
        "[store]\nkey = { value = \"sesame\" }\n",
        "[store]\nkey = { env = \"A\", file = \"sesame\" }\n",
        "[server.csp]\nusers = [ { user = \"anna\", password = \"sesame\" } ]\n",
    ] {
        let error = read(text).unwrap_err();
        assert!(!error.to_string().contains("sesame") && error.what.contains("{ env = "), "{error}");
        assert!(error.at.unwrap().starts_with("there/impskit.toml:2:"));
    }
}

/// Three files and the environment: a value is the loudest one's, a secret is of one of them, names of files start
/// where they are written.
#[test]
fn each_layer_lies_over_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        std::fs::write(at(name), text).unwrap();
    };
    write("home/site/impskit.toml", "[check]\nignore = [\"CP\"]\n[store]\nkey = { file = \"k\" }\n");
    write("home/impskit.toml", "[check]\nfail_on = \"never\"\n");
    write(
        "user.toml",
        "[check]\nfail_on = \"warning\"\n[audit]\nfile = \"./audit.jsonl\"\n[server.csp]\npath = \"/user\"\n",
    );
    write(
        "system.toml",
        "[store]\nurl = \"sqlite:all.db\"\nkey = { env = \"K\" }\n[server.csp]\npath = \"/system\"\nmax_body = \"1KiB\"\n",
    );
    std::fs::create_dir_all(at("home/site/deep")).unwrap();
    let environment = [("IMPSKIT_SERVER__CSP__MAX_BODY", "2KiB"), ("IMPSKIT_NO_PROGRESS", "1"), ("HOME", "/")];
    let search = Search {
        file: None,
        folder: Some(at("home/site/deep")),
        home: Some(at("home")),
        others: vec![at("user.toml"), at("system.toml"), at("none.toml")],
        environment: environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        user: None,
    };
    let found = Configuration::load(&search).unwrap();
    assert_eq!(found.files(), [at("home/site/impskit.toml"), at("user.toml"), at("system.toml")]);
    assert_eq!((found.check.fail_on, &found.check.ignore[..]), (FailOn::Warning, &["CP".to_owned()][..]));
    let key = at("home/site/k").display().to_string();
    assert_eq!(found.store.key, Some(SecretSource::File(key)));
    assert_eq!(found.store_url(), Some(format!("sqlite:{}", at("all.db").display()).as_str()));
    assert_eq!(found.audit.file, Some(at("audit.jsonl")));
    assert_eq!((found.server.path.as_str(), found.server.max_body), ("/user", 2048));
    let place = |key: &str| {
        let row = found.rows().iter().find(|row| row.key == key).unwrap();
        (row.origin, row.place.clone().unwrap_or_default().replace(&folder.path().display().to_string(), ""))
    };
    assert_eq!(place("check.fail_on"), (Origin::File, "/user.toml:2:11".to_owned()));
    assert_eq!(place("store.key"), (Origin::File, "/home/site/impskit.toml:4:7".to_owned()));
    let variable = "environment variable `IMPSKIT_SERVER__CSP__MAX_BODY`".to_owned();
    assert_eq!(place("server.csp.max_body"), (Origin::Environment, variable));
    assert_eq!(place("check.device"), (Origin::Default, String::new()));
    // The one that is named, and no other.
    let named = Configuration::load(&Search { file: Some(at("user.toml")), ..search.clone() }).unwrap();
    assert_eq!((named.files(), named.store_url()), (&[at("user.toml")][..], None));
    // Nothing above a repository's root.
    std::fs::create_dir(at("home/site/deep/.git")).unwrap();
    assert!(Configuration::load(&search).unwrap().check.ignore.is_empty());
}

#[test]
fn variables_are_read_as_the_key_wants_them() {
    let load = |name: &str, value: &str| {
        let environment = vec![(name.to_owned(), value.to_owned())];
        Configuration::load(&Search { environment, ..Search::default() })
    };
    assert_eq!(load("IMPSKIT_SERVER__DOMAIN", "123.example").unwrap().server.domain, "123.example");
    assert_eq!(load("IMPSKIT_CHECK__IGNORE", "CP004, WA").unwrap().check.ignore, ["CP004", "WA"]);
    assert_eq!(load("IMPSKIT_CHECK__IGNORE", "[\"CP\"]").unwrap().check.ignore, ["CP"]);
    assert_eq!(load("IMPSKIT_SERVER__DRAIN_SECONDS", "7").unwrap().server.drain.as_secs(), 7);
    let key = load("IMPSKIT_STORE__KEY", "{ env = \"K\" }").unwrap().store.key;
    assert_eq!(key, Some(SecretSource::Environment("K".to_owned())));
    for (name, value, what) in [
        ("IMPSKIT_CHECK__FAILON", "error", "`failon` is no key here"),
        ("IMPSKIT_SERVER__DRAIN_SECONDS", "soon", ""),
        ("IMPSKIT_SERVER__CSP__MAX_BODY", "5MiB", "`5MiB` is no size from 1KiB to 1MiB"),
    ] {
        let error = load(name, value).unwrap_err();
        assert!(error.what.starts_with(what), "{error}");
        assert_eq!(error.at, Some(format!("environment variable `{name}`")));
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_somebody_else_laid_down_is_not_believed() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("impskit.toml");
    std::fs::write(&path, "").unwrap();
    let owner = std::fs::metadata(&path).unwrap().uid();
    let search = Search { folder: Some(folder.path().to_owned()), user: Some(owner), ..Search::default() };
    assert!(Configuration::load(&search).is_ok());
    // The system's own are believed whoever asks.
    let other = Search { user: Some(owner + 1), ..search.clone() };
    assert_eq!(Configuration::load(&other).is_ok(), owner == 0);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
    let error = Configuration::load(&search).unwrap_err();
    assert!(error.help.unwrap().contains("`--config`"));
    let named = Search { file: Some(path), ..search };
    assert!(Configuration::load(&named).is_ok());
}
