"""The emulated machine's power switch, on which all that is said of power cuts rests: what a kill
may take, what a reset keeps, and that no machine is left running."""

import subprocess
import sys
import time
from pathlib import Path

from board import BANNER, send_update
from machine import POLL_S, WAIT_S, Machine

N_KILLS = 20
STARTS = """
import sys, time
from machine import Machine
machine = Machine(*sys.argv[1:])
machine.expect(rb"running")
print(machine.process.pid, flush=True)
time.sleep(60)
"""


def runs(pid):
    """A process that has ended may still wait for somebody to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_kill_takes_only_what_is_in_hand(board):
    """The machine says ok while a thread of the emulator may still write. The record tells."""
    n_bound, last = 0, ""
    for i in range(N_KILLS):
        machine, _, _ = board.boot_as_predicted()
        assert machine.ask(f"set n {i}").strip() == "ok"
        answer = machine.moment()
        machine.kill()
        told = board.ferry("nvs", "get", board.flash, "app", "n").out.strip()
        binds = not machine.in_hand(answer)
        assert told == str(i) or (not binds and told == last), (i, told, last, binds)
        n_bound, last = n_bound + binds, told
    print(f"{n_bound} of {N_KILLS} answers were in the file when they came")


def test_what_has_settled_survives(board):
    for i in range(3):
        machine, _, _ = board.boot_as_predicted()
        assert machine.ask(f"set n {i}").strip() == "ok"
        machine.settle()
        machine.kill()
        assert board.ferry.ok("nvs", "get", board.flash, "app", "n").out.strip() == str(i)


def test_record_tells_of_each_write(board):
    machine, _, _ = board.boot_as_predicted()
    before = machine.moment()
    assert machine.ask("set n 1").strip() == "ok"
    machine.settle()
    kinds = [line.split()[0] for line in machine.record_bytes()[before:].splitlines()]
    # Both halves of the entry in NVS, and the bit that makes it valid.
    assert kinds.count(b"thread_pool_submit") == kinds.count(b"thread_pool_complete") >= 2


def test_in_hand_is_what_was_begun_and_not_ended():
    def line(kind, request):
        return f"thread_pool_{kind} pool 0x5 req {request:#x} opaque 0x7\n".encode()

    record = line("submit", 1) + line("submit", 2) + line("complete", 1) + line("submit", 1)
    second, third = (len(line("submit", 1)), len(record) - len(line("submit", 1)))
    assert Machine.count_in_hand(record) == 2
    counts = [Machine.count_in_hand(record, at) for at in (second, second + 1, third + 1)]
    assert counts == [0, 1, 2]
    assert Machine.count_in_hand(record + line("complete", 2) + line("complete", 1)) == 0
    # A line that the kill cut is no end.
    assert Machine.count_in_hand(record + line("complete", 2)[:-1]) == 2


def test_reset_goes_through_the_rom_again(board):
    """One power-on: a release comes, crashes when it starts, and the old one is back."""
    machine = Machine(board.programs / "rom.elf", board.flash, restarts=True)
    machine.expect(BANNER)
    assert send_update(machine, board.genuine["1.2.0"])[0] == "ok"
    machine.send("reboot")
    machine.expect(rb"ferry-bare 1.2.0\r\napp: trap 2 at 0x")
    said = machine.expect(BANNER)
    assert (said[1], said[2]) == (b"1.0.0", b"ota_0")
    assert "ota_1, aborted" in machine.ask("status")
    machine.kill()
    _, version, slot = board.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")


def test_no_machine_outlives_its_test(board):
    machines = [board.power_on() for _ in range(2)]
    assert all(runs(machine.process.pid) for machine in machines)
    Machine.kill_all()  # as after every test
    assert not any(runs(machine.process.pid) for machine in machines) and not Machine.powered


def test_no_machine_outlives_who_started_it(board):
    with subprocess.Popen([sys.executable, "-c", STARTS, board.programs / "rom.elf", board.flash],
                          cwd=Path(__file__).parent, stdout=subprocess.PIPE) as starter:
        pid = int(starter.stdout.readline())
        assert runs(pid)
        starter.kill()
    limit = time.monotonic() + WAIT_S
    while runs(pid):
        assert time.monotonic() < limit, "the machine runs on"
        time.sleep(POLL_S)
