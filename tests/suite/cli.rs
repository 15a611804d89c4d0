//! Transcripts of the binary, those in the README among them: what it says and how it ends.

#[test]
fn transcripts_hold() {
    trycmd::TestCases::new().env("NO_COLOR", "1").case("tests/cli/*.trycmd").case("README.md");
}
