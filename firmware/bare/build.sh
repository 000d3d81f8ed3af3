#!/usr/bin/env bash
# Builds what an emulated sifive_u boots: OUTDIR/rom.elf, its boot ROM; bootloader.bin; and the
# sample app's releases, bare-VERSION.bin, with the ELF files they are made of. Needs
# riscv64-unknown-elf-gcc, and ferry itself for the images: FERRY names it, build/release/ferry if
# not set.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: build.sh OUTDIR" >&2
    exit 2
fi
root=$(cd "$(dirname "$0")/../.." && pwd)
ferry=${FERRY:-$root/build/release/ferry}
compile=$root/ports/sifive-u/compile.sh
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$root"

# As in bare_map.h.
rom=(0x80000000 0x10000)
bootloader=(0x80010000 0x30000)
app=(0x80100000 0x100000)

# The whole core, once; what a program does not call it does not link.
mapfile -t sources < <(cmake -P firmware/bare/sources.cmake 2>&1)
core=$out/core.a
"$compile" library "$core" "${sources[@]}" crypto/portable.c

image() { # ELF IMAGE [OPTION...]
    "$ferry" image build "$1" --chip esp32c3 --flash-mode dio --flash-freq 80m --flash-size 32MB \
        -o "$2" "${@:3}"
}

release() { # VERSION BALLAST_KB SOURCES... [FLAG...]
    local version=$1
    "$compile" "${app[@]}" "$out/bare-$version.elf" firmware/demo/desc.c firmware/demo/table.S \
        "-DDEMO_VERSION=\"$version\"" -DDEMO_SECURE_VERSION=0 '-DDEMO_PROJECT="ferry-bare"' \
        -DDEMO_TABLE_KB="$2" "${@:3}" "$core"
    image "$out/bare-$version.elf" "$out/bare-$version.bin"
}

"$compile" "${rom[@]}" "$out/rom.elf" firmware/bare/bare_rom.c firmware/bare/bare_load.c "$core"
"$compile" "${bootloader[@]}" "$out/bootloader.elf" firmware/bare/bare_bootloader.c \
    firmware/bare/bare_load.c "$core"
image "$out/bootloader.elf" "$out/bootloader.bin"

sample=(firmware/bare/bare_app.c firmware/bare/bare_update.c firmware/bare/bare_ymodem.c
    firmware/bare/bare_settings.c)
release 1.0.0 4 "${sample[@]}"
release 1.1.0 160 "${sample[@]}"
release 1.2.0 4 "${sample[@]}" -DBARE_CRASHES
release 1.3.0 4 "${sample[@]}" -DBARE_HANGS
release 1.4.0 4 firmware/bare/bare_unaware.c
release 1.5.0 8 "${sample[@]}"
