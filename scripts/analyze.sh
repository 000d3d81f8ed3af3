#!/usr/bin/env bash
# Static analysis: gcc -fanalyzer (the preset analyze), clang-tidy by .clang-tidy, cppcheck.
# gcc 12 takes memory kept in an array for lost, so its leak check is off; clang's does that part.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build.sh analyze
cmake --preset dev >build/dev-configure.log 2>&1

# Bare machines' ports have their registers, which this machine's compiler does not know.
mapfile -t sources < <(git ls-files -co --exclude-standard -- \
    'core/*.c' 'crypto/*.c' 'agent/*.c' 'host/*.c' 'ports/*.c' 'cli/*.c' \
    'server/*.c' ':!ports/sifive-u/*' ':!ports/esp32c3/esp32c3*.c' \
    ':!ports/virt/virt*.c' ':!ports/virt/*_virtio.c')
# One file a run: clang-tidy 14 carries findings from one file into the next.
log=build/clang-tidy.log
if ! printf '%s\n' "${sources[@]}" |
    xargs -P "$(nproc)" -n 1 clang-tidy -p build/dev --quiet >"$log" 2>/dev/null; then
    grep -E -A3 'error:|warning:' "$log" >&2
    exit 1
fi
echo "analyze: clang-tidy, ${#sources[@]} files"

cppcheck --project=build/dev/compile_commands.json --file-filter='*' -i tests -i build/littlefs \
    -i build/bearssl \
    --enable=warning,performance,portability --std=c11 --inline-suppr --quiet \
    --suppress=missingIncludeSystem --suppress=invalidPrintfArgType_uint \
    --suppress=preprocessorErrorDirective:'*/device_esp.c' \
    --error-exitcode=1 -j "$(nproc)" \
    --template='{file}:{line}: {id}: {message}'
echo "analyze: cppcheck"
