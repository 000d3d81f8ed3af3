#!/usr/bin/env bash
# Configures and builds presets: scripts/build.sh release dev ...
# Says one line for each; the compiler's output only where it fails.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p build
for preset in "$@"; do
    log=build/$preset.log
    start=$SECONDS
    if ! { cmake --preset "$preset" && cmake --build "build/$preset"; } >"$log" 2>&1; then
        grep -E -A12 'FAILED|error|Error' "$log" >&2 || tail -n 40 "$log" >&2
        echo "build: preset $preset failed; the whole story is in $log" >&2
        exit 1
    fi
    echo "build: $preset in build/$preset, $((SECONDS - start)) s"
done
