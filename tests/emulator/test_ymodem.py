"""An update by YMODEM, from the sender that everybody has: sb of lrzsz, its ends on the UART."""

import os
import subprocess
import time

from board import SLOTS, send_update
from machine import POLL_S, WAIT_S

CUT_AT = 64 << 10  # bytes of the 195 KB of 1.1.0


def send(machine, file, *words):
    """Runs sb on the machine's console; its exit code."""
    out = machine.process.stdout.fileno()
    machine.send(" ".join(["ymodem", *words]))
    os.set_blocking(out, True)
    try:
        return subprocess.run(["sb", "-q", str(file)], check=False, stdin=out,
                              stdout=machine.process.stdin.fileno(), stderr=subprocess.DEVNULL,
                              timeout=60).returncode
    finally:
        os.set_blocking(out, False)


def result(machine):
    return machine.expect(rb"(ok|error [^\r]*)\r\n> ")[1].decode()


def test_update_by_sb(board):
    machine, _, _ = board.boot_as_predicted()
    assert send(machine, board.release("1.1.0")) == 0
    assert result(machine) == "ok"
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.1.0", "ota_1")
    assert machine.ask("confirm").strip() == "ok"
    # What must not be installed stops the sender.
    assert send(machine, board.release("1.0.0")) != 0
    assert "error -704" in result(machine)
    assert send(machine, board.release("1.0.0"), "older") == 0
    assert result(machine) == "ok"
    machine, version, _ = board.reboot(machine)
    assert version == "1.0.0"
    machine.kill()


def test_cut_starts_again(board):
    machine, _, _ = board.boot_as_predicted()
    machine.send("ymodem")
    out = machine.process.stdout.fileno()
    os.set_blocking(out, True)
    with subprocess.Popen(["sb", "-q", str(board.release("1.1.0"))], stdin=out,
                          stdout=machine.process.stdin.fileno(),
                          stderr=subprocess.DEVNULL) as sender:
        limit = time.monotonic() + WAIT_S
        while board.read(SLOTS["ota_1"] + CUT_AT, 16) == b"\xff" * 16:
            assert time.monotonic() < limit, "the file does not come"
            time.sleep(POLL_S)
        machine.kill()
        sender.kill()
    assert board.holds("ota_1") is None
    machine, version, _ = board.boot_as_predicted()
    assert version == "1.0.0"
    assert send(machine, board.release("1.1.0")) == 0
    assert result(machine) == "ok"
    machine, version, _ = board.reboot(machine)
    assert version == "1.1.0"
    machine.kill()


def test_sender_that_goes_away_is_noticed(board):
    machine, _, _ = board.boot_as_predicted()
    machine.send("ymodem")
    machine.expect(rb"CC")
    machine.send(b"\x18\x18")
    assert "error -104" in result(machine)
    assert send_update(machine, board.genuine["1.5.0"])[0] == "ok"
    machine.kill()
