"""The core as machine code: it boots, updates, confirms, rejects and rolls back on an emulated
chip, and ferry's tools predict from the flash file what the machine then does."""

import sys

import pytest
from board import NVS, SLOTS, VERSIONS, announce, send_update, with_app_changed
from machine import ROOT

sys.path.insert(0, str(ROOT / "tests/e2e"))
import images  # noqa: E402  (a builder of images that shares no code with ferry)


def update(board, machine, version, *words):
    said, offsets = send_update(machine, board.genuine[version], *words)
    assert said == "ok", machine.said
    return offsets


def pending(board, version):
    """A machine that runs a new release in ota_1 for the first time."""
    machine, _, _ = board.boot_as_predicted()
    update(board, machine, version)
    return board.reboot(machine)


def test_first_boot(board):
    machine, version, slot = board.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")
    assert "entry 0: ota_0, valid" in machine.ask("status")
    machine.kill()


def test_update_and_confirm(board):
    machine, version, slot = pending(board, "1.1.0")
    assert (version, slot) == ("1.1.0", "ota_1")
    assert "ota_1, pending verify" in machine.ask("status")
    assert machine.ask("confirm").strip() == "ok"
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.1.0", "ota_1")
    assert "entry 1: ota_1, valid" in machine.ask("status")
    # And on to the first slot again.
    update(board, machine, "1.5.0")
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.5.0", "ota_0")
    machine.kill()


def test_reject_goes_back(board):
    machine, version, _ = pending(board, "1.5.0")
    assert version == "1.5.0"
    assert machine.ask("reject").split() == "ota_0 boots next ok".split()
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.0.0", "ota_0")
    assert "ota_1, invalid" in machine.ask("status")
    machine.kill()


def test_crash_before_confirm_goes_back(board):
    machine, _, _ = board.boot_as_predicted()
    update(board, machine, "1.2.0")
    machine.send("reboot")
    assert machine.end() == 0
    assert board.predict().slot == "ota_1"
    with board.power_on() as crashing:
        assert crashing.end() == 0
        assert b"ferry-bare 1.2.0\r\napp: trap 2 at 0x" in crashing.said
    machine, version, slot = board.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0")
    assert "ota_1, aborted" in machine.ask("status")
    machine.kill()


@pytest.mark.parametrize("version, says", [("1.3.0", rb"ferry-bare 1.3.0\r\n"),
                                           ("1.4.0", rb"unaware 1.4.0\r\n> ")])
def test_release_that_never_confirms_goes_back(board, version, says):
    machine, _, _ = board.boot_as_predicted()
    update(board, machine, version)
    machine.send("reboot")
    assert machine.end() == 0
    assert board.predict().release == version
    with board.power_on() as silent:
        silent.expect(says)  # it runs; the one hangs, the other knows nothing of updates
        silent.settle()
    machine, back, slot = board.boot_as_predicted()
    assert (back, slot) == ("1.0.0", "ota_0")
    # It may be tried again, and is taken back again.
    update(board, machine, version)
    machine.send("reboot")
    assert machine.end() == 0
    with board.power_on() as silent:
        silent.expect(says)
        silent.settle()
    machine, back, _ = board.boot_as_predicted()
    assert back == "1.0.0"
    machine.kill()


def test_force_and_cancel(board):
    machine, _, _ = pending(board, "1.5.0")
    assert machine.ask("confirm").strip() == "ok"
    assert machine.ask("force").split() == "ota_0 boots next ok".split()
    assert machine.ask("cancel").strip() == "ok"
    assert "error -807" in machine.ask("cancel")
    machine, version, _ = board.reboot(machine)
    assert version == "1.5.0"
    assert machine.ask("force").split() == "ota_0 boots next ok".split()
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.0.0", "ota_0")
    machine.kill()


def test_nothing_to_go_back_to(board):
    machine, _, _ = board.boot_as_predicted()
    assert "error -806" in machine.ask("reject")
    assert "error -806" in machine.ask("force")
    machine.kill()


def test_what_must_not_be_installed_is_refused(board):
    machine, _, _ = pending(board, "1.5.0")
    image = board.genuine["1.1.0"]
    assert "-707" in send_update(machine, image)[0]  # not confirmed
    assert machine.ask("confirm").strip() == "ok"
    before = board.read(0xD000, 0x2000)
    other = images.app(project="another", version="9.0.0")
    cases = {
        "-704": (image, {}),  # older
        "-703": (other, {}),
        "-702": (image, {"line": announce(image[:-1] + b"\0", "older")}),
        "-601": (images.app(project="ferry-bare", version="9.0.0", chip="esp32"), {}),
        "-600": (b"\0" * 4096, {}),
        "-611": (with_app_changed(image, 5000, 1), {"words": ["older"]}),
        "-610": (b"", {"line": f"update {1 << 21} {'0' * 64}"}),
    }
    for number, (data, how) in cases.items():
        said, _ = send_update(machine, data, *how.get("words", ()), line=how.get("line"))
        assert f"error {number}," in said, (number, said)
        assert "entry 1: ota_1, valid" in machine.ask("status")
    assert "usage" in machine.ask("update 12 xyz")
    assert "usage" in machine.ask("update 99999999999 " + "0" * 64)
    machine, version, slot = board.reboot(machine)
    assert (version, slot) == ("1.5.0", "ota_1")
    assert board.read(0xE000, 0x1000) == before[0x1000:]
    machine.kill()


