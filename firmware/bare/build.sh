#!/usr/bin/env bash
# Builds what an emulated machine boots: OUTDIR/rom.elf, its boot ROM; bootloader.bin; the sample
# app's releases, bare-VERSION.bin; updater.bin for those of them that know nothing of updates; and,
# without a key, minimal.bin, the least that updates itself, and, for sifive-u, bench.bin, which
# counts what an update costs; with the ELF files they are made of.
# MACHINE is sifive-u, as if none is named, or virt, whose app has a network. With a KEY, ECDSA
# P-256 in PEM form, releases are signed by it, and bootloader, app and updater trust nothing else;
# that takes BearSSL, which scripts/fetch_bearssl.sh brings. Needs riscv64-unknown-elf-gcc, and
# ferry itself for the images: FERRY names it, build/release/ferry if not set.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 3 ]; then
    echo "usage: build.sh OUTDIR [MACHINE [KEY]]" >&2
    exit 2
fi
machine=${2:-sifive-u}
key=${3:+$(realpath "$3")}
root=$(cd "$(dirname "$0")/../.." && pwd)
ferry=${FERRY:-$root/build/release/ferry}
compile=$root/ports/$machine/compile.sh
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$root"

# As in bare_map.h.
rom=(0x80000000 0x10000)
bootloader=(0x80010000 0x30000)
app=(0x80100000 0x100000)

list() { # NAME: that list of cmake/ferry_sources.cmake
    cmake "-DWHAT=$1" -P firmware/bare/sources.cmake 2>&1
}

# The whole core, once; what a program does not call it does not link.
mapfile -t sources < <(list FERRY_CORE_SOURCES)
core=$out/core.a
"$compile" library "$core" "${sources[@]}" crypto/portable.c
trust=(firmware/bare/bare_trust_none.c)

image() { # ELF IMAGE
    "$ferry" image build "$1" --chip esp32c3 --flash-mode dio --flash-freq 80m --flash-size 32MB \
        -o "$2"
}

sign() { # IMAGE
    "$ferry" image sign "$1" --key "$key" -o "$1.signed" --json >"$out/sign.json"
    mv "$1.signed" "$1"
}

program() { # NAME PROJECT VERSION BALLAST_KB SOURCES... [FLAG...]
    local file=$out/$1
    "$compile" "${app[@]}" "$file.elf" firmware/demo/desc.c firmware/demo/table.S \
        "-DDEMO_VERSION=\"$3\"" -DDEMO_SECURE_VERSION=0 "-DDEMO_PROJECT=\"$2\"" \
        -DDEMO_TABLE_KB="$4" "${@:5}" "$core"
    image "$file.elf" "$file.bin"
    if [ -n "$key" ]; then
        sign "$file.bin"
    fi
}

release() { # VERSION BALLAST_KB SOURCES... [FLAG...]
    program "bare-$1" ferry-bare "$@"
}

# Trust in the key, whose digest the first signature tells; what checks it comes as a library.
trust_key() {
    local bearssl=build/bearssl digest files
    digest=$(sed 's/../0x&,/g' <<<"$(grep -o '[0-9a-f]\{64\}' "$out/sign.json")")
    mapfile -t files < <(list FERRY_CRYPTO_BEARSSL_SOURCES)
    "$compile" library "$out/verify.a" "-isystem$root/$bearssl/inc" "${files[@]}"
    mapfile -t files < <(list FERRY_BEARSSL_SOURCES)
    "$compile" library "$out/bearssl.a" -w "-I$root/$bearssl/inc" "-I$root/$bearssl/src" \
        "${files[@]/#/$bearssl/src/}"
    trust=("-DBARE_KEY_DIGESTS={$digest}" firmware/bare/bare_trust_keys.c "$core" "$out/verify.a"
        "$out/bearssl.a")
}

release 1.4.0 4 firmware/bare/bare_unaware.c
release 1.6.0 16 firmware/bare/bare_unaware.c
if [ -n "$key" ]; then
    if [ ! -e build/bearssl/version ]; then
        echo "build.sh: BearSSL is not there; scripts/fetch_bearssl.sh brings it" >&2
        exit 1
    fi
    trust_key
fi

"$compile" "${rom[@]}" "$out/rom.elf" firmware/bare/bare_rom.c firmware/bare/bare_load.c "$core"
"$compile" "${bootloader[@]}" "$out/bootloader.elf" firmware/bare/bare_bootloader.c \
    firmware/bare/bare_load.c "${trust[@]}" "$core"
image "$out/bootloader.elf" "$out/bootloader.bin"

talk=(firmware/bare/bare_talk.c firmware/bare/bare_device.c firmware/bare/bare_update.c
    firmware/bare/bare_ymodem.c firmware/bare/bare_settings.c "${trust[@]}")
sample=(firmware/bare/bare_app.c firmware/bare/bare_reflash.c -DBARE_BOOTLOADER_RESUMES
    "${talk[@]}")
if [ "$machine" = virt ]; then
    sample+=(-DBARE_NETWORK firmware/bare/bare_tftp.c agent/tftp.c ports/virt/lan.c)
fi
release 1.0.0 4 "${sample[@]}"
release 1.1.0 144 "${sample[@]}"
release 1.2.0 4 "${sample[@]}" -DBARE_CRASHES
release 1.3.0 4 "${sample[@]}" -DBARE_HANGS
release 1.5.0 8 "${sample[@]}"
program updater ferry-updater 1.0.0 0 firmware/bare/bare_updater.c agent/handover.c "${talk[@]}"
if [ -z "$key" ]; then # it asks nobody
    program minimal ferry-bare 1.0.0 0 firmware/bare/bare_minimal.c
fi
if [ "$machine$key" = sifive-u ]; then
    program bench ferry-bare 1.0.0 40 firmware/bare/bare_bench.c
fi
