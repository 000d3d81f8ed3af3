#!/usr/bin/env bash
# The reflash demo: a virtual ESP32-C3 moves to another partition layout and a new bootloader, NVS
# and a file system come along, and the power is cut ten times at random on the way: the process is
# killed, nothing is tidied up. The flash must come out as that of a device whose power stayed on.
# Leaves build/demo-reflash/ to play with. REFLASH_SEED=N repeats a run's moments.
set -euo pipefail
cd "$(dirname "$0")/.."

ferry=$(realpath "${FERRY:-build/release/ferry}")
dir=build/demo-reflash
device=$dir/device
cuts_wanted=10
RANDOM=${REFLASH_SEED:-$$}

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\033[1m' dim=$'\033[2m' red=$'\033[31m' plain=$'\033[0m'
else
    bold='' dim='' red='' plain=''
fi

say() { printf '\n%s# %s%s\n' "$dim" "$*" "$plain"; }

# Shows the command as one would type it, then runs it.
run() {
    printf '%s$ ferry %s%s\n' "$bold" "$*" "$plain"
    "$ferry" "$@" 2>&1
}

fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

now_ms() { date +%s%3N; }

# A field of what the journal says.
journal() {
    "$ferry" reflash status "$1" --json |
        python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1], 0))' "$2"
}

# A stand-in for a bootloader: the format of one, with nothing of sense inside.
bootloader() {
    PYTHONPATH=tests/e2e python3 -c 'import sys, reflash_bench
sys.stdout.buffer.write(reflash_bench.bootloader(int(sys.argv[1]), size=20000))' "$1" >"$2"
}

# The 200 sectors of the file system, wherever they are.
fs_sha() {
    dd if="$1/flash.bin" bs=4096 skip=$(($2 / 4096)) count=200 status=none | sha256sum | cut -c1-64
}

# Everything but the journal: its marks differ with the moments of the cuts.
flash_sha() { dd if="$1/flash.bin" bs=4096 count=1023 status=none | sha256sum | cut -c1-64; }

rm -rf "$dir"
mkdir -p "$dir/www"
say "A device in the field: 4 MB, two slots of 1 MB, settings in NVS, a file system of 800 KB."
FERRY=$ferry firmware/demo/build.sh "$dir/www" >/dev/null
bootloader 1 "$dir/bootloader-old.bin"
bootloader 2 "$dir/bootloader-new.bin"
"$ferry" device new "$device" --chip esp32c3 --flash-size 4MB --rollback on \
    --partitions firmware/demo/partitions.csv --bootloader "$dir/bootloader-old.bin" \
    --app "ota_0=$dir/www/demo-1.0.0.bin" >/dev/null
"$ferry" device boot "$device" >/dev/null
head -c 819200 /dev/urandom >"$dir/fs.bin"
dd if="$dir/fs.bin" of="$device/flash.bin" bs=4096 seek=$((0x210000 / 4096)) \
    conv=notrunc status=none
"$ferry" nvs set "$device" wifi ssid string "the office" >/dev/null
"$ferry" nvs set "$device" app starts u32 1234 >/dev/null
run nvs list "$device"
fs_before=$(fs_sha "$device" 0x210000)

say "The plan: larger slots, a larger NVS elsewhere, the file system moved, a new bootloader."
plan=(examples/reflash/larger-slots.json "--step=bootloader=$dir/bootloader-new.bin")
run reflash plan "$device" "${plan[@]}" --allow-dangerous

say "A twin of the device does it with the power on all the time, to compare with."
cp -r "$device" "$dir/twin"
began=$(now_ms)
"$ferry" reflash run "$dir/twin" "${plan[@]}" --allow-dangerous >/dev/null 2>&1
took=$(($(now_ms) - began))
total=$("$ferry" reflash plan "$device" "${plan[@]}" --allow-dangerous --json 2>/dev/null |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["sectors"] * 4096)')
echo "that took $took ms"

say "Now the device itself, and the power is cut $cuts_wanted times at random moments."
cp -r "$device" "$dir/fresh"

# Starts it and kills it until it is through or was killed often enough; then it may finish.
migrate() {
    local words left after boots code state
    cuts=0
    while state=$(journal "$device" state) && [ "$state" != finished ]; do
        words=(reflash run "$device" "${plan[@]}" --allow-dangerous)
        [ "$state" != unfinished ] || words=(reflash resume "$device")
        if [ $cuts -ge $cuts_wanted ]; then
            "$ferry" "${words[@]}" >/dev/null 2>&1 || fail "the last start did not finish it"
            return
        fi
        # Somewhere in the share of what is left, so that the last cuts find work too.
        left=$(($(journal "$device" total_bytes) - $(journal "$device" done_bytes)))
        [ "$left" -gt 0 ] || left=$total
        after=$((RANDOM % (2 * took * left / total / (cuts_wanted - cuts + 2) + 3)))
        "$ferry" "${words[@]}" >/dev/null 2>"$dir/stderr" &
        sleep "$(printf '%d.%03d' $((after / 1000)) $((after % 1000)))"
        code=0
        { kill -9 $! && wait $!; } 2>/dev/null || code=$?
        [ $code = 137 ] || continue
        cuts=$((cuts + 1))
        boots=$("$ferry" device boot "$device" --json 2>/dev/null |
            python3 -c 'import json, sys; print(json.load(sys.stdin).get("booted"))')
        printf '%scut %2d%s after %3d ms of "%s %s": %9s bytes done, boots %s\n' "$red" $cuts \
            "$plain" $after "${words[0]}" "${words[1]}" "$(journal "$device" done_bytes)" "$boots"
    done
}

migrate
for _ in 1 2 3 4 5 6; do
    [ $cuts -lt $cuts_wanted ] || break
    echo "It was through after $cuts cuts: this machine was busy. Once more, with shorter pauses."
    rm -r "$device" && cp -r "$dir/fresh" "$device"
    took=$((took / 2))
    migrate
done
[ $cuts -ge $cuts_wanted ] || fail "it was faster than $cuts_wanted cuts"
run reflash status "$device"

say "It boots from the new layout, and so does the twin."
run device boot "$device"
"$ferry" device boot "$dir/twin" >/dev/null 2>&1

say "Its flash is that of the twin, byte for byte; what was in NVS and the file system came along."
[ "$(flash_sha "$device")" = "$(flash_sha "$dir/twin")" ] ||
    fail "the flash differs from that of the twin"
echo "$(flash_sha "$device")  $device/flash.bin"
echo "$(flash_sha "$dir/twin")  $dir/twin/flash.bin"
[ "$(fs_sha "$device" 0x310000)" = "$fs_before" ] || fail "the file system is another one"
run nvs list "$device"

say "The next update finds a larger slot."
run update "$device" "$dir/www/demo-1.1.0.bin" --boot
echo
echo "$cuts power cuts, nothing lost."
