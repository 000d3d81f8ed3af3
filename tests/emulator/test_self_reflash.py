"""The app reflashes its own device: contents come over the UART, are checked in a slot that does
not run, and are written as one plan. What a power cut leaves, the bootloader finishes."""

import random

import pytest
from board import JOURNAL, SLOTS, STORAGE, send_update, stage
from machine import Silence

SIZE = 0x30000
N_CUTS = 6


def noise(n, seed):
    return random.Random(seed).randbytes(n)


def staged(machine, kind, place, size, content):
    said, _ = send_update(machine, content, line=stage(kind, place, size, content))
    return said


def state(board):
    return board.ferry.ok("reflash", "status", board.flash, *board.facts, "--json").json["state"]


def test_data_is_replaced_and_the_app_goes_on(board):
    machine, _, _ = board.boot_as_predicted()
    first, second = noise(20000, 1), noise(9999, 2)
    assert staged(machine, "data", STORAGE, 0x8000, first) == "ok"
    assert staged(machine, "data", STORAGE + 0x8000, 0x4000, second) == "ok"
    said = machine.ask("reflash")
    assert "writing 8 sectors" in said and said.split()[-2:] == ["begun", "ok"], said
    assert state(board) == "finished"
    assert board.read(STORAGE, 0xC000) == first.ljust(0x8000, b"\xff") + second.ljust(0x4000,
                                                                                      b"\xff")
    # What is there already is not sent again.
    assert send_update(machine, first, line=stage("data", STORAGE, 0x8000, first)) == ("ok", [])
    assert b"it is there already" in machine.said
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.0.0", "ota_0") and b"boot: reflash" not in machine.said
    assert send_update(machine, board.genuine["1.5.0"])[0] == "ok"
    machine.kill()


def test_new_bootloader_over_the_air(board):
    """A bootloader that says another word, and the same app afterwards."""
    old = (board.programs / "bootloader.bin").read_bytes()
    elf = (board.programs / "bootloader.elf").read_bytes()
    changed = board.folder / "changed.elf"
    assert elf.count(b"boot: stack ") == 1
    changed.write_bytes(elf.replace(b"boot: stack ", b"BOOT: stack "))
    board.ferry.ok("image", "build", changed, "--chip", "esp32c3", "--flash-mode", "dio",
                   "--flash-freq", "80m", "--flash-size", "32MB", "-o", board.folder / "new.bin")
    new = (board.folder / "new.bin").read_bytes()
    machine, _, _ = board.boot_as_predicted()
    assert staged(machine, "bootloader", 0, 0x8000, new) == "ok"
    assert "error -729" in machine.ask("reflash")
    assert board.read(0, len(old)) == old
    said = machine.ask("reflash dangerous")
    assert "needs a cable" in said and said.split()[-1] == "ok", said
    assert board.read(0, len(new)) == new
    machine, version, _ = board.reboot(machine)
    assert version == "1.0.0" and b"BOOT: stack " in machine.said
    machine.kill()


def test_what_must_not_be_reflashed_is_refused(board):
    machine, _, _ = board.boot_as_predicted()
    before = board.read(0, SLOTS["ota_1"])
    data = noise(5000, 3)
    assert "usage" in machine.ask("reflash")
    assert "usage" in machine.ask("stage nothing 0x210000 0x2000 1 " + "0" * 64)
    cases = {
        "-702": stage("data", STORAGE, 0x2000, data)[:-64] + "0" * 64,
        "-726": stage("data", SLOTS["ota_0"], 0x2000, data),
        "-600": stage("app", STORAGE, 0x2000, data),
    }
    for number, line in cases.items():
        said, _ = send_update(machine, data, line=line)
        assert f"error {number}," in said, (number, said)
    # An update takes the place of what is staged, also one that stops.
    assert staged(machine, "data", STORAGE, 0x2000, data) == "ok"
    assert send_update(machine, board.genuine["1.5.0"], stop_at=8192)[0] is None
    machine.expect(rb"error -[^\r]*\r\n> ")
    assert "usage" in machine.ask("reflash")
    assert board.read(0, SLOTS["ota_1"]) == before
    assert board.read(JOURNAL, 4096) == b"\xff" * 4096
    machine, version, _ = board.reboot(machine)
    assert version == "1.0.0"
    machine.kill()


@pytest.mark.parametrize("seed", [21, 22])
def test_bootloader_finishes_what_the_app_began(board, seed):
    """The app is cut, then the bootloader again and again, until the app is there once more."""
    chance = random.Random(seed)
    content = board.cut_in_reflash(SIZE, chance, 0.1)
    assert state(board) == "unfinished"
    assert board.predict().storage[:SIZE] == content
    for _ in range(N_CUTS):
        with board.power_on() as machine:
            try:
                machine.expect(rb"ferry-bare", chance.uniform(0.05, 0.2))
                break
            except Silence:
                pass
    machine, version, _ = board.boot_as_predicted()
    assert version == "1.0.0"
    assert state(board) == "finished" and board.read(STORAGE, SIZE) == content
    machine.kill()
