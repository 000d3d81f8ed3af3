#!/usr/bin/env bash
# Builds the demo's three releases: OUTDIR/demo-1.0.0.bin, -1.1.0.bin and -1.2.0.bin, and the ELF
# files they are made of. Needs riscv64-unknown-elf-gcc, and ferry itself for the images: FERRY
# names it, build/release/ferry if not set.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: build.sh OUTDIR" >&2
    exit 2
fi
root=$(cd "$(dirname "$0")/../.." && pwd)
demo=$root/firmware/demo
ferry=${FERRY:-$root/build/release/ferry}
out=$1
mkdir -p "$out"

sources=("$demo/main.c" "$demo/desc.c" "$demo/table.S"
    "$root/core/bytes.c" "$root/core/crc32.c" "$root/crypto/portable.c")

# release VERSION TABLE_KB [FLAG...]
release() {
    local version=$1 table_kb=$2
    shift 2
    "$root/ports/esp32c3/compile.sh" "$out/demo-$version.elf" "${sources[@]}" \
        -DDEMO_VERSION="\"$version\"" -DDEMO_SECURE_VERSION=0 -DDEMO_TABLE_KB="$table_kb" "$@"
    "$ferry" image build "$out/demo-$version.elf" --chip esp32c3 --flash-mode dio --flash-freq 80m \
        --flash-size 4MB -o "$out/demo-$version.bin"
}

release 1.0.0 8
release 1.1.0 512
release 1.2.0 512 -DDEMO_CRASHES
