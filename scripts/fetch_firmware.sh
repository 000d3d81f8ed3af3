#!/usr/bin/env bash
# Fetches firmware that nobody here built: the source package of mp-image-tool-esp32 carries a
# MicroPython release for the ESP32 among its test data. It goes to build/firmware/, is not
# committed, and is fetched once.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^mp-image-tool-esp32==//p' tests/requirements.txt)
target=build/firmware/micropython.bin
if [ -s "$target" ]; then
    echo "firmware: $target is there"
    exit 0
fi
scripts/venv.sh
folder=build/firmware/source
rm -rf "$folder"
mkdir -p "$folder"
build/venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps \
    --no-binary mp-image-tool-esp32 --dest "$folder" "mp-image-tool-esp32==$version" </dev/null
tar -xzf "$folder"/*.tar.gz -C "$folder"
found=$(find "$folder" -path '*/tests/data/*.bin' | sort | head -n 1)
if [ -z "$found" ]; then
    echo "firmware: mp-image-tool-esp32 $version carries no firmware any more" >&2
    exit 1
fi
cp "$found" "$target"
echo "firmware: $(basename "$found"), $(stat -c %s "$target") bytes"
