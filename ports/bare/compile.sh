#!/usr/bin/env bash
# Compiles for a machine without operating system: no libc; libgcc for what the instruction set
# lacks. Called by the ports' own compile.sh with their folder and sources, then `--` and these:
#     ORIGIN BYTES OUTPUT.elf SOURCE|LIBRARY|FLAG...
#         one program, with start-up, the port's sources and a linker script; RAM from ORIGIN is its
#     OUTPUT.elf SOURCE|LIBRARY|FLAG...
#         the same where the port's sources have a linker script and a start-up of their own
#     library OUTPUT.a SOURCE|FLAG...
#         sources that several programs share
set -euo pipefail

bare=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$bare/../.." && pwd)
port=$1
shift
drivers=() layout=
while [ "$1" != -- ]; do
    case $1 in
    *.ld) layout=$port/$1 ;;
    *) drivers+=("$port/$1") ;;
    esac
    shift
done
shift
if [ $# -lt 2 ]; then
    sed -n '4,9s/^# *//p' "$0" >&2
    exit 2
fi

# No path of this machine may get into a program, or it would depend on where the tree lies.
flags=(-march=rv32imc -mabi=ilp32 -misa-spec=2.2 -mcmodel=medany
    -Os -msave-restore -std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror
    -ffreestanding -fno-tree-loop-distribute-patterns -fno-common
    -ffunction-sections -fdata-sections "-ffile-prefix-map=$root=."
    -I"$root/include" -I"$root" -I"$bare" -I"$port")

if [ "$1" = library ]; then
    archive=$(realpath -m "$2")
    shift 2
    words=()
    for word in "$@"; do
        case $word in
        -*) words+=("$word") ;;
        *) words+=("$(realpath "$word")") ;;
        esac
    done
    objects=$(mktemp -d)
    trap 'rm -r "$objects"' EXIT
    cd "$objects"
    riscv64-unknown-elf-gcc "${flags[@]}" -I"$root/cmake/toolchains/freestanding" -c "${words[@]}"
    rm -f "$archive"
    riscv64-unknown-elf-ar rcsD "$archive" ./*.o
    exit
fi

if [ -n "$layout" ]; then
    place=(-T "$layout")
else
    place=(-Wl,--defsym=firmware_origin="$1" -Wl,--defsym=firmware_bytes="$2" -T "$bare/bare.ld"
        "$bare/start_bare.S")
    shift 2
fi
output=$1
shift
riscv64-unknown-elf-gcc "${flags[@]}" -nostdlib -nostartfiles \
    -Wl,--gc-sections -Wl,--build-id=none -Wl,--no-warn-rwx-segments "${place[@]}" \
    "${drivers[@]}" "$bare/console_bare.c" "$@" "$bare/memory_bare.c" \
    -I"$root/cmake/toolchains/freestanding" -lgcc -o "$output"
