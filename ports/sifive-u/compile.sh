#!/usr/bin/env bash
# Compiles for QEMU's sifive_u; what it takes is said in ports/bare/compile.sh.
set -euo pipefail
port=$(cd "$(dirname "$0")" && pwd)
exec "$port/../bare/compile.sh" "$port" sifive_u.c spi_nor.c -- "$@"
