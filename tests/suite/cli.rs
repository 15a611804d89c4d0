//! Transcripts of the binary, those in the README among them: what it says and how it ends.

#[test]
fn transcripts_hold() {
    trycmd::TestCases::new().env("NO_COLOR", "1").case("tests/cli/*.trycmd").case("README.md");
}

/// What stands in `[server.tls]` is looked at where TLS is built in, and refused where it is left out.
#[test]
fn transcripts_of_tls_hold() {
    let name = if cfg!(feature = "tls") { "built-in" } else { "left-out" };
    trycmd::TestCases::new().env("NO_COLOR", "1").case(format!("tests/cli/tls/{name}.trycmd"));
}
