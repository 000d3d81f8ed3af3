#!/usr/bin/env bash
# Builds the demo's three releases, OUTDIR/demo-1.0.0.bin, -1.1.0.bin and -1.2.0.bin, a program of
# another project for the updater's slot, OUTDIR/updater-1.0.0.bin, and the ELF files they are made
# of. Needs riscv64-unknown-elf-gcc, and ferry itself for the images: FERRY names it,
# build/release/ferry if not set.
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

# release NAME VERSION TABLE_KB [FLAG...]
release() {
    local file=$out/$1-$2 version=$2 table_kb=$3
    shift 3
    "$root/ports/esp32c3/compile.sh" "$file.elf" "${sources[@]}" \
        -DDEMO_VERSION="\"$version\"" -DDEMO_SECURE_VERSION=0 -DDEMO_TABLE_KB="$table_kb" "$@"
    "$ferry" image build "$file.elf" --chip esp32c3 --flash-mode dio --flash-freq 80m \
        --flash-size 4MB -o "$file.bin"
}

release demo 1.0.0 8
release demo 1.1.0 512
release demo 1.2.0 512 -DDEMO_CRASHES
release updater 1.0.0 8 -DDEMO_PROJECT='"ferry-updater"'
