#!/usr/bin/env bash
# Compiles for QEMU's virt; what it takes is said in ports/bare/compile.sh.
set -euo pipefail
port=$(cd "$(dirname "$0")" && pwd)
exec "$port/../bare/compile.sh" "$port" virt.c virtio.c disk_flash.c disk_virtio.c net_virtio.c \
    -- "$@"
