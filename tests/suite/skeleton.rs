//! Skeletons of descriptions: that compilers take them, and that what they compile says what the description says.

use std::fs;
use std::path::Path;
use std::process::Command;

use impskit::diagnose::Report;
use impskit::dm::{DDF, Description};
use impskit::inspect::picture::{Graph, View, skeleton_c, skeleton_json, skeleton_rust};
use impskit::{catalogue, codec::Limits};

/// Names that are no identifiers, that come to one identifier, values with everything that ends a literal or a comment.
const AWKWARD: &str = r#"<MgmtTree xmlns:MSFT="http://schemas.microsoft.com/MobileDevice/DM"><VerDTD>1.2</VerDTD>
<Node><NodeName>a*/b"\??=</NodeName><Path>./9</Path><DFProperties><AccessType><Get/></AccessType><DFFormat><node/></DFFormat>
  <DFType><DDFName/></DFType></DFProperties>
  <Node><NodeName>größe</NodeName><DFProperties><AccessType><Get/><Replace/></AccessType>
    <DefaultValue>??/ "quoted" \ naïve */ // {0}</DefaultValue><DFFormat><chr/></DFFormat><Occurrence><ZeroOrOne/></Occurrence>
    <DFType><MIME>text/plain</MIME></DFType>
    <MSFT:AllowedValues ValueType="ENUM"><MSFT:Enum><MSFT:Value>/*</MSFT:Value><MSFT:ValueDescription>*/ #error \
    </MSFT:ValueDescription></MSFT:Enum><MSFT:Enum><MSFT:Value>"</MSFT:Value></MSFT:Enum></MSFT:AllowedValues></DFProperties></Node>
  <Node><NodeName>gr--e</NodeName><DFProperties><AccessType><Get/></AccessType><DFFormat><int/></DFFormat>
    <Occurrence><One/></Occurrence><DFType><MIME>text/plain</MIME></DFType>
    <MSFT:AllowedValues ValueType="ENUM"><MSFT:Enum><MSFT:Value>-1</MSFT:Value><MSFT:ValueDescription>Off</MSFT:ValueDescription>
    </MSFT:Enum><MSFT:Enum><MSFT:Value>1</MSFT:Value><MSFT:ValueDescription>Off</MSFT:ValueDescription></MSFT:Enum>
    </MSFT:AllowedValues></DFProperties></Node>
  <Node><NodeName/><DFProperties><AccessType><Add/><Delete/></AccessType><DFFormat><null/></DFFormat>
    <Occurrence><ZeroOrMore/></Occurrence><DFType><MIME>text/plain</MIME></DFType></DFProperties></Node>
</Node></MgmtTree>"#;

fn graph(text: &str) -> Graph {
    let mut report = Report::new();
    let document = catalogue::read(text.as_bytes(), &Limits::default(), &mut report).expect("a document");
    assert_eq!(document.vocabulary, Some(&DDF));
    let description = Description::from_element(&document.root, &mut report).expect("a description");
    let view = View { show_secrets: true, ..View::default() };
    Graph::of_description(&description, Some(&document.root), &view).expect("nodes")
}

/// Runs a compiler, or what it made, and returns what that printed.
fn run(program: &str, arguments: &[&str], folder: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Lines of path, access as a number, most, and default, as both programs print them.
const PRINTED: &str = "./9/a*/b\"\\??=|16|1|-
./9/a*/b\"\\??=/größe|48|1|??/ \"quoted\" \\ naïve */ // {0}
./9/a*/b\"\\??=/gr--e|16|1|-
./9/a*/b\"\\??=/<X>|5|4294967295|-
";

#[test]
fn a_compiler_of_c_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let imps = Graph::of_description(Description::reference(), None, &View::default()).unwrap();
    fs::write(folder.path().join("imps.h"), skeleton_c(&imps)).unwrap();
    fs::write(folder.path().join("imps.c"), "#include \"imps.h\"\nint all = DM_NODES;\n").unwrap();
    run("cc", &["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "imps.c"], folder.path());
    fs::write(folder.path().join("awkward.h"), skeleton_c(&graph(AWKWARD))).unwrap();
    let main = "#include \"awkward.h\"\n#include <stdio.h>\nint main(void) {\n    for (int i = 0; i < DM_NODES; i++) {\n        \
                const struct dm_node *node = &dm_nodes[i];\n        printf(\"%s|%u|%u|%s\\n\", node->path, (unsigned)node->access, \
                (unsigned)node->most,\n            node->default_value ? node->default_value : \"-\");\n    }\n    \
                return DM_VALUE_9_A_B_GR_E_2_OFF - -1;\n}\n";
    fs::write(folder.path().join("main.c"), main).unwrap();
    let flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o", "main", "main.c"];
    run("cc", &flags, folder.path());
    assert_eq!(run("./main", &[], folder.path()), PRINTED);
}

#[test]
fn a_compiler_of_rust_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("skeleton.rs"), skeleton_rust(&graph(AWKWARD))).unwrap();
    let main = "pub mod skeleton;\nfn main() {\n    for node in &skeleton::NODES {\n        let most = \
                node.most.map_or(u32::MAX as usize, |most| most);\n        println!(\"{}|{}|{most}|{}\", node.path, node.access, \
                node.default.unwrap_or(\"-\"));\n    }\n    assert_eq!(skeleton::value::_9_A_B_GR_E_2_OFF, -1);\n}\n";
    fs::write(folder.path().join("main.rs"), main).unwrap();
    let rustc = option_env!("RUSTC").unwrap_or("rustc");
    run(rustc, &["--edition", "2021", "-D", "warnings", "-A", "dead_code", "-o", "main", "main.rs"], folder.path());
    assert_eq!(run("./main", &[], folder.path()), PRINTED);
}

#[test]
fn programs_get_the_same() {
    let json: serde_json::Value = serde_json::from_str(&skeleton_json(&graph(AWKWARD))).unwrap();
    assert_eq!(json["schema"], "impskit.skeleton/1");
    let identifiers: Vec<_> = json["nodes"].as_array().unwrap().iter().map(|node| &node["identifier"]).collect();
    assert_eq!(identifiers, ["9_A_B", "9_A_B_GR_E", "9_A_B_GR_E__2", "9_A_B_X"], "each stands once");
    assert_eq!(json["values"][1]["values"][1]["identifier"], "9_A_B_GR_E_2_OFF__2");
}
