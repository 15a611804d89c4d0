#!/usr/bin/env bash
# Kills the IMPS server at random moments under load in TRIALS seeded trials (100), as the suite does in three, and looks
# whether everything that it had answered 200 is there when it starts again. Takes a second or two a trial.
set -euo pipefail
cd "$(dirname "$0")/.."
IMPSKIT_KILL_TRIALS=${1:-100} cargo test --locked --test suite durability -- --nocapture
