"""The ESP32-C3's port and the bare-metal example on an emulated processor, in a flash that the
virtual device boots in Espressif's place; and what Espressif's tools say of the images."""

import os
import re
import subprocess

import pytest
from board import BANNER, Board, send_update, stage
from chip import FLASH_BYTES, RTC_WDT, SUPER_WDT, WDT, Chip
from machine import ROOT, Silence, run_script, tree_with_fault

TABLE = ROOT / "examples/esp32c3-baremetal/partitions.csv"
IMAGE_OFF, OTHER_OFF, FREE_OFF = 0x10000, 0x110000, 0x300000
CONTRACT = ["tests/emulator/contract_esp32c3.c", "tests/emulator/tiny_printf.c",
            "tests/port/contract.c", "core/chip.c", "firmware/demo/desc.c", '-DDEMO_VERSION="1"',
            "-DDEMO_SECURE_VERSION=0", "-Itests/emulator/libc", "-Itests/support", "-Itests/port"]
FLASH_DRIVER, CHIP_DRIVER = "ports/esp32c3/flash_rom.c", "ports/esp32c3/esp32c3.c"
RUNS_FROM_FLASH = {"firmware_start", "trap"}  # before the flash is away, and after all is lost

# What a careless driver does, and what the chip says of it.
FAULTS = {
    "the driver lies in flash": (
        "ports/esp32c3/flash_rom.h", 'section(".iram.text"), noinline', "noinline", "at 0x42"),
    "the cache keeps the flash": (
        CHIP_DRIVER, "was[1] = ((uint32_t(*)(void))ROM_SUSPEND_CACHE)();", "was[1] = 4;",
        "while the cache uses the flash"),
    "the cache forgets how it was": (
        CHIP_DRIVER, "((void (*)(uint32_t))ROM_RESUME_CACHE)(was[1]);",
        "((void (*)(uint32_t))ROM_RESUME_CACHE)(0);", "is resumed with 0"),
    "constants are programmed where they lie": (
        FLASH_DRIVER, "f->calls.write(off, f->words, (int32_t)n)",
        "f->calls.write(off, (const uint32_t *)0x3c000020, (int32_t)n)", "memory 0x3c000020"),
    "words are not begun at their start": (
        FLASH_DRIVER, "rom_write(f, off - skip, n_words * 4)", "rom_write(f, off, n_words * 4)",
        "ROM called with offset"),
}


@pytest.fixture(scope="session")
def example(ferry, tmp_path_factory):
    """The example's releases."""
    folder = tmp_path_factory.mktemp("esp32c3")
    run_script(ROOT, "examples/esp32c3-baremetal/build.sh", folder, env={"FERRY": str(ferry.path)})
    return folder


