"""An app that knows nothing of updates, and the updater beside it: the bootloader's rollback brings
the updater back at every other start. ferry's tools predict each of them from the flash file."""

import random
import threading

import pytest
from board import TABLE, Board, send_update
from machine import WAIT_S, Silence

# Updater and two slots for apps; the demo's table is the other case, the updater in ota_0.
FACTORY = """nvs, data, nvs, 0x9000, 0x4000
otadata, data, ota, 0xd000, 0x2000
factory, app, factory, 0x10000, 512K
ota_0, app, ota_0, 0x90000, 512K
ota_1, app, ota_1, 0x110000, 1M
storage, data, spiffs, 0x210000, 1M
"""
SLOTS = {"ota": {"ota_0": 0x10000, "ota_1": 0x110000},
         "factory": {"factory": 0x10000, "ota_0": 0x90000, "ota_1": 0x110000}}
UPDATER = "updater"
SAID = rb"ferry-updater 1.0.0\r\n|unaware (1\.[46]\.0)\r\n> "
N_CUTS = 16
# When the cut is due, in seconds after the deed began. It boots in about 0.15 s; who is not knocked
# at for one second arms the app.
WINDOWS = {"boot": (0, 0.2), "running": (0, 0.4), "arming": (0.95, 1.1)}


class Pair(Board):
    """A flash with the updater in one slot and an app in another."""

    def __init__(self, ferry, programs, folder, layout):
        self.ferry, self.programs, self.folder = ferry, programs, folder
        self.flash, self.copy = folder / "device/flash.bin", folder / "copy.bin"
        self.slots = SLOTS[layout]
        self.own, app = list(self.slots)[:2]
        with_factory = folder / "factory.csv"
        with_factory.write_text(FACTORY)
        ferry.ok("device", "new", folder / "device", "--chip", "esp32c3", "--flash-size", "32MB",
                 "--bootloader", programs / "bootloader.bin",
                 "--partitions", with_factory if layout == "factory" else TABLE,
                 "--app", f"{self.own}={programs / 'updater.bin'}",
                 "--app", f"{app}={programs / 'bare-1.4.0.bin'}")
        self.genuine = {name: (programs / f"{file}.bin").read_bytes() for name, file in
                        ((UPDATER, "updater"), ("1.4.0", "bare-1.4.0"), ("1.6.0", "bare-1.6.0"))}

    def boot(self):
        """Power on; (machine, the release that says its name)."""
        machine = self.power_on()
        said = machine.expect(SAID)
        return machine, said[1].decode() if said[1] else UPDATER

    def boot_as_predicted(self):
        told = self.predict()
        machine, release = self.boot()
        assert release == told.release, machine.said
        machine.settle()
        return machine, release, told.slot

    def knock(self, machine):
        machine.expect(rb"press a key")
        machine.send(b"\n")
        machine.expect(rb"> ")

    def updater_starts_app(self):
        """The updater is left alone and ends; then the app runs, until its power goes."""
        machine, release, slot = self.boot_as_predicted()
        assert (release, slot) == (UPDATER, self.own)
        assert machine.end() == 0 and b"starting the app in ota_" in machine.said
        machine, release, slot = self.boot_as_predicted()
        machine.kill()
        assert slot != self.own
        return release, slot


@pytest.fixture(params=list(SLOTS))
def pair(request, ferry, programs, tmp_path):
    return Pair(ferry, programs, tmp_path, request.param)


def test_updater_and_app_take_turns(pair):
    for _ in range(3):
        assert pair.updater_starts_app()[0] == "1.4.0"


