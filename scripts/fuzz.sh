#!/usr/bin/env bash
# Fuzzes every target for so many seconds, from its committed corpus; what is new goes to
# build/fuzz/corpus/, a crash to build/fuzz/TARGET-crash-*, and ends the run.
#     scripts/fuzz.sh [SECONDS] [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
shift || :
log=build/fuzz.log
mkdir -p build
if ! { cmake --preset fuzz && cmake --build build/fuzz --target fuzzers; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    exit 1
fi

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for seeds in tests/fuzz/corpus/*/; do
        targets+=("$(basename "$seeds")")
    done
fi
for target in "${targets[@]}"; do
    found=build/fuzz/corpus/$target
    mkdir -p "$found"
    log=build/fuzz/$target.log
    if ! build/fuzz/tests/fuzz_"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=8192 -artifact_prefix="build/fuzz/$target-" -print_final_stats=1 \
        "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        echo "fuzz: $target broke; the input is build/fuzz/$target-crash-*" >&2
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $target, $runs runs in $seconds s, no crash"
done
