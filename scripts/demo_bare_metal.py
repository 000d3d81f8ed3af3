#!/usr/bin/env python3
"""The bare-metal demo: ferry's core as machine code on an emulated chip. It boots, takes an update
over its UART, loses power in the middle, goes on, confirms; a release that crashes and one that
hangs are taken back. Leaves build/demo-bare-metal/ to play with."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/emulator"))
from board import Board, announce  # noqa: E402
from machine import Silence, run_script  # noqa: E402

FOLDER = ROOT / "build/demo-bare-metal"
FERRY = Path(os.environ.get("FERRY", ROOT / "build/release/ferry")).absolute()
BAR = 40
PATIENCE_S = 1  # with a release that says its name and nothing more
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


class Told:
    """What ferry answered."""

    def __init__(self, out):
        self.out = out

    @property
    def json(self):
        return json.loads(self.out)


class Command:
    """The ferry command, as Board calls it."""

    @staticmethod
    def ok(*words):
        done = subprocess.run([FERRY, *map(str, words)], check=True, text=True,
                              stdout=subprocess.PIPE, timeout=60)
        return Told(done.stdout)


def colour(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def say(text):
    print(colour(2, f"\n# {text}"), flush=True)


def console(data):
    for line in data.decode().replace("\r", "").split("\n"):
        if line.strip() not in ("", ">"):
            print(f"    {line}")


def power_on(board):
    told = board.predict()
    print(f"ferry: {told.slot} will boot, release {told.release}")
    machine, release, slot = board.boot()
    console(machine.said)
    if (release, slot) != (told.release, told.slot):
        raise SystemExit("demo: the machine does not do what ferry predicted")
    return machine


def offer(board, machine, release, stop_at=None):
    """Sends a release with a bar; True once it is installed."""
    image = board.genuine[release]
    command = announce(image)
    print(f"> {command[:36]}...")
    machine.send(command)
    while True:
        said = machine.expect(rb"want (\d+) (\d+)\r\n|(?:^|\n)(ok|error [^\r]*)\r\n> ")
        if said[3]:
            print(f"\n    {said[3].decode()}")
            return said[3] == b"ok"
        offset, n = int(said[1]), int(said[2])
        full = (offset + n) * BAR // len(image)
        end = "\r" if COLOUR else "\n"
        if COLOUR or offset % 65536 == 0 or offset + n == len(image):
            print(f"    [{'#' * full}{'.' * (BAR - full)}] the device wants byte {offset:,}",
                  end=end, flush=True)
        if stop_at is not None and offset >= stop_at:
            print()
            return False
        machine.send(image[offset:offset + n])


def try_release(board, machine, release, what, then):
    """Installs a release that does not work, and sees it being taken back."""
    say(f"Release {release} {what}.")
    offer(board, machine, release)
    machine.send("reboot")
    machine.end()
    with board.power_on() as broken:
        broken.expect(release.encode())
        try:
            broken.expect(rb"> ", PATIENCE_S)
        except Silence:
            console(broken.said)
        broken.settle()
    print(colour(31, f"    and that was all. {then}."))
    return power_on(board)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    say("Boot ROM, bootloader and releases of an app for an emulated chip, out of ferry's core.")
    run_script(ROOT, "firmware/bare/build.sh", FOLDER / "programs", env={"FERRY": str(FERRY)})
    bootloader = (FOLDER / "programs/bootloader.bin").stat().st_size
    print(f"the bootloader is {bootloader:,} bytes")
    board = Board(Command, FOLDER / "programs", FOLDER)

    say("First power-on.")
    machine = power_on(board)
    say("Release 1.1.0 over the UART, and the power fails in the middle: SIGKILL.")
    offer(board, machine, "1.1.0", stop_at=150000)
    machine.kill()
    print(colour(31, "    power cut"))
    say("It comes back with what it had, and wants the rest only.")
    machine = power_on(board)
    offer(board, machine, "1.1.0")
    machine.send("reboot")
    machine.end()
    say("The new release works, and is confirmed.")
    machine = power_on(board)
    print("> confirm")
    console(machine.ask("confirm").encode())

    machine = try_release(board, machine, "1.2.0", "crashes before it can be confirmed",
                          "The crash resets the chip")
    machine = try_release(board, machine, "1.3.0", "hangs", "The power goes off and on")
    machine.kill()
    print("\nTo look around: ferry status build/demo-bare-metal/device/flash.bin")
    print("How to start it by hand: docs/bare-metal.md")


main()
