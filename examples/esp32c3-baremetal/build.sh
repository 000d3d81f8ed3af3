#!/usr/bin/env bash
# Builds the example: OUTDIR/baremetal-VERSION.bin, images that Espressif's bootloader loads, and
# the ELF files they are made of. Needs riscv64-unknown-elf-gcc, and ferry itself for the images:
# FERRY names it, build/release/ferry if not set. CONSOLE=usb: talk on the chip's USB port.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: build.sh OUTDIR" >&2
    exit 2
fi
root=$(cd "$(dirname "$0")/../.." && pwd)
ferry=${FERRY:-$root/build/release/ferry}
compile=$root/ports/esp32c3/compile.sh
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$root"

# The whole core, once; what a program does not call it does not link.
mapfile -t sources < <(cmake -P firmware/bare/sources.cmake 2>&1)
core=$out/core.a
"$compile" library "$core" "${sources[@]}" crypto/portable.c

release() { # VERSION [FLAG...]
    local name=$out/baremetal-$1
    "$compile" "$name.elf" firmware/bare/bare_app.c firmware/bare/bare_talk.c \
        firmware/bare/bare_device.c firmware/bare/bare_update.c firmware/bare/bare_ymodem.c \
        firmware/bare/bare_settings.c firmware/bare/bare_reflash.c \
        firmware/bare/bare_trust_none.c firmware/demo/desc.c \
        firmware/demo/table.S "-DDEMO_VERSION=\"$1\"" -DDEMO_SECURE_VERSION=0 \
        '-DDEMO_PROJECT="ferry-baremetal"' "${@:2}" "$core"
    "$ferry" image build "$name.elf" --chip esp32c3 --flash-mode dio --flash-freq 80m \
        --flash-size 4MB -o "$name.bin"
}

release 1.0.0 -DDEMO_TABLE_KB=4
release 1.1.0 -DDEMO_TABLE_KB=64
release 1.2.0 -DDEMO_TABLE_KB=4 -DBARE_CRASHES
release 1.3.0 -DDEMO_TABLE_KB=4 -DBARE_HANGS
