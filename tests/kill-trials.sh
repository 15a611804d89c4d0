#!/usr/bin/env bash
# Kills workers of campaigns at random moments in TRIALS seeded trials (200), as the suite does in three; says how many
# kills there were and how many messages came twice. Takes a second or two a trial.
set -euo pipefail
cd "$(dirname "$0")/.."
IMPSKIT_KILL_TRIALS=${1:-200} cargo test --locked --test suite faults::workers -- --nocapture
