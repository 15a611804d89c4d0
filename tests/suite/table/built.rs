//! What `build --rows` makes of a row is what `build --row` makes of it, in every form.

use std::fs;
use std::process::Command;

use serde_json::Value;

/// Runs `build` and returns its exit code and what it wrote.
fn build(words: &[&str]) -> (i32, Vec<u8>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
    command.arg("build").args(words).arg("--quiet").env_remove("IMPSKIT_FORMAT");
    let output = command.output().expect("the binary runs");
    (output.status.code().expect("an exit code"), output.stdout)
}

/// The forms of `product.md` 3.1 that a profile can take, with the options that change them.
const FORMS: &[&[&str]] = &[
    &["cp"],
    &["cp-wbxml"],
    &["cp-wbxml", "--wbxml-style", "prefix"],
    &["push"],
    &["push", "--sec", "none"],
    &["sms"],
    &["sms", "--layout", "hex"],
    &["sms", "--layout", "at"],
    &["sms", "--layout", "jsonl", "--ref16"],
    &["sms", "--layout", "deliver", "--from", "acme"],
    &["pap"],
    &["mo"],
    &["mo-wbxml"],
    &["syncml"],
    &["syncml-wbxml"],
    &["dm-bootstrap"],
    &["dm-bootstrap", "--bootstrap", "cp"],
    &["cp", "--bootstrap", "cp"],
    &["cp-wbxml", "--bootstrap", "cp"],
    &["push", "--bootstrap", "cp"],
    &["sms", "--bootstrap", "cp"],
    &["syncml", "--bootstrap", "tree"],
    &["sms", "--bootstrap", "tree"],
];

#[test]
fn a_table_gives_in_every_form_what_its_rows_give_alone() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("rows.csv");
    let table = table.to_str().unwrap();
    let header = "msisdn,imei,user,password,pin,x_dm_client,x_dm_server\n";
    let rows = "46700000001,493005100592800,anna,sesame,7391,client-secret,server-secret\n\n\
        +46700000002,493005100592818,\"bo\",\"a \"\"b\"\", <&>ö\",0420,c,s\n";
    fs::write(table, format!("{header}{rows}")).unwrap();
    let profile = "tests/samples/provision/managed.toml";
    for form in FORMS {
        let (code, lines) = build(&[&[profile, "--rows", table, "--as"], *form].concat());
        let lines = String::from_utf8(lines).unwrap();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((code, lines.len()), (0, 2), "{form:?}");
        for (line, (at, number)) in lines.iter().zip([(2, "46700000001"), (4, "46700000002")]) {
            let head = (&line["schema"], &line["line"], &line["msisdn"], &line["form"]);
            let expected: [Value; 4] = ["impskit.built/1".into(), at.into(), number.into(), form[0].into()];
            assert_eq!(head, (&expected[0], &expected[1], &expected[2], &expected[3]));
            let row = format!("{table}:{at}");
            let (_, alone) = build(&[&[profile, "--transfer", "hex", "--row", &row, "--as"], *form].concat());
            let alone = String::from_utf8(alone).unwrap();
            match &line["data"] {
                Value::Array(parts) => {
                    assert!(alone.lines().eq(parts.iter().map(|part| part.as_str().unwrap())), "{form:?}")
                }
                data if alone.starts_with('<') => assert_eq!(data, &alone, "{form:?}"),
                data => assert_eq!(data, alone.trim_end(), "{form:?}"),
            }
        }
    }
}
