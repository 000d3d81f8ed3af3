#!/usr/bin/env python3
"""An esptool whose chip is a file, and which fails on demand. Environment:

    FAKE_FLASH    the flash; required
    FAKE_LOG      a file that gets a line for each call
    FAKE_CUT      the cable is cut for good after so many sectors were written, the next one half
    FAKE_NOISE    so many calls fail before one succeeds, again and again
    FAKE_VERSION  "4.4" or "5.3.1": how commands are spelled and what is said
"""

import os
import sys
from pathlib import Path

SECTOR = 4096
flash_path, version = Path(os.environ["FAKE_FLASH"]), os.environ.get("FAKE_VERSION", "5.3.1")
state = flash_path.with_suffix(".state")  # "sectors calls"
is_old = version.startswith("4")


def fail(words):
    print(f"\nA fatal error occurred: {words}")
    sys.exit(2)


def noise():
    n_sectors, n_calls = map(int, state.read_text().split()) if state.exists() else (0, 0)
    state.write_text(f"{n_sectors} {n_calls + 1}")
    every = int(os.environ.get("FAKE_NOISE", "0"))
    if every and n_calls % (every + 1) < every:
        fail("Invalid head of packet (0x65)")
    return n_sectors, n_calls + 1


def write(offset, data, n_sectors, n_calls):
    limit = int(os.environ.get("FAKE_CUT", "-1"))
    flash = bytearray(flash_path.read_bytes())
    for at in range(0, len(data), SECTOR):
        if n_sectors == limit:
            half = data[at:at + SECTOR // 2]
            flash[offset + at:offset + at + SECTOR] = half.ljust(SECTOR, b"\xff")
            flash_path.write_bytes(flash)
            fail("Serial data stream stopped")
        flash[offset + at:offset + at + SECTOR] = data[at:at + SECTOR]
        n_sectors += 1
        state.write_text(f"{n_sectors} {n_calls}")
    flash_path.write_bytes(flash)


def main():
    words = sys.argv[1:]
    if log := os.environ.get("FAKE_LOG"):
        with open(log, "a", encoding="utf-8") as file:
            file.write(" ".join(words) + "\n")
    if words == ["version"]:
        print(f"esptool.py v{version}\n{version}" if is_old else f"esptool v{version}\n{version}")
        return
    options = {}
    while words and words[0].startswith("--"):
        options[words[0]] = words[1]
        words = words[2:]
    command, *words = words
    if ("-" if is_old else "_") in command:
        fail(f"no such command: {command}")
    limit = os.environ.get("FAKE_CUT")
    if limit and state.exists() and int(state.read_text().split()[0]) == int(limit):
        fail("the port is gone")
    n_sectors, n_calls = noise()
    command = command.replace("_", "-")
    if command == "flash-id" and is_old:
        print("Detecting chip type... ESP32-C3\nChip is ESP32-C3 (revision v0.3)\n"
              "MAC: a0:76:4e:00:00:01\nDetected flash size: 1MB")
    elif command == "flash-id":
        print("Chip type:          ESP32-C3 (QFN32) (revision v0.3)\n"
              "MAC:                a0:76:4e:00:00:01\nDetected flash size: "
              + os.environ.get("FAKE_SIZE", "1MB"))
    elif command == "read-flash":
        offset, size = (int(word, 0) for word in words[:2])
        Path(words[2]).write_bytes(flash_path.read_bytes()[offset:offset + size])
    elif command == "write-flash":
        while words[0].startswith("--"):
            words = words[2:]
        write(int(words[0], 0), Path(words[1]).read_bytes(), n_sectors, n_calls)
    elif command != "run":
        fail(f"no such command: {command}")


main()