def test_updater_brings_a_new_app(pair):
    assert pair.updater_starts_app()[0] == "1.4.0"
    machine, _, _ = pair.boot_as_predicted()
    pair.knock(machine)
    assert "app in ota_" in machine.ask("status")
    # Another project, or an older release, is not for this app.
    assert "error -703" in send_update(machine, pair.genuine[UPDATER])[0]
    assert send_update(machine, pair.genuine["1.6.0"])[0] == "ok"
    machine.send("reboot")
    assert machine.end() == 0
    machine, release, slot = pair.boot_as_predicted()
    assert release == "1.6.0" and slot == "ota_1"
    machine.kill()
    for _ in range(2):
        assert pair.updater_starts_app() == ("1.6.0", "ota_1")
    machine, _, _ = pair.boot_as_predicted()
    pair.knock(machine)
    assert "error -704" in send_update(machine, pair.genuine["1.4.0"])[0]
    # What was refused has cost nothing: the app starts as before.
    machine.send("start")
    assert machine.end() == 0
    machine, release, _ = pair.boot_as_predicted()
    assert release == "1.6.0"
    machine.kill()


class Life:
    """One power-on of a pair, cut soon after the deed that is aimed at; None: not at all."""

    def __init__(self, pair, machine, chance, aim):
        self.pair, self.machine, self.chance, self.aim = pair, machine, chance, aim
        self.timer = None

    def begin(self, deed):
        if deed == self.aim:
            self.timer = threading.Timer(self.chance.uniform(*WINDOWS[deed]),
                                         self.machine.process.kill)
            self.timer.start()

    def live(self, release, brings):
        """What happens until its end or the cut."""
        self.begin("boot")
        said = self.machine.expect(SAID)
        assert said[1] == (None if release == UPDATER else release.encode()), self.machine.said
        self.begin("running")
        if release == UPDATER:
            self.machine.expect(rb"press a key")
            self.begin("arming")
        if release == UPDATER and brings:
            self.machine.send(b"\n")
            self.machine.expect(rb"> ")
            assert send_update(self.machine, self.pair.genuine[brings], "older")[0] == "ok"
            self.machine.send("reboot")
        assert self.machine.end() == 0 or self.timer

    def run(self, release, brings):
        """Whether the power was cut."""
        try:
            self.live(release, brings)
        except (Silence, BrokenPipeError):
            assert self.timer, "it falls silent"
        if self.timer:
            self.timer.cancel()
        return self.machine.process.wait(WAIT_S) != 0


def test_updater_comes_back_whatever_the_power_does(pair):
    """Cuts while it boots, waits, takes an update or arms the app, and in the app. Every third life
    of the updater is not cut, so that the app has one after it."""
    chance = random.Random(11)
    lives = {UPDATER: 0, "1.4.0": 0, "1.6.0": 0}
    n_cuts = apps_in_turn = 0
    while n_cuts < N_CUTS:
        release = pair.predict().release
        lives[release] += 1
        aim, brings = chance.choice(["boot", "running"]), None
        if release == UPDATER:
            aim = (chance.choice(["boot", "running"]), "arming", None)[lives[UPDATER] % 3]
            brings = chance.choice([None, "1.4.0", "1.6.0"]) if aim == "running" else None
        with pair.power_on() as machine:
            n_cuts += Life(pair, machine, chance, aim).run(release, brings)
            machine.listen(0)
            # The bootloader has noted that the app is tried, unless that was lost with the power.
            tried = b"unaware" in machine.said and not machine.in_hand()
            apps_in_turn = 0 if release == UPDATER else apps_in_turn + tried
            assert apps_in_turn < 2, "an app runs twice without the updater in between"
    assert lives[UPDATER] >= 5 and lives["1.4.0"] + lives["1.6.0"] >= 2, lives


def test_updater_without_an_app_waits_for_one(pair):
    for slot in set(pair.slots) - {pair.own}:
        pair.ferry.ok("slots", "erase", pair.flash, slot, *pair.facts)
    machine, release = pair.boot()
    assert release == UPDATER
    machine.expect(rb"no app is there; update brings one\r\n> ")
    assert send_update(machine, pair.genuine["1.4.0"])[0] == "ok"
    machine.send("reboot")
    assert machine.end() == 0
    machine, release, _ = pair.boot_as_predicted()
    assert release == "1.4.0"
    machine.kill()
