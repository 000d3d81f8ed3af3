#!/usr/bin/env bash
# Compiles for the ESP32-C3 without ESP-IDF; what it takes is said in ports/bare/compile.sh.
# CONSOLE=usb puts a program's console on the chip's USB serial port instead of UART 0.
set -euo pipefail
port=$(cd "$(dirname "$0")" && pwd)
console=${CONSOLE:-uart}
if [ "$console" != uart ] && [ "$console" != usb ]; then
    echo "compile.sh: CONSOLE is uart or usb, not $console" >&2
    exit 2
fi
# A table of jumps would lie in flash, out of reach for code in RAM while the flash is away.
exec "$port/../bare/compile.sh" "$port" esp32c3.ld start_esp32c3.S esp32c3.c flash_rom.c \
    "esp32c3_$console.c" ../espressif/flash_mmu.c -- "$@" -fno-jump-tables -I"$port/../espressif"
