//! What holds for the binary whatever the command: streams, colours, formats, exit codes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};

const CP: &str = "tests/samples/cp/v1-min.xml";
const PUSH: &str = "tests/samples/cp/v1-userpin.push.hex";
const PROFILE: &str = "templates/acme.toml";
const OLD_DDF: &str = "tests/samples/dm/talker-2.1.ddf.xml";
const NEW_DDF: &str = "tests/samples/dm/talker-2.2.ddf.xml";
const NOWHERE: &str = "tests/samples/none";

fn impskit(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
    command.args(words).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("IMPSKIT_FORMAT");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(words: &[&str]) -> Output {
    impskit(words).output().expect("the binary runs")
}

/// Runs it with `input` on stdin.
fn piped(words: &[&str], input: &[u8]) -> Output {
    let mut child = impskit(words).stdin(Stdio::piped()).spawn().expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn exit_codes() {
    let table: &[(i32, &[&str])] = &[
        (0, &["check", CP]),
        (1, &["check", CP, "--fail-on", "warning"]),
        (1, &["check", "tests/faulty"]),
        (2, &["check", NOWHERE]),
        (0, &["check", NEW_DDF, "--against", "imps"]),
        (1, &["check", NEW_DDF, "--against", OLD_DDF]),
        (2, &["check", NEW_DDF, "--against", NOWHERE]),
        (0, &["diff", OLD_DDF, OLD_DDF]),
        (1, &["diff", OLD_DDF, NEW_DDF]),
        (0, &["diff", OLD_DDF, NEW_DDF, "--fail-on", "never"]),
        (1, &["diff", PROFILE, CP]),
        (2, &["diff", OLD_DDF, CP]),
        (0, &["explain", "CP008"]),
        (1, &["explain", "CP999"]),
        (0, &["decode", PUSH]),
        (1, &["decode", "Cargo.toml"]),
        (2, &["decode", NOWHERE]),
        (0, &["show", CP]),
        (2, &["show", "Cargo.toml"]),
        (0, &["convert", CP, "--as", "mo"]),
        (2, &["convert", CP, "--as", "json"]),
        (0, &["build", PROFILE, "--as", "cp", "--set", "user=anna", "--set", "password=sesame"]),
        (2, &["build", PROFILE, "--as", "cp", "--set", "user=anna"]),
        (0, &["apply", CP, "--to", "new", "--dry-run"]),
        (2, &["apply", CP, "--to", NOWHERE]),
        (0, &["apply", "tests/samples/dm/account.tnd.xml", "--to", "new", "--dry-run"]),
        (1, &["apply", "tests/samples/dm/commands.syncml.xml", "--to", "new", "--dry-run"]),
        (0, &["rehearse", PROFILE, "--version", "1.2", "--encoding", "wbxml"]),
        (2, &["serve", "--check", "--config", NOWHERE]),
        (2, &["batch", "status", NOWHERE]),
        (2, &["admin", "user", "show", "anna", "--config", NOWHERE]),
        (0, &["--help"]),
        (0, &["--version"]),
        (0, &["batch", "run", "--help"]),
        (2, &[]),
        (2, &["check"]),
        (2, &["check", CP, "--no-such-option"]),
    ];
    for (wanted, words) in table {
        let output = run(words);
        assert_eq!(code(&output), *wanted, "{words:?}: {}", text(&output.stderr));
        if *wanted == 2 {
            assert!(output.stdout.is_empty(), "{words:?}: {}", text(&output.stdout));
            assert!(!output.stderr.is_empty(), "{words:?} says why");
        }
    }
}

/// Nobody listens on the port of the discard service's neighbour: the other end is at fault, not the options.
#[test]
fn an_unreachable_server_is_no_wrong_option() {
    let words = ["client", "login", "--server", "http://127.0.0.1:1/csp", "--user", "anna", "--password-env", "ANNA"];
    let output = impskit(&words).env("ANNA", "sesame").output().expect("the binary runs");
    assert_eq!(code(&output), 4, "{}", text(&output.stderr));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    for words in [&["explain", "--list"][..], &["check", "tests/samples", "tests/faulty"]] {
        let mut child = impskit(words).spawn().expect("the binary runs");
        let mut first = String::new();
        let mut reader = BufReader::with_capacity(16, child.stdout.take().expect("a pipe"));
        reader.read_line(&mut first).expect("a line");
        drop(reader);
        let output = child.wait_with_output().expect("it ends");
        assert!(!first.is_empty() && output.stderr.is_empty(), "{words:?}: {}", text(&output.stderr));
        assert_eq!(code(&output), 0, "{words:?}");
    }
}

#[test]
fn a_dash_is_stdin() {
    let table: &[(&str, &[&str])] = &[
        (CP, &["check"]),
        (CP, &["show"]),
        (CP, &["diff", PROFILE]),
        (CP, &["convert", "--as", "cp-wbxml", "--transfer", "hex"]),
        (CP, &["apply", "--to", "new"]),
        (PUSH, &["decode"]),
        (PUSH, &["check"]),
        (PROFILE, &["check"]),
        (PROFILE, &["build", "--as", "cp", "--set", "user=anna", "--set", "password=sesame"]),
        (PROFILE, &["rehearse", "--version", "1.3", "--encoding", "xml", "--quiet"]),
    ];
    for (file, words) in table {
        let named = run(&[&words[..1], &[file], &words[1..]].concat());
        let input = fs::read(file).expect("a sample");
        let piped = piped(&[&words[..1], &["-"], &words[1..]].concat(), &input);
        assert_eq!(code(&piped), code(&named), "{words:?}: {}", text(&piped.stderr));
        assert_eq!(text(&piped.stdout).replace("<stdin>", file), text(&named.stdout), "{words:?}");
    }
}

/// A document from stdin goes to stdout whether there is something to mend or not; what is left to say to stderr.
#[test]
fn a_document_is_mended_in_a_pipe() {
    let binary = fs::read("tests/faulty/cut.wbxml").expect("a sample");
    let stays = fs::read("tests/cli/fix.in/excused.xml").expect("a sample");
    let mended = fs::read("tests/cli/fix.out/excused.xml").expect("a sample");
    for (input, wanted) in [(&stays, &mended), (&mended, &mended), (&binary, &binary)] {
        let output = piped(&["check", "--fix", "-", "--format", "json"], input);
        assert_eq!(text(&output.stdout), text(wanted));
        let said = text(&output.stderr);
        let json = said.lines().find(|line| line.starts_with('{')).expect("the findings");
        let findings: serde_json::Value = serde_json::from_str(json).expect("one object");
        assert_eq!(findings["summary"]["fixed"], if input == wanted { 0 } else { 2 });
    }
}

#[test]
fn json_names_its_schema() {
    let table: &[&[&str]] = &[
        &["check", CP],
        &["show", CP],
        &["show", "tests/samples/dm/account.tree.json"],
        &["decode", PUSH],
        &["diff", OLD_DDF, NEW_DDF],
        &["diff", PROFILE, CP],
        &["explain", "CP008"],
        &["apply", CP, "--to", "new"],
        &["rehearse", PROFILE, "--version", "1.3", "--encoding", "xml"],
    ];
    for words in table {
        let output = run(&[words, &["--format", "json"][..]].concat());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{words:?}: {error}: {}", text(&output.stdout));
        });
        let schema = json["schema"].as_str().unwrap_or_default();
        let number = schema.strip_prefix("impskit.").and_then(|name| name.split_once('/')).map(|(_, number)| number);
        assert_eq!(number, Some("1"), "{words:?}: {json:.200}");
    }
}

