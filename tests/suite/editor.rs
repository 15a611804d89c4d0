//! The language server: a scripted editor says what editors say, and looks at what it is told.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use impskit::editor::Editor;
use lsp_server::{Message, Notification, Request, Response};
use proptest::prelude::*;
use serde_json::{Value, json};

const URI: &str = "file:///phone/phone.ddf";

/// An editor with one document.
struct Client {
    server: Editor,
    next: i32,
    version: i32,
    uri: &'static str,
}

impl Client {
    /// Opens a document and returns the client with its diagnostics.
    fn open(uri: &'static str, text: &str) -> (Self, Vec<Value>) {
        let mut client = Self { server: Editor::new(), next: 0, version: 1, uri };
        let completion = json!({"completionItem": {"snippetSupport": true}});
        let capabilities = json!({"textDocument": {"completion": completion}});
        let answer = client.ask("initialize", json!({"processId": null, "capabilities": capabilities}));
        assert_eq!(answer["serverInfo"]["name"], "impskit");
        client.tell("initialized", json!({}));
        let document = json!({"uri": uri, "languageId": "xml", "version": 1, "text": text});
        client.tell("textDocument/didOpen", json!({"textDocument": document}));
        let diagnostics = client.diagnostics();
        (client, diagnostics)
    }

    fn request(&mut self, method: &str, params: Value) -> Response {
        self.next += 1;
        let request = Request::new(self.next.into(), method.to_owned(), params);
        let answers = self.server.handle(request.into()).into_iter();
        let mut answers = answers.filter_map(|message| if let Message::Response(r) = message { Some(r) } else { None });
        let answer = answers.next().expect("an answer");
        assert_eq!(answer.id, self.next.into());
        answer
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.request(method, params).response_result.unwrap_or_else(|error| panic!("{method}: {error:?}"))
    }

    fn refused(&mut self, method: &str, params: Value) -> i32 {
        self.request(method, params).response_result.expect_err("a refusal").code
    }

    fn tell(&mut self, method: &str, params: Value) -> Vec<Message> {
        self.server.handle(Notification::new(method.to_owned(), params).into())
    }

    /// Returns the diagnostics that are published now; panics where none are.
    fn diagnostics(&mut self) -> Vec<Value> {
        let messages = self.server.settle();
        let [Message::Notification(notification)] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!(notification.method, "textDocument/publishDiagnostics");
        assert_eq!(
            (&notification.params["uri"], &notification.params["version"]),
            (&json!(self.uri), &json!(self.version))
        );
        notification.params["diagnostics"].as_array().expect("diagnostics").clone()
    }

