#!/usr/bin/env bash
# Runs the tests in stages and stops at the first that fails.
#     scripts/test.sh check    the quick ones, for working
#     scripts/test.sh all      everything; what CI runs
#     scripts/test.sh bench    the measurements
# Each stage prints one line with its seconds; its output lies in build/test/STAGE.log and is
# shown when the stage fails.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-all}
logs=build/test
mkdir -p $logs
slowest= slowest_s=-1
start=$SECONDS

stage() {
    local name=$1 log=$logs/$1.log begin=$SECONDS took
    shift
    printf '%-12s ' "$name"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        took=$((SECONDS - begin))
        printf 'FAILED after %d s\n' "$took"
        tail -n 200 "$log"
        printf '\nstage %s failed: %s\nthe whole story is in %s\n' "$name" "$*" "$log"
        exit 1
    fi
    took=$((SECONDS - begin))
    printf '%4d s  %s\n' "$took" "$(tail -n 1 "$log")"
    if [ "$took" -gt "$slowest_s" ]; then
        slowest=$name slowest_s=$took
    fi
}

check() { python3 "scripts/check_$1.py"; }
c_tests() { ctest --test-dir "build/$1" -j"$(nproc)" --timeout 300 --output-on-failure |
    sed '/^$/d;/^Total Test time/d'; }
python_tests() {
    build/venv/bin/pytest -q -x -n "$(nproc)" --dist worksteal -p no:cacheprovider "$@"
}
command_line() {
    FERRY=build/$1/ferry FETCH=$PWD/build/$1/tests/fetch COMPAT=$PWD/build/$1/tests \
        python_tests tests/agent tests/e2e
}
server_tests() {
    FERRY=build/$1/ferry FERRYD=build/$1/ferryd python_tests tests/server "${@:2}"
}
# Sweeps that use one core each, side by side; fails if one of them does.
at_once() {
    local sweep pids=() pid bad=0
    for sweep in "$@"; do
        # shellcheck disable=SC2086  # words are meant to split
        build/release/tests/test_$sweep &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || bad=1
    done
    return $bad
}
tools() { scripts/setup.sh build demo test fetch && scripts/venv.sh && scripts/fetch_littlefs.sh &&
    scripts/fetch_bearssl.sh; }

both() {
    stage setup tools
    for name in format words includes dialects; do
        stage $name check $name
    done
    stage release scripts/build.sh release
    stage docs check docs
    stage c-release c_tests release
    stage dev scripts/build.sh dev
    stage c-dev c_tests dev
}

all() {
    stage chips scripts/build.sh rv32 xtensa
    stage symbols check symbols
    stage size check size
    stage size-floor check size_floor
    stage idf check idf
    stage idf-floor check idf_floor
    stage self-tests python_tests tests/repo
    stage e2e command_line release
    stage e2e-dev command_line dev
    stage server server_tests release
    # A date that libfaketime plays and a sanitizer do not go together.
    stage server-dev server_tests dev --ignore tests/server/test_years.py
    # More than a million cuts, and the same for Espressif's own writes, whose windows are counted.
    stage power at_once "power --seeds 2200 --idf" "power --seeds 2200"
    stage power-jobs at_once "power_reflash --seeds 2250" "power_nvs --seeds 50"
    stage firmware scripts/fetch_firmware.sh
    stage interop python_tests tests/interop
    stage emulator python_tests tests/emulator --ignore tests/emulator/test_power_cuts.py
    # Two boards at once already; its log says where the cuts fell.
    stage power-cuts build/venv/bin/pytest -q -x -p no:cacheprovider \
        tests/emulator/test_power_cuts.py
    stage demo scripts/demo.sh
    stage demo-fleet env DEMO_STAY=0 scripts/demo_fleet.py
    stage demo-reflash scripts/demo_reflash.sh
    stage demo-bare-metal python3 scripts/demo_bare_metal.py
    stage fuzz scripts/fuzz.sh 3
    stage coverage sh -c 'scripts/build.sh coverage && python3 scripts/coverage.py'
    stage analyze scripts/analyze.sh
}

bench() {
    stage setup tools
    stage release scripts/build.sh release
    stage firmware scripts/fetch_firmware.sh
    printf '\nflash operations of one update, on the flash model\n'
    build/release/bench/bench_update
    printf '\na reflash beside esp-self-reflasher, on the flash model\n'
    build/release/bench/bench_reflash
    printf '\nflash operations of setting values, beside those recorded of nvs_flash\n'
    build/release/bench/bench_nvs tests/vectors
    printf '\ninstructions of an update on rv32imc\n'
    python3 scripts/bench_bare.py
    printf '\nthe command line beside other tools\n'
    python3 scripts/bench.py
    printf '\nthe server beside nginx, both serving the same bytes on this machine\n'
    build/venv/bin/python scripts/bench_server.py
}

case $what in
check) both ;;
all) both && all ;;
bench) bench ;;
*)
    echo "usage: scripts/test.sh check|all|bench" >&2
    exit 2
    ;;
esac
echo "all passed in $((SECONDS - start)) s; the longest stage was $slowest with $slowest_s s"