class C3Board(Board):
    """A board with that chip: the virtual device's flash, and its verdict which slot boots."""

    used_bytes = FLASH_BYTES

    def __init__(self, ferry, programs, folder):
        self.ferry, self.programs, self.folder = ferry, programs, folder
        self.flash, self.copy = folder / "device/flash.bin", folder / "copy.bin"
        ferry.ok("device", "new", folder / "device", "--chip", "esp32c3", "--flash-size", "4MB",
                 "--partitions", TABLE, "--app", f"ota_0={self.release('1.0.0')}")
        self.genuine = {version: self.release(version).read_bytes()
                        for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0")}

    def release(self, version):
        return self.programs / f"baremetal-{version}.bin"

    def power_on(self, **options):
        booted = self.ferry.ok("device", "boot", self.folder / "device", "--json").json["booted"]
        return Chip(self.flash, {"ota_0": IMAGE_OFF, "ota_1": OTHER_OFF}[booted], **options)

    def boot(self, **options):
        machine = self.power_on(**options)
        said = machine.expect(BANNER)
        return machine, said[1].decode(), said[2].decode()

    def reboot(self, machine):
        machine.send("reboot")
        assert machine.end() == "reset", machine.fault
        return self.boot_as_predicted()


@pytest.fixture
def board(ferry, example, tmp_path):
    return C3Board(ferry, example, tmp_path)


def run_contract(ferry, folder, root, **env):
    """Builds and runs the port's own test; the chip after its end."""
    elf, image, flash = folder / "contract.elf", folder / "contract.bin", folder / "flash.bin"
    run_script(root, "ports/esp32c3/compile.sh", elf, *CONTRACT, env=env)
    ferry.ok("image", "build", elf, "--chip", "esp32c3", "-o", image)
    data = image.read_bytes()
    flash.write_bytes(b"\xff" * IMAGE_OFF + data + b"\xff" * (FLASH_BYTES - IMAGE_OFF - len(data)))
    chip = Chip(flash, IMAGE_OFF, usb=env.get("CONSOLE") == "usb")
    chip.end()
    return chip


@pytest.mark.parametrize("console", ["uart", "usb"])
def test_contract_and_driver(ferry, tmp_path, console):
    chip = run_contract(ferry, tmp_path, ROOT, CONSOLE=console)
    assert chip.ended == "reset", chip.fault
    passed, failed = map(int, re.search(rb"(\d+) passed, (\d+) failed", chip.said).groups())
    assert failed == 0 and passed > 5, chip.said


@pytest.mark.parametrize("fault", FAULTS)
def test_careless_driver_is_caught(ferry, tmp_path, fault):
    name, old, new, says = FAULTS[fault]
    tree = tree_with_fault(tmp_path / "tree", (name, old, new))
    chip = run_contract(ferry, tmp_path, tree)
    assert chip.ended == "fault" and says in chip.fault, (chip.ended, chip.fault, chip.said)


def test_code_in_ram_needs_no_flash(example):
    """Not only on the paths that a test takes: all of it, by its addresses."""
    text = subprocess.run(["riscv64-unknown-elf-objdump", "-d", "-j", ".iram0.text",
                           example / "baremetal-1.0.0.elf"], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=60).stdout
    reach, function = {}, None
    for line in text.splitlines():
        if head := re.match(r"[0-9a-f]+ <(\S+)>:", line):
            function = head[1]
        elif target := re.search(r"# (3c|42)[0-9a-f]{6} ", line):
            reach.setdefault(function, []).append(target[0])
    assert set(reach) == RUNS_FROM_FLASH, reach
    for needed in ("take_flash", "give_flash", "rom_write", "rom_erase", "rom_read"):
        assert f"<{needed}>:" in text


def test_images_are_what_espressifs_tools_take(ferry, example, esptool):
    for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0"):
        image = example / f"baremetal-{version}.bin"
        said = esptool("image-info", image)
        assert "Detected image type: ESP32-C3" in said and "App version: " + version in said
        assert re.search(r"Checksum: 0x[0-9a-f]+ \(valid\)", said)
        assert re.search(r"Validation hash: [0-9a-f]+ \(valid\)", said)
        rows = re.findall(r"\n +\d  0x\w+  0x(\w+)  0x\w+  (\w+)", said)
        kinds = [kind for _, kind in rows]
        assert kinds[:2] == ["DROM", "IROM"] and set(kinds[2:]) <= {"IRAM", "DRAM"}
        assert rows[0][0] == "3c000020"
        ferry.ok("image", "verify", image, "--chip", "esp32c3")


def test_first_boot(board):
    machine, version, slot = board.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")
    assert machine.registers[RTC_WDT] == 0 and machine.registers[SUPER_WDT] >> 31
    assert machine.registers[WDT] >> 29 == 7 and machine.n_feeds > 1
    assert machine.ask("set name ferry").strip() == "ok"
    machine.kill()
    assert board.ferry.ok("nvs", "get", board.flash, "app", "name").out.strip() == "ferry"


def test_update_and_confirm(board):
    machine, _, _ = board.boot_as_predicted()
    said, offsets = send_update(machine, board.genuine["1.1.0"])
    assert said == "ok" and offsets[0] == 0
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.1.0", "ota_1")
    assert "ota_1, pending verify" in machine.ask("status")
    assert machine.ask("confirm").strip() == "ok"
    assert int(machine.ask("stack").split()[1]) < 2048
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.1.0", "ota_1")
    assert board.predict().confirmed
    machine.kill()


def test_interrupted_update_goes_on(board):
    machine, _, _ = board.boot_as_predicted()
    assert send_update(machine, board.genuine["1.1.0"], stop_at=90000)[0] is None
    machine.kill()
    machine, version, _ = board.boot_as_predicted()
    assert version == "1.0.0"
    said, offsets = send_update(machine, board.genuine["1.1.0"])
    assert said == "ok" and offsets[0] == 0x10000
    machine.kill()


def test_reject_goes_back(board):
    machine, _, _ = board.boot_as_predicted()
    assert send_update(machine, board.genuine["1.0.0"])[0] == "ok"
    machine, _, slot = board.reboot(machine)
    assert slot == "ota_1"
    assert machine.ask("reject").split() == "ota_0 boots next ok".split()
    machine, _, slot = board.reboot(machine)
    assert slot == "ota_0"
    machine.kill()


def test_crash_resets_and_goes_back(board):
    machine, _, _ = board.boot_as_predicted()
    assert send_update(machine, board.genuine["1.2.0"])[0] == "ok"
    machine.kill()
    crashing = board.power_on()
    assert crashing.end() == "reset"
    assert b"ferry-bare 1.2.0\r\napp: trap 2 at 0x42" in crashing.said
    machine, version, slot = board.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")
    assert "ota_1, aborted" in machine.ask("status")
    machine.kill()


def test_hang_starves_the_watchdog(board):
    machine, _, _ = board.boot_as_predicted()
    assert send_update(machine, board.genuine["1.3.0"])[0] == "ok"
    machine.kill()
    hanging = board.power_on()
    hanging.listen(1)
    fed = hanging.n_feeds
    hanging.listen(1)
    # It is armed to reset the system after 30 s of 2000 ticks, and nobody feeds it any more.
    assert hanging.said == b"ferry-bare 1.3.0\r\n" and not hanging.ended
    assert hanging.n_feeds == fed == 1
    assert hanging.registers[WDT] >> 29 == 7 and hanging.registers[WDT + 8] == 60000
    assert hanging.registers[WDT + 4] == 40000 << 16
    _, version, slot = board.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")


def test_power_cuts_during_an_update(board):
    """In CUTS operations spread over an update, and in each of its last ones."""
    machine, _, _ = board.boot_as_predicted()
    factory, image = board.flash.read_bytes(), board.genuine["1.0.0"]
    assert send_update(machine, image)[0] == "ok"
    n, booted = machine.n_changes, []
    step = max(1, n // int(os.environ.get("CUTS", "4")))
    for cut in [*range(1, n - 4, step), *range(n - 4, n + 1)]:
        board.flash.write_bytes(factory)
        machine, _, _ = board.boot(cut_at=cut)
        with pytest.raises(Silence):
            send_update(machine, image)
        assert machine.ended == "power cut", machine.fault
        machine, version, slot = board.boot_as_predicted()
        assert version == "1.0.0"
        machine.kill()
        booted.append(slot)
    # The other slot is not selected before it is whole, and stays selected.
    assert booted[0] == "ota_0" and booted == sorted(booted)


def test_app_finishes_its_own_reflash(board):
    """Espressif's bootloader knows of no plans, so the app goes on with one when it starts."""
    content = bytes(range(256)) * 20
    line = stage("raw", FREE_OFF, 0x2000, content)
    factory = board.flash.read_bytes()
    machine, _, _ = board.boot()
    assert send_update(machine, content, line=line)[0] == "ok"
    first = machine.n_changes + 1
    assert machine.ask("reflash").split()[-1] == "ok"
    last = machine.n_changes
    # The first is the journal's own erase: nothing was begun. The last is the mark at the end.
    for cut, says in ((first, b"> "), ((first + last) // 2, b"reflash wrote 2"), (last, b"> ")):
        board.flash.write_bytes(factory)
        chip, _, _ = board.boot(cut_at=cut)
        assert send_update(chip, content, line=line)[0] == "ok"
        with pytest.raises(Silence):
            chip.ask("reflash")
        chip = board.power_on()
        while chip.listen(1) and says not in chip.said:
            pass
        assert says in chip.said and chip.ended == ("reset" if b"wrote" in says else None)
        chip, version, _ = board.boot()
        assert version == "1.0.0"
        whole = board.flash.read_bytes()[FREE_OFF:FREE_OFF + len(content)]
        assert whole == (b"\xff" * len(content) if cut == first else content)
