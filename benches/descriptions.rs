//! Large device descriptions and trees, read and checked on one core. See `benches/README.md`.
//!
//! With `IMPSKIT_CORPUS`, the largest shipped description is measured beside the one that is made here.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use impskit::catalogue::{self, Options};
use impskit::codec::{self, Limits};
use impskit::diagnose::Report;
use impskit::dm::{self, Description, serialise};

/// Three megabytes: 150 areas of 22 settings, a third of them with elements of a vendor.
static MADE: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MgmtTree xmlns:MSFT=\"http://schemas.microsoft.com/MobileDevice/DM\">\n\
         <VerDTD>1.2</VerDTD>\n",
    );
    for area in 0..150 {
        node(&mut text, &format!("Area{area}"), "<node/>", "<DDFName></DDFName>", "");
        for setting in 0..22 {
            let extension = match setting % 3 {
                0 => {
                    "<MSFT:SupportedValues low=\"0\" high=\"3\"/>\n<MSFT:ConflictResolution>LastWrite</MSFT:ConflictResolution>\n"
                }
                _ => "",
            };
            node(&mut text, &format!("Setting{setting}"), "<int/>", "<MIME>text/plain</MIME>", extension);
            text.push_str("</Node>\n");
        }
        text.push_str("</Node>\n");
    }
    text.push_str("</MgmtTree>\n");
    text
});

fn node(text: &mut String, name: &str, format: &str, kind: &str, extension: &str) {
    let default = if format == "<int/>" { "            <DefaultValue>0</DefaultValue>\n" } else { "" };
    let _ = write!(
        text,
        "        <Node>\n          <NodeName>{name}</NodeName>\n          <DFProperties>\n            <AccessType>\n              \
         <Add />\n              <Delete />\n              <Get />\n              <Replace />\n            </AccessType>\n{default}            \
         <Description>What the setting is for, in the words of its maker, at some length as descriptions go; &lt;p&gt;markup&lt;/p&gt; \
         in it is escaped. What the setting is for, in the words of its maker.</Description>\n            <DFFormat>\n              \
         {format}\n            </DFFormat>\n            <Occurrence>\n              <ZeroOrOne />\n            </Occurrence>\n            \
         <Scope>\n              <Dynamic />\n            </Scope>\n            <DFType>\n              {kind}\n            </DFType>\n{extension}          \
         </DFProperties>\n"
    );
}

/// A tree of 100,000 nodes as our own writer writes it: 100 interior nodes with 999 leaves each.
static TREE: LazyLock<String> = LazyLock::new(|| {
    let run_time =
        |format: &str, kind: &str| format!("<RTProperties><Format>{format}</Format><Type>{kind}</Type></RTProperties>");
    let (interior, leaf) = (run_time("<node/>", "<DDFName/>"), run_time("<chr/>", "<MIME>text/plain</MIME>"));
    let mut text = String::from("<MgmtTree xmlns=\"syncml:dmddf1.2\"><VerDTD>1.2</VerDTD>");
    for group in 0..100 {
        let _ = write!(text, "<Node><NodeName>group{group}</NodeName>{interior}");
        for number in 0..999 {
            let _ = write!(text, "<Node><NodeName>n{number}</NodeName>{leaf}<Value>v{number}</Value></Node>");
        }
        text.push_str("</Node>");
    }
    text.push_str("</MgmtTree>");
    text
});

/// The description that is measured: `made`, and `shipped` where the corpus is at hand.
fn descriptions() -> Vec<&'static str> {
    if shipped().is_some() { vec!["made", "shipped"] } else { vec!["made"] }
}

fn shipped() -> Option<&'static [u8]> {
    static SHIPPED: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
        let corpus = std::env::var_os("IMPSKIT_CORPUS")?;
        std::fs::read(Path::new(&corpus).join("ddf/win20h2-PolicyDDF_all.ddf.xml")).ok()
    });
    SHIPPED.as_deref()
}

fn octets(name: &str) -> &'static [u8] {
    if name == "shipped" { shipped().unwrap_or_default() } else { MADE.as_bytes() }
}

fn main() {
    divan::main();
}

#[divan::bench(args = descriptions())]
fn read_elements(bencher: Bencher<'_, '_>, name: &str) {
    let octets = octets(name);
    bencher.counter(BytesCount::new(octets.len())).bench_local(|| {
        codec::read(black_box(octets), &[&dm::DDF], &Limits::default(), &mut Report::new())
            .map(|d| d.root.children.len())
    });
}

#[divan::bench(args = descriptions())]
fn read_description(bencher: Bencher<'_, '_>, name: &str) {
    let octets = octets(name);
    bencher
        .counter(BytesCount::new(octets.len()))
        .bench_local(|| Description::read(black_box(octets), &mut Report::new()).map(|d| d.nodes.len()));
}

#[divan::bench(args = descriptions())]
fn check_description(bencher: Bencher<'_, '_>, name: &str) {
    let octets = octets(name);
    bencher
        .counter(BytesCount::new(octets.len()))
        .bench_local(|| catalogue::check(black_box(octets), name, &Options::default()).report.diagnostics().len());
}

#[divan::bench]
fn read_tree(bencher: Bencher<'_, '_>) {
    bencher
        .counter(BytesCount::of_str(&*TREE))
        .bench_local(|| serialise::read(black_box(TREE.as_bytes()), &mut Report::new()).map(|tree| tree.len()));
}

#[divan::bench]
fn check_tree(bencher: Bencher<'_, '_>) {
    let tree = serialise::read(TREE.as_bytes(), &mut Report::new()).expect("the tree that was written above");
    bencher.bench_local(|| {
        let mut report = Report::new();
        dm::check_tree(black_box(&tree), Description::bundled(), &mut report);
        report.diagnostics().len()
    });
}
