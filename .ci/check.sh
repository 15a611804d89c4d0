#!/usr/bin/env bash
# What everyone runs before a commit: format, lints as errors, tests, documentation without warnings.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
cargo clippy --locked --all-targets --no-default-features -- -D warnings
cargo clippy --locked --all-targets --all-features -- -D warnings
cargo test --locked
cargo test --locked --all-features --test suite tls
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