/// Colour is asked for in three ways; the option is the loudest, and a pipe has none by itself.
#[test]
fn colours() {
    let is_coloured = |words: &[&str], environment: &[(&str, &str)]| {
        let mut command = impskit(&[&["check", "tests/faulty/cut.wbxml"], words].concat());
        let output = command.envs(environment.iter().copied()).output().expect("the binary runs");
        output.stdout.contains(&0x1B)
    };
    assert!(!is_coloured(&[], &[]));
    assert!(is_coloured(&[], &[("CLICOLOR_FORCE", "1")]));
    assert!(!is_coloured(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(is_coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(!is_coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

/// Quiet keeps what is wrong, and drops the rest of stderr.
#[test]
fn quiet_is_no_silence() {
    let wrong = ["convert", "tests/faulty/proxies.xml", "--as", "mo", "--quiet"];
    let output = run(&wrong);
    assert!(code(&output) != 0 && !output.stderr.is_empty());
    let remarks = ["check", CP, "--format", "short"];
    assert!(!run(&remarks).stderr.is_empty(), "how many files were checked");
    assert!(run(&[&remarks[..], &["--quiet"]].concat()).stderr.is_empty());
}

/// A file is replaced as a whole, and only if that is asked for; what a link points to is, not the link.
#[cfg(unix)]
#[test]
fn outputs_are_whole_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, link) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
    let new = |path: &std::path::Path, force: &[&str]| {
        let path = path.to_string_lossy();
        code(&run(&[&["new", "profile", "--minimal", "-o", &path], force].concat()))
    };
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    fs::write(&file, "mine").expect("a file");
    assert_eq!(new(&link, &[]), 2);
    assert_eq!(fs::read(&file).expect("it is there"), b"mine");
    assert_eq!(new(&link, &["--force"]), 0);
    assert!(fs::read_to_string(&file).expect("it is there").starts_with("schema"));
    assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "no temporary file is left");
}

/// Errors have one form: what, where, the way out, each on a line of its own.
#[test]
fn errors_have_one_form() {
    let table: &[&[&str]] = &[
        &["chek", CP],
        &["check", "--frmat", "json", CP],
        &["check", NOWHERE],
        &["build", PROFILE],
        &["convert", CP, "--as", "json"],
        &["new", "profile", "-o", "Cargo.toml"],
        &["decode", PUSH, "--pin-file", NOWHERE],
        &["serve", "--check", "--config", NOWHERE],
        &["batch", "plan", NOWHERE, NOWHERE],
        &["explain", "CP999"],
    ];
    for words in table {
        let output = run(words);
        let said = text(&output.stderr);
        let mut lines = said.lines();
        let what = lines.next().and_then(|line| line.strip_prefix("error: ")).unwrap_or_default();
        let is_small = what.chars().next().is_some_and(|c| !c.is_uppercase());
        assert!(is_small && !what.ends_with('.'), "{words:?}: {said}");
        assert!(lines.all(|line| line.starts_with("  at: ") || line.starts_with("  help: ")), "{words:?}: {said}");
        assert!(said.lines().count() > 1, "{words:?} names a place or a way out: {said}");
    }
}

/// Where no terminal is, the log is for programs, unless people ask for it.
#[test]
fn a_server_logs_a_line_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let first_line = |more: &[&str]| {
        let store = folder.path().join("imps.db");
        let words = ["serve", "--listen", "127.0.0.1:0", "--store", store.to_str().unwrap()];
        let mut server = impskit(&[&words, more].concat()).spawn().expect("the binary runs");
        let mut line = String::new();
        BufReader::new(server.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
        server.kill().expect("it runs");
        server.wait().expect("it ends");
        line
    };
    let event: serde_json::Value = serde_json::from_str(&first_line(&[])).expect("an object");
    assert_eq!((event["level"].as_str(), event["target"].as_str()), (Some("INFO"), Some("impskit::server")));
    assert!(event["msg"].as_str().is_some_and(|text| text.starts_with("ready: http://127.0.0.1:")), "{event}");
    assert!(event["time"].as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 20), "{event}");
    assert!(first_line(&["--log-format", "text"]).contains("Z ready: http://127.0.0.1:"));
}

/// A password that is kept as a hash stays one, also where the configuration names another password.
#[test]
fn a_server_keeps_hashes_of_accounts_that_its_configuration_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("impskit.toml");
    let table = "[server]\nstore = \"imps.db\"\n[server.csp]\nlisten = [\"127.0.0.1:0\"]\n\
                 users = [{ user = \"anna\", password = { env = \"ANNA\" } }]\n";
    fs::write(&path, table).unwrap();
    let configured = |words: &[&str], password: &str| {
        let mut command = impskit(&[words, &["--config", path.to_str().unwrap()]].concat());
        command.env("ANNA", password);
        command
    };
    let admin = |words: &[&str], password: &str| text(&configured(words, password).output().unwrap().stdout);
    admin(&["admin", "user", "add", "anna", "--password-env", "ANNA", "--plain-only"], "before");
    let mut server = configured(&["serve"], "behind").spawn().expect("the binary runs");
    let mut line = String::new();
    BufReader::new(server.stderr.take().expect("a pipe")).read_line(&mut line).expect("a line");
    server.kill().expect("it runs");
    server.wait().expect("it ends");
    assert!(line.contains("ready: "), "{line}");
    let said = admin(&["admin", "user", "export", "--show-secrets"], "");
    assert!(said.contains("wv:anna@localhost,,pbkdf2-sha256$"), "{said}");
    let said = admin(&["admin", "user", "passwd", "anna", "--password-env", "ANNA"], "behind");
    assert_eq!(said, "wv:anna@localhost: unchanged\n", "the password is the new one");
}

/// What plain text has no codes for is said to be skipped, and the rest is rehearsed.
#[test]
fn a_profile_in_plain_text_is_rehearsed_as_far_as_codes_are_known() {
    let profile = fs::read_to_string(PROFILE).unwrap().replace(r#"["wbxml", "xml"]"#, r#"["pts"]"#);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pts.toml");
    fs::write(&path, profile).unwrap();
    let output = run(&["rehearse", path.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}{}", text(&output.stdout), text(&output.stderr));
    assert!(text(&output.stdout).contains("plain text has no known codes"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("`provisioned` reached the second user"), "{}", text(&output.stdout));
}
