#!/usr/bin/env bash
# The random tests for hours instead of seconds: power cuts with many seeds for every torn
# operation and a second cut in one recovery of five, then half an hour of random sequences on the
# slots. Ten times what make test does, and more.
#     scripts/soak.sh [SEEDS]
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=${1:-20000}
scripts/build.sh release
echo "soak: power cuts, $seeds seeds"
build/release/tests/test_power --seeds "$seeds" --second-every 5
build/release/tests/test_power_handover --seeds $((seeds / 10))
build/release/tests/test_power_agent --seeds $((seeds / 100))
echo "soak: kills of the emulated machine"
CUTS=3000 FERRY=build/release/ferry build/venv/bin/pytest -q -p no:cacheprovider \
    tests/emulator/test_power_cuts.py
echo "soak: power cuts of the ESP32-C3's example in every flash operation of an update"
CUTS=3000 FERRY=build/release/ferry build/venv/bin/pytest -q -p no:cacheprovider \
    tests/emulator/test_esp32c3.py -k power_cuts
echo "soak: kills of the server"
FERRYD_KILLS=3000 FERRYD=build/release/ferryd build/venv/bin/pytest -q -s -p no:cacheprovider \
    tests/server/test_faults.py -k killed
scripts/fuzz.sh 1800 slots
