//! WBXML and XML of the typical provisioning document, both ways, with one core. See `benches/README.md`.

use divan::{Bencher, black_box};
use impskit::catalogue;
use impskit::codec::{self, Limits, WbxmlOptions};
use impskit::cp;
use impskit::diagnose::Report;

const TYPICAL: &[u8] = include_bytes!("typical.xml");

fn main() {
    divan::main();
}

fn wbxml() -> Vec<u8> {
    let mut report = Report::new();
    let document = catalogue::read(TYPICAL, &Limits::default(), &mut report).expect("the typical document");
    codec::write_wbxml(&document.root, &cp::VOCABULARY, &WbxmlOptions::default()).expect("its WBXML form")
}

#[divan::bench]
fn read_xml(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        catalogue::read(black_box(TYPICAL), &Limits::default(), &mut Report::new()).map(|document| document.root)
    });
}

#[divan::bench]
fn read_wbxml(bencher: Bencher<'_, '_>) {
    let octets = wbxml();
    bencher.bench_local(|| {
        catalogue::read(black_box(&octets), &Limits::default(), &mut Report::new()).map(|document| document.root)
    });
}

#[divan::bench]
fn write_wbxml(bencher: Bencher<'_, '_>) {
    let document = catalogue::read(TYPICAL, &Limits::default(), &mut Report::new()).expect("the typical document");
    bencher.bench_local(|| codec::write_wbxml(black_box(&document.root), &cp::VOCABULARY, &WbxmlOptions::default()));
}

#[divan::bench]
fn wbxml_to_xml(bencher: Bencher<'_, '_>) {
    let octets = wbxml();
    bencher.bench_local(|| {
        let document = catalogue::read(black_box(&octets), &Limits::default(), &mut Report::new())?;
        Some(codec::write_xml(&document.root, document.vocabulary, false))
    });
}

#[divan::bench]
fn xml_to_wbxml(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let document = catalogue::read(black_box(TYPICAL), &Limits::default(), &mut Report::new())?;
        codec::write_wbxml(&document.root, &cp::VOCABULARY, &WbxmlOptions::default()).ok()
    });
}
