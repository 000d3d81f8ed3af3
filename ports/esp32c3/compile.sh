#!/usr/bin/env bash
# Compiles for the ESP32-C3: no ESP-IDF and no libc; libgcc for what the instruction set lacks.
#     compile.sh OUTPUT.elf SOURCE|LIBRARY|FLAG...
#         one program, with this port's start-up, drivers and linker script; CONSOLE=usb puts its
#         console on the chip's USB serial port instead of UART 0
#     compile.sh library OUTPUT.a SOURCE...
#         sources that several programs share
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '3,7s/^# *//p' "$0" >&2
    exit 2
fi
port=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$port/../.." && pwd)

# No path of this machine may get into a program, or it would depend on where the tree lies. A table
# of jumps would lie in flash, out of reach for code in RAM while the flash is away.
flags=(-march=rv32imc -mabi=ilp32 -misa-spec=2.2 -mcmodel=medany
    -Os -msave-restore -std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror
    -ffreestanding -fno-tree-loop-distribute-patterns -fno-common -fno-jump-tables
    -ffunction-sections -fdata-sections "-ffile-prefix-map=$root=."
    -I"$root/include" -I"$root" -I"$root/ports/bare" -I"$root/ports/espressif" -I"$port"
    -I"$root/cmake/toolchains/freestanding")

if [ "$1" = library ]; then
    archive=$(realpath -m "$2")
    mapfile -t sources < <(realpath "${@:3}")
    objects=$(mktemp -d)
    trap 'rm -r "$objects"' EXIT
    cd "$objects"
    riscv64-unknown-elf-gcc "${flags[@]}" -c "${sources[@]}"
    rm -f "$archive"
    riscv64-unknown-elf-ar rcsD "$archive" ./*.o
    exit
fi

line=$port/esp32c3_${CONSOLE:-uart}.c
if [ ! -f "$line" ]; then
    echo "compile.sh: CONSOLE is uart or usb, not $CONSOLE" >&2
    exit 2
fi
riscv64-unknown-elf-gcc "${flags[@]}" -nostdlib -nostartfiles \
    -Wl,--gc-sections -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
    -T "$port/esp32c3.ld" "$port/start_esp32c3.S" "$port/esp32c3.c" "$port/flash_rom.c" "$line" \
    "$root/ports/espressif/flash_mmu.c" "$root/ports/bare/console_bare.c" "${@:2}" \
    "$root/ports/bare/memory_bare.c" -lgcc -o "$1"
