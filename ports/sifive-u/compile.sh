#!/usr/bin/env bash
# Compiles for QEMU's sifive_u: no libc; libgcc for what the instruction set lacks.
#     compile.sh ORIGIN BYTES OUTPUT.elf SOURCE|LIBRARY|FLAG...
#         one program, with this port's start-up, driver and linker script; RAM from ORIGIN is its
#     compile.sh library OUTPUT.a SOURCE...
#         sources that several programs share
set -euo pipefail

if [ $# -lt 3 ]; then
    sed -n '3,6s/^# *//p' "$0" >&2
    exit 2
fi
port=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$port/../.." && pwd)

# No path of this machine may get into a program, or it would depend on where the tree lies.
flags=(-march=rv32imc -mabi=ilp32 -misa-spec=2.2 -mcmodel=medany
    -Os -msave-restore -std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror
    -ffreestanding -fno-tree-loop-distribute-patterns -fno-common
    -ffunction-sections -fdata-sections "-ffile-prefix-map=$root=."
    -I"$root/include" -I"$root" -I"$root/ports/bare" -I"$port")

if [ "$1" = library ]; then
    archive=$(realpath -m "$2")
    shift 2
    mapfile -t sources < <(realpath "$@")
    objects=$(mktemp -d)
    trap 'rm -r "$objects"' EXIT
    cd "$objects"
    riscv64-unknown-elf-gcc "${flags[@]}" -I"$root/cmake/toolchains/freestanding" -c "${sources[@]}"
    rm -f "$archive"
    riscv64-unknown-elf-ar rcsD "$archive" ./*.o
    exit
fi

origin=$1 bytes=$2 output=$3
shift 3
riscv64-unknown-elf-gcc "${flags[@]}" -nostdlib -nostartfiles \
    -Wl,--gc-sections -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
    -Wl,--defsym=firmware_origin="$origin" -Wl,--defsym=firmware_bytes="$bytes" \
    -T "$port/sifive_u.ld" "$port/start_sifive_u.S" "$port/sifive_u.c" "$port/spi_nor.c" \
    "$root/ports/bare/console_bare.c" "$@" "$root/ports/bare/memory_bare.c" \
    -I"$root/cmake/toolchains/freestanding" -lgcc -o "$output"
