#!/usr/bin/env bash
# Compiles and links one program for QEMU's sifive_u: the named sources and flags, with this port's
# start-up, driver and linker script. No libc; libgcc for what the instruction set lacks.
#     compile.sh ORIGIN BYTES OUTPUT.elf SOURCE|FLAG...     the program may use RAM from ORIGIN on
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: compile.sh ORIGIN BYTES OUTPUT.elf SOURCE|FLAG..." >&2
    exit 2
fi
port=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$port/../.." && pwd)
origin=$1 bytes=$2 output=$3
shift 3

# No path of this machine may get into the program, or it would depend on where the tree lies.
exec riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -misa-spec=2.2 -mcmodel=medany \
    -Os -msave-restore -std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror \
    -ffreestanding -fno-tree-loop-distribute-patterns -fno-common \
    -ffunction-sections -fdata-sections "-ffile-prefix-map=$root=." \
    -nostdlib -nostartfiles -I"$root/include" -I"$root" -I"$port" \
    -Wl,--gc-sections -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
    -Wl,--defsym=firmware_origin="$origin" -Wl,--defsym=firmware_bytes="$bytes" \
    -T "$port/sifive_u.ld" "$port/start_sifive_u.S" "$port/sifive_u.c" "$port/spi_nor.c" \
    "$port/memory_sifive_u.c" "$@" -I"$root/cmake/toolchains/freestanding" -lgcc -o "$output"