    fn change(&mut self, changes: &Value) -> Vec<Value> {
        self.version += 1;
        let document = json!({"uri": self.uri, "version": self.version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": changes}));
        self.diagnostics()
    }

    fn at(&mut self, method: &str, line: u32, character: u32) -> Value {
        let place = json!({"textDocument": {"uri": self.uri}, "position": {"line": line, "character": character}});
        self.ask(method, place)
    }

    fn hover(&mut self, line: u32, character: u32) -> String {
        let hover = self.at("textDocument/hover", line, character);
        hover["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    fn actions(&mut self, range: &Value, only: Option<&str>) -> Vec<Value> {
        let context = match only {
            Some(only) => json!({"diagnostics": [], "only": [only]}),
            None => json!({"diagnostics": []}),
        };
        let params = json!({"textDocument": {"uri": self.uri}, "range": range, "context": context});
        self.ask("textDocument/codeAction", params).as_array().cloned().unwrap_or_default()
    }
}

fn codes(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics.iter().map(|d| d["code"].as_str().unwrap_or_default()).collect()
}

/// Returns the offset of a place, counted here for itself: units of UTF-16 in a line.
fn offset(text: &str, place: &Value) -> usize {
    let (line, wanted) = (place["line"].as_u64().unwrap(), place["character"].as_u64().unwrap());
    let before: usize = text.split_inclusive('\n').take(usize::try_from(line).unwrap()).map(str::len).sum();
    let mut units = 0;
    for (i, c) in text[before..].char_indices() {
        if units == wanted {
            return before + i;
        }
        units += c.len_utf16() as u64;
    }
    text.len()
}

/// Applies edits as an editor does: all count places in the text before.
fn edited(text: &str, edits: &Value) -> String {
    let mut edits: Vec<_> = edits.as_array().expect("edits").iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(offset(text, &edit["range"]["start"])));
    let mut text = text.to_owned();
    for edit in edits {
        let range = offset(&text, &edit["range"]["start"])..offset(&text, &edit["range"]["end"]);
        text.replace_range(range, edit["newText"].as_str().expect("text"));
    }
    text
}

/// A description with a leaf, and in the place of `{…}` what a test wants.
fn ddf(properties: &str) -> String {
    format!(
        "<MgmtTree><VerDTD>1.2</VerDTD><Man>Acme</Man><Mod>One</Mod>\n\
         <Node><NodeName>Chat</NodeName><Path>./Acme</Path>\n\
         <DFProperties><AccessType><Get/></AccessType><DFFormat><node/></DFFormat><Occurrence><One/></Occurrence>\n\
         <Scope><Permanent/></Scope><DFType><DDFName></DDFName></DFType></DFProperties>\n\
         <Node><NodeName>Host</NodeName>\n\
         <DFProperties>{properties}</DFProperties></Node>\n\
         </Node></MgmtTree>\n"
    )
}

const SOUND: &str = "<AccessType><Get/><Replace/></AccessType><Description>Where</Description><DFFormat><chr/></DFFormat>\
    <Occurrence><One/></Occurrence><Scope><Permanent/></Scope><DFType><MIME>text/plain</MIME></DFType>";

#[test]
fn findings_stand_at_code_units_of_utf_16_and_go_with_their_cause() {
    let bad = SOUND.replace("<chr/>", "<chr/><!-- 😀𝄞 --><wrong/>");
    let (mut client, diagnostics) = Client::open(URI, &ddf(&bad));
    let (line, text) = (5, ddf(&bad));
    let row = text.lines().nth(line).unwrap();
    let start = row[..row.find("<wrong/>").unwrap()].encode_utf16().count();
    let found = diagnostics.iter().find(|d| d["message"].as_str().unwrap().contains("wrong")).expect("a finding");
    let place = json!({"line": line, "character": start});
    assert_eq!(found["range"]["start"], place, "{found}");
    assert_eq!(found["range"]["end"], json!({"line": line, "character": start + "<wrong/>".len()}));
    assert_eq!((&found["source"], &found["severity"]), (&json!("impskit"), &json!(1)));
    assert!(found["message"].as_str().unwrap().contains("\nhelp: "), "{found}");
    // What is wrong is taken out, and nothing else is sent.
    let range = found["range"].clone();
    let before = codes(&diagnostics).len();
    let diagnostics = client.change(&json!([{"range": range, "text": ""}]));
    assert_eq!(codes(&diagnostics).len(), before - 1, "{diagnostics:?}");
    assert!(!diagnostics.iter().any(|d| d["message"].as_str().unwrap().contains("wrong")));
    // The whole text is sent; then the document is closed.
    let sound = client.change(&json!([{"text": ddf(SOUND)}]));
    assert!(!sound.iter().any(|d| d["severity"] == 1), "{sound:?}");
    let messages = client.tell("textDocument/didClose", json!({"textDocument": {"uri": URI}}));
    let [Message::Notification(cleared)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(cleared.params["diagnostics"], json!([]));
    assert!(client.server.settle().is_empty());
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let (_, diagnostics) = Client::open("file:///pom.xml", "<project><a/></project>");
    assert!(diagnostics.iter().all(|d| d["severity"] == 3), "information at the most: {diagnostics:?}");
    let (_, diagnostics) = Client::open("file:///Cargo.toml", "[package]\nname = \"x\"\n");
    assert_eq!(diagnostics, Vec::<Value>::new());
}

#[test]
fn changes_that_mend_are_offered_and_mend() {
    let text = ddf(SOUND).replace("</NodeName>\n", " </NodeName>\n").replace("./Acme<", "./Acme/<");
    let (mut client, diagnostics) = Client::open(URI, &text);
    let everything = json!({"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}});
    let actions = client.actions(&everything, Some("quickfix"));
    assert!(!actions.is_empty(), "{diagnostics:?}");
    for action in &actions {
        let is_safe = !action["title"].as_str().unwrap().ends_with("(changes what the document says)");
        assert_eq!(action["isPreferred"] == json!(true), is_safe, "{action}");
        let code = action["diagnostics"][0]["code"].as_str().unwrap();
        let count = |diagnostics: &[Value]| codes(diagnostics).into_iter().filter(|&c| c == code).count();
        let (_, after) = Client::open(URI, &edited(&text, &action["edit"]["changes"][URI]));
        assert_eq!(count(&after), count(&diagnostics) - 1, "{action}");
    }
    for only in ["source", "source.fixAll", "source.fixAll.impskit"] {
        let all = client.actions(&everything, Some(only));
        assert_eq!(all.len(), 1, "{only}: {all:?}");
        let (mut mended, _) = Client::open(URI, &edited(&text, &all[0]["edit"]["changes"][URI]));
        assert_eq!(mended.actions(&everything, Some("source.fixAll")), Vec::<Value>::new());
    }
    assert!(client.actions(&everything, Some("refactor")).is_empty());
    let nowhere = json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}});
    assert!(client.actions(&nowhere, Some("quickfix")).is_empty());
}

#[test]
fn hover_says_the_clause_the_node_and_what_an_element_holds() {
    let (mut client, diagnostics) = Client::open(URI, &ddf(&SOUND.replace("<chr/>", "<wrong/>")));
    let finding = &diagnostics.iter().find(|d| d["message"].as_str().unwrap().contains("wrong")).expect("a finding");
    let place = &finding["range"]["start"];
    let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let page = client.hover(number(&place["line"]), number(&place["character"]) + 1);
    let rule = impskit::catalogue::rule(finding["code"].as_str().unwrap()).unwrap();
    assert!(page.contains(rule.code) && page.contains("Clause: ") && page.contains("Help: "), "{page}");
    let node = client.hover(4, 18);
    assert!(node.starts_with("`./Acme/Chat/Host`") && node.contains("- Access: `Get Replace`"), "{node}");
    assert!(node.contains("- Occurrence: `One`") && node.contains("\nWhere"), "{node}");
    let element = client.hover(5, 3);
    assert!(element.contains("**DFProperties**") && element.contains("AccessType?"), "{element}");
    let (mut profile, _) = Client::open("file:///p.toml", "schema = 1\n[service]\nversions = [\"1.3\"]\n");
    let key = profile.hover(2, 1);
    assert!(key.starts_with("**versions** of `service`") && key.contains("most wanted first"), "{key}");
    assert_eq!(client.at("textDocument/hover", 99, 0), Value::Null, "nothing stands behind the end");
}

const SETTINGS: &str = "\
<wap-provisioningdoc version=\"1.1\">
<characteristic type=\"NAPDEF\">
<parm name=\"NAPID\" value=\"gprs\"/>
<parm name=\"BEARER\" value=\"\"/>
</characteristic>
<characteristic type=\"APPLICATION\">
<parm name=\"APPID\" value=\"wA\"/>
<parm name=\"TO-NAPID\" value=\"\"/>
<characteristic type=\"APPAUTH\">
<parm name=\"AAUTHSECRET\" value=\"hunter2\"/>
<parm name=\"\"/>
</characteristic>

</characteristic>
</wap-provisioningdoc>
";

#[test]
fn outlines_nest_and_hide_secrets() {
    let names = |symbols: &Value| -> Vec<String> {
        let all = symbols.as_array().into_iter().flatten();
        all.map(|s| format!("{} {}", s["name"].as_str().unwrap(), s["detail"].as_str().unwrap_or("-"))).collect()
    };
    let (mut client, _) = Client::open(URI, &ddf(SOUND));
    let ask = |client: &mut Client| {
        let uri = client.uri;
        client.ask("textDocument/documentSymbol", json!({"textDocument": {"uri": uri}}))
    };
    let symbols = ask(&mut client);
    assert_eq!(names(&symbols), ["MgmtTree One"]);
    let chat = &symbols[0]["children"];
    assert_eq!(names(chat), ["Chat node"]);
    assert_eq!(names(&chat[0]["children"]), ["Host chr"]);
    assert_eq!(chat[0]["range"]["start"], json!({"line": 1, "character": 0}));
    assert_eq!(chat[0]["selectionRange"]["start"], json!({"line": 1, "character": 6}));
    let (mut client, _) = Client::open("file:///settings.xml", SETTINGS);
    let symbols = ask(&mut client);
    let settings = &symbols[0]["children"];
    assert_eq!(names(settings), ["NAPDEF gprs", "APPLICATION wA"]);
    assert_eq!(names(&settings[1]["children"][2]["children"])[0], "AAUTHSECRET ••••");
    assert!(!symbols.to_string().contains("hunter2"));
    let message = "<SyncML><SyncBody><Get><CmdID>1</CmdID><Item><Target><LocURI>./DevInfo</LocURI></Target></Item></Get>\
        <Status><Cmd>Alert</Cmd><Data>200</Data></Status></SyncBody></SyncML>";
    let (mut client, _) = Client::open("file:///m.xml", message);
    assert_eq!(names(&ask(&mut client)[0]["children"][0]["children"]), ["Get ./DevInfo", "Status 200 Alert"]);
    let profile = "id = \"a\"\nschema = 1\n[account]\npassword = \"hunter2\"\n";
    let (mut client, _) = Client::open("file:///p.toml", profile);
    let symbols = ask(&mut client);
    assert_eq!(names(&symbols), ["id \"a\"", "schema 1", "account -"]);
    assert_eq!(names(&symbols[2]["children"]), ["password ••••"]);
}

/// Returns what is offered where `|` stands in a text.
fn offered(uri: &'static str, marked: &str) -> Vec<Value> {
    let at = marked.find('|').expect("a place");
    let text = marked.replacen('|', "", 1);
    let (mut client, _) = Client::open(uri, &text);
    let line = marked[..at].matches('\n').count();
    let character = marked[..at].rsplit('\n').next().unwrap().encode_utf16().count();
    let items = client.at("textDocument/completion", u32::try_from(line).unwrap(), u32::try_from(character).unwrap());
    items.as_array().cloned().unwrap_or_default()
}

fn labels(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["label"].as_str().unwrap()).collect()
}

#[test]
fn completes_elements_as_the_grammar_has_them() {
    let marked = ddf("<AccessType><Get/></AccessType><|<DFFormat><chr/></DFFormat>");
    let items = offered(URI, &marked);
    let expected =
        ["DefaultValue", "Description", "Occurrence", "Scope", "DFTitle", "DFType", "CaseSense", "/DFProperties"];
    assert_eq!(labels(&items), expected);
    let text = marked.replacen('|', "", 1);
    let chosen = edited(&text, &json!([items[2]["textEdit"]]));
    assert!(chosen.contains("<Occurrence>$0</Occurrence><DFFormat>"), "{chosen}");
    let items = offered(URI, &ddf("<AccessType><Get/><Re|</AccessType>"));
    assert_eq!(labels(&items), ["Add", "Copy", "Delete", "Exec", "Replace", "/AccessType"]);
    assert_eq!(items[4]["textEdit"]["newText"], "Replace/>$0");
    assert_eq!(labels(&offered(URI, &ddf("<DFFormat><chr/><|</DFFormat>"))), ["/DFFormat"], "one is there");
    // Between tags the sign comes with the name; the name alone changes in a tag that is whole.
    let items = offered(URI, &ddf("<Scope>|</Scope>"));
    assert_eq!(items[0]["textEdit"]["newText"], "<Permanent/>$0");
    let items = offered(URI, &ddf("<Scope><Perm|/></Scope>"));
    assert_eq!(
        (items[0]["label"].as_str(), items[0]["textEdit"]["newText"].as_str()),
        (Some("Permanent"), Some("Permanent"))
    );
    assert!(labels(&offered(URI, "<|")).contains(&"MgmtTree"));
    let vendor = ddf("<MSFT:Deprecated/><|")
        .replace("<MgmtTree>", "<MgmtTree xmlns:MSFT='http://schemas.microsoft.com/MobileDevice/DM'>");
    let items = offered(URI, &vendor);
    let names = labels(&items);
    assert!(names.contains(&"MSFT:AllowedValues") && !names.contains(&"MSFT:Deprecated"), "{names:?}");
    let items = offered(URI, &vendor.replace("<MSFT:Deprecated/>", "<MSFT:DynamicNodeNaming>"));
    let expected = ["MSFT:ServerGeneratedUniqueIdentifier", "MSFT:ClientInventory", "MSFT:UniqueName"];
    assert_eq!(labels(&items)[..3], expected);
    assert_eq!(items[0]["textEdit"]["newText"], "MSFT:ServerGeneratedUniqueIdentifier/>$0");
    let message = "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncBody><Add><CmdID>1</CmdID><Item><Meta><|</Meta>";
    let items = offered("file:///m.xml", message);
    let format = items.iter().find(|item| item["label"] == "Format").expect("a format");
    assert_eq!(format["textEdit"]["newText"], "Format xmlns=\"syncml:metinf\">$0</Format>");
    let tree = message.replace("<Meta><|</Meta>", "<Data><MgmtTree><Node><|");
    assert!(labels(&offered("file:///m.xml", &tree)).contains(&"RTProperties"), "a tree in a message");
}

#[test]
fn completes_end_tags_attributes_and_words() {
    let items = offered(URI, "<MgmtTree><VerDTD>1.2</|");
    assert_eq!((labels(&items), &items[0]["textEdit"]["newText"]), (vec!["VerDTD"], &json!("VerDTD>")));
    assert_eq!(labels(&offered(URI, "<MgmtTree><Man>x</Man><Node><!-- <a> --></|\n")), ["Node"]);
    let moi = offered(URI, &ddf(SOUND).replace("<DDFName>", "<DDFName>|"));
    assert!(
        labels(&moi).contains(&"urn:oma:mo:oma-dm-dmacc:1.0") || labels(&moi).iter().any(|l| l.contains("imps")),
        "{moi:?}"
    );
    let settings = |from: &str, to: &str| {
        let items = offered("file:///settings.xml", &SETTINGS.replacen(from, to, 1));
        labels(&items).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(settings("BEARER\" value=\"", "BEARER\" value=\"|").contains(&"GSM-GPRS".to_owned()));
    assert_eq!(settings("TO-NAPID\" value=\"", "TO-NAPID\" value=\"|"), ["gprs"]);
    let parms = settings("<parm name=\"\"", "<parm name=\"|\"");
    assert!(parms.contains(&"AAUTHNAME".to_owned()) && !parms.contains(&"AAUTHSECRET".to_owned()), "{parms:?}");
    let types = settings("\n\n", "\n<characteristic type=\"|\"/>\n");
    assert!(types.contains(&"APPADDR".to_owned()) && !types.contains(&"NAPDEF".to_owned()), "{types:?}");
    assert_eq!(settings("\n\n", "\n<parm |\n"), ["name", "value"]);
    assert_eq!(settings("\n\n", "\n<!-- <| -->\n"), Vec::<String>::new());
}

#[test]
fn completes_profiles() {
    let profile = |line: &str| {
        let items = offered("file:///p.toml", &format!("schema = 1\n[service]\n{line}\n[push]\n"));
        labels(&items).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(profile("add|").contains(&"addresses".to_owned()));
    assert!(!profile("addresses = []\n|").contains(&"addresses".to_owned()), "it is there");
    assert_eq!(profile("versions = [\"|"), ["1.3", "1.2", "1.1"]);
    assert!(profile("[[acc|").contains(&"access_point".to_owned()));
    assert_eq!(profile("nothing = |"), Vec::<String>::new());
}

#[test]
fn layout_is_made_once() {
    let format = |text: &str| {
        let (mut client, _) = Client::open(URI, text);
        let options = json!({"tabSize": 4, "insertSpaces": true});
        client.ask("textDocument/formatting", json!({"textDocument": {"uri": URI}, "options": options}))
    };
    let text = ddf(SOUND);
    let edits = format(&text);
    let formatted = edited(&text, &edits);
    assert_eq!(formatted, impskit::inspect::format(text.as_bytes()).unwrap());
    assert_ne!(formatted, text);
    assert_eq!(format(&formatted), json!([]), "nothing is left to do");
    assert_eq!(format("<MgmtTree><Node>"), Value::Null, "what is broken is left");
}

#[test]
fn keeps_the_order_of_a_session() {
    let mut client = Client { server: Editor::new(), next: 0, version: 1, uri: URI };
    assert_eq!(client.refused("textDocument/hover", json!({})), -32002);
    let document = json!({"textDocument": {"uri": URI, "languageId": "xml", "version": 1, "text": "<"}});
    client.tell("textDocument/didOpen", document);
    assert!(client.server.settle().is_empty(), "before `initialize` nothing is opened");
    assert_eq!(client.refused("initialize", json!(7)), -32602);
    client.ask("initialize", json!({"capabilities": {}}));
    assert_eq!(client.refused("initialize", json!({"capabilities": {}})), -32600);
    assert_eq!(client.refused("textDocument/rename", json!({})), -32601);
    assert_eq!(client.refused("textDocument/hover", json!({"position": "here"})), -32602);
    assert_eq!(client.at("textDocument/hover", 0, 0), Value::Null, "nothing is open");
    assert!(client.tell("$/cancelRequest", json!({"id": 1})).is_empty());
    assert!(client.tell("workspace/didChangeConfiguration", json!({"settings": null})).is_empty());
    assert_eq!(client.tell("textDocument/didChange", json!([])).len(), 1, "what cannot be read is logged");
    assert!(client.server.handle(Response::new_ok(9.into(), json!(null)).into()).is_empty());
    assert_eq!(client.ask("shutdown", Value::Null), Value::Null);
    assert_eq!(client.refused("shutdown", Value::Null), -32600);
    assert_eq!(client.server.has_left(), None);
    client.tell("exit", Value::Null);
    assert_eq!(client.server.has_left(), Some(true));
    let (mut client, _) = Client::open(URI, "");
    client.tell("exit", Value::Null);
    assert_eq!(client.server.has_left(), Some(false));
}

fn methods(client: &mut Client, line: u32, character: u32) {
    for method in ["textDocument/hover", "textDocument/completion"] {
        client.at(method, line, character);
    }
    let place = json!({"line": line, "character": character});
    client.actions(&json!({"start": place, "end": {"line": 0, "character": 0}}), None);
    let uri = client.uri;
    client.ask("textDocument/documentSymbol", json!({"textDocument": {"uri": uri}}));
    client.ask(
        "textDocument/formatting",
        json!({"textDocument": {"uri": uri}, "options": {"tabSize": 1, "insertSpaces": true}}),
    );
}

#[test]
fn places_outside_and_deep_and_long_texts_do_no_harm() {
    let deep = "<Node>".repeat(20_000);
    let long = format!("<MgmtTree>{}", "<Man>😀</Man>".repeat(5_000));
    let endless = "<a b=\"".repeat(5_000);
    for text in [
        "",
        "<MgmtTree><!--></MgmtTree>",
        "\u{FEFF}",
        "\r",
        "<",
        "</",
        "<a",
        "<!--",
        "[[",
        "\u{0}",
        &deep,
        &long,
        &endless,
    ] {
        let (mut client, _) = Client::open(URI, text);
        for (line, character) in [(0, 0), (0, u32::MAX), (u32::MAX, 0), (u32::MAX, u32::MAX), (1, 1)] {
            methods(&mut client, line, character);
        }
        let beyond = json!({"start": {"line": 7, "character": 9}, "end": {"line": 2, "character": u32::MAX}});
        client.change(&json!([{"range": beyond, "text": "x"}, {"text": "<y/>"}]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is typed wherever, nothing breaks, and the server has the text that the editor has.
    #[test]
    fn any_edits_are_taken(
        edits in proptest::collection::vec((0_u32..12, 0_u32..90, 0_u32..12, 0_u32..90, "([<>/\"'=]|<Node>|</Node>|[a-z]|😀|\r|\n|<!--){0,4}"), 1..12),
        which in 0_usize..3,
    ) {
        let (uri, text) = [(URI, ddf(SOUND)), ("file:///s.xml", SETTINGS.to_owned()), ("file:///p.toml", include_str!("../../templates/acme.toml").to_owned())][which].clone();
        let (mut client, _) = Client::open(uri, &text);
        for (line, character, end_line, end_character, typed) in edits {
            let range = json!({"start": {"line": line, "character": character}, "end": {"line": end_line, "character": end_character}});
            client.change(&json!([{"range": range, "text": typed}]));
            methods(&mut client, line, character);
        }
    }
}

/// The program on pipes, as an editor starts it.
struct Piped {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Piped {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impskit"));
        let command =
            command.args(["lsp", "--stdio"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let output = BufReader::new(child.stdout.take().expect("stdout"));
        Self { child, output }
    }

    fn write(&mut self, text: &str) {
        // A program that has ended does not read on.
        let _ = self.child.stdin.as_mut().expect("stdin").write_all(text.as_bytes());
    }

    fn say(&mut self, message: &Value) {
        let text = message.to_string();
        self.write(&format!(
            "Content-Length: {}\r\nContent-Type: application/vscode-jsonrpc\r\n\r\n{text}",
            text.len()
        ));
    }

    fn hear(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).expect("a line");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().expect("a number"),
                _ if line == "\r\n" => break,
                _ => panic!("{line:?}"),
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).expect("a message");
        serde_json::from_slice(&body).expect("JSON")
    }

    fn code(mut self) -> i32 {
        drop(self.child.stdin.take());
        self.child.wait().expect("an end").code().expect("a code")
    }
}

#[test]
fn the_program_speaks_on_pipes_and_ends_with_the_right_code() {
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}});
    let exit = json!({"jsonrpc": "2.0", "method": "exit"});
    let mut server = Piped::start();
    server.say(&initialize);
    let answer = server.hear();
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &json!(1)));
    assert_eq!(answer["result"]["capabilities"]["hoverProvider"], true);
    let document = json!({"uri": URI, "languageId": "xml", "version": 1, "text": "<MgmtTree>"});
    server.say(&json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document}}));
    let published = server.hear();
    assert_eq!(published["method"], "textDocument/publishDiagnostics");
    assert!(!published["params"]["diagnostics"].as_array().unwrap().is_empty());
    server.say(&json!({"jsonrpc": "2.0", "id": "two", "method": "shutdown"}));
    assert_eq!(server.hear(), json!({"jsonrpc": "2.0", "id": "two", "result": null}));
    server.say(&exit);
    assert_eq!(server.code(), 0);

    let mut server = Piped::start();
    server.say(&initialize);
    server.say(&exit);
    assert_eq!(server.code(), 1, "no `shutdown`");
    let mut server = Piped::start();
    server.say(&initialize);
    assert_eq!(server.code(), 1, "gone without a word");
    for broken in [
        "no header\r\n\r\n",
        "Content-Length: 99999999999\r\n\r\n",
        "X: y\r\n\r\n",
        "Content-Length: 9\r\n\r\n{",
        "Content-Length: 2\r\n\r\n[]",
    ] {
        let mut server = Piped::start();
        server.write(broken);
        assert_eq!(server.code(), 2, "{broken:?}");
    }
}
