#!/usr/bin/env bash
# The demo: a virtual ESP32-C3 is made, booted, updated over HTTP, confirmed, then updated to a
# release that fails and rolled back by itself. Everything is real: firmware from the cross
# compiler, a web server, the flash file that a chip would have. Leaves build/demo/ to play with.
set -euo pipefail
cd "$(dirname "$0")/.."

ferry=${FERRY:-build/release/ferry}
dir=build/demo
device=$dir/device

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\033[1m' dim=$'\033[2m' plain=$'\033[0m'
else
    bold='' dim='' plain=''
fi

say() { printf '\n%s# %s%s\n' "$dim" "$*" "$plain"; }

# Shows the command as one would type it, then runs it.
run() {
    printf '%s$ ferry %s%s\n' "$bold" "$*" "$plain"
    "$ferry" "$@"
}

fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# The label of the slot that runs, from the machine-readable status.
running() {
    "$ferry" status "$device" --json |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["running"])'
}

expect_running() {
    [ "$(running)" = "$1" ] || fail "expected $1 to run, but $(running) does"
}

serve() {
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$dir/www" >"$dir/server.log" 2>&1 &
    server=$!
    trap 'kill "$server"' EXIT
    for _ in $(seq 50); do
        port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$dir/server.log" | head -n 1)
        [ -n "$port" ] && return
        sleep 0.1
    done
    fail "the web server did not start: $(cat "$dir/server.log")"
}

manifest() {
    local image=demo-$1.bin sha bytes
    sha=$(sha256sum "$dir/www/$image" | cut -d' ' -f1)
    bytes=$(stat -c %s "$dir/www/$image")
    printf '{ "firmware": "%s", "version": "%s",\n  "sha": "%s",\n  "length": %s }\n' \
        "$image" "$1" "$sha" "$bytes" >"$dir/www/$1.json"
}

rm -rf "$dir"
mkdir -p "$dir/www"
say "Three releases of a small ESP32-C3 program, from the cross compiler; the third one crashes."
FERRY=$ferry firmware/demo/build.sh "$dir/www"
for release in 1.1.0 1.2.0; do manifest $release; done
serve

say "A virtual device: flash.bin is what would be on the chip, device.json what it keeps elsewhere."
run device new "$device" --chip esp32c3 --flash-size 4MB --partitions firmware/demo/partitions.csv \
    --app "ota_0=$dir/www/demo-1.0.0.bin"
run device boot "$device"
expect_running ota_0

say "Release 1.1.0 comes over HTTP and boots."
run update "$device" "http://127.0.0.1:$port/1.1.0.json" --boot
expect_running ota_1

say "It works, so it says so. From now on it stays."
run confirm "$device"

say "Release 1.2.0 comes over HTTP and boots."
run update "$device" "http://127.0.0.1:$port/1.2.0.json" --boot
expect_running ota_0

say "It crashes before it confirms. The chip restarts, and its bootloader goes back by itself."
run device boot "$device"
expect_running ota_1

say "What is on the device now, and why."
run status "$device"

say "Your turn: the same with your own flash dump and image."
cat <<EOF
  esptool read-flash 0 ALL dump.bin
  $ferry status dump.bin
  $ferry update dump.bin your-app.bin
EOF