def test_update_resumes_after_a_power_cut(board):
    image = board.genuine["1.1.0"]
    machine, _, _ = board.boot_as_predicted()
    _, offsets = send_update(machine, image, stop_at=150000)
    assert offsets[0] == 0
    machine.settle()
    machine.kill()
    machine, version, _ = board.boot_as_predicted()
    assert version == "1.0.0"
    said, offsets = send_update(machine, image)
    assert said == "ok" and offsets[0] == 131072
    machine, version, _ = board.reboot(machine)
    assert version == "1.1.0"
    machine.kill()


def test_sender_that_stops_may_come_back(board):
    image = board.genuine["1.1.0"]
    machine, _, _ = board.boot_as_predicted()
    send_update(machine, image, stop_at=70000)
    machine.expect(rb"error -903, [^\r]*\r\n> ")
    said, offsets = send_update(machine, image)
    assert said == "ok" and offsets[0] == 65536
    machine.kill()


def test_other_file_does_not_resume(board):
    machine, _, _ = board.boot_as_predicted()
    send_update(machine, board.genuine["1.1.0"], stop_at=70000)
    machine.expect(rb"error -903, [^\r]*\r\n> ")
    said, offsets = send_update(machine, board.genuine["1.5.0"])
    assert said == "ok" and offsets[0] == 0
    machine, version, _ = board.reboot(machine)
    assert version == "1.5.0"
    machine.kill()


def test_settings_are_nvs(board):
    machine, _, _ = board.boot_as_predicted()
    assert "error -1103" in machine.ask("get name")
    assert machine.ask("set name first").strip() == "ok"
    assert machine.ask("set name second").strip() == "ok"
    assert "error -1106" in machine.ask("set a-key-that-is-too-long x")
    assert "error -1104" in machine.ask("get other")
    machine, _, _ = board.reboot(machine)
    assert machine.ask("get name").split() == ["second", "ok"]
    machine.kill()
    assert board.ferry.ok("nvs", "get", board.flash, "app", "name").out.strip() == "second"
    board.ferry.ok("nvs", "set", board.flash, "app", "name", "string", "from-outside")
    machine, _, _ = board.boot_as_predicted()
    assert machine.ask("get name").split() == ["from-outside", "ok"]
    machine.kill()
    assert board.read(NVS, 4) != b"\xff" * 4


def test_image_for_another_machine_is_passed_over(board):
    machine, _, _ = board.boot_as_predicted()
    machine.kill()
    foreign = board.folder / "foreign.bin"
    foreign.write_bytes(images.app(project="ferry-bare", version="9.0.0"))
    board.ferry.ok("update", board.flash, foreign, "--chip", "esp32c3")
    machine, version, slot = board.boot()
    assert (version, slot) == ("1.0.0", "ota_0") and b"boot: slot refused -201" in machine.said
    machine.kill()


def test_slot_that_was_damaged_is_passed_over(board):
    machine, _, _ = pending(board, "1.5.0")
    assert machine.ask("confirm").strip() == "ok"
    machine.kill()
    with open(board.flash, "r+b") as file:
        file.seek(SLOTS["ota_1"] + 9000)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 4]))
    machine, version, slot = board.boot_as_predicted()
    assert (version, slot) == ("1.0.0", "ota_0") and b"boot: slot refused -611" in machine.said
    machine.kill()


def test_machine_without_software_says_so(board, blank_flash):
    board.flash = blank_flash
    with board.power_on() as machine:
        assert machine.end() == 65 and b"rom: no bootloader, error -600" in machine.said
    with open(blank_flash, "r+b") as file:
        file.write((board.programs / "bootloader.bin").read_bytes())
    with board.power_on() as machine:
        assert machine.end() == 66 and b"boot: nothing boots -500" in machine.said


def test_espressifs_tool_reads_the_images(board, esptool):
    for name in ("bootloader", "updater", "minimal", *(f"bare-{version}" for version in VERSIONS)):
        said = esptool("--chip", "esp32c3", "image-info", board.programs / f"{name}.bin")
        assert "(valid)" in said and "invalid" not in said, said
