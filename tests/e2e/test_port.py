"""--port with an esptool that fails on demand: cables that are cut, noise, and what is not there.
tests/interop/test_serial_port.py has the real esptool."""

from pathlib import Path

import images
import pytest

FAKE = Path(__file__).with_name("fake_esptool.py")
SIZE = 16000


class Board:
    """A chip behind the fake esptool; ferry("update", ...) goes to its port."""

    def __init__(self, ferry, folder):
        self.ferry, self.file, self.log = ferry, folder / "chip.bin", folder / "log"
        self.file.write_bytes(images.dump(
            {"ota_0": images.app(version="1.0.0", size=30000),
             "ota_1": images.app(version="0.9.0", size=SIZE, seed=9),
             "otadata": images.otadata(images.entry(1, images.VALID))}))

    @property
    def flash(self):
        return self.file.read_bytes()

    def __call__(self, command, *words, **faults):
        self.file.with_suffix(".state").unlink(missing_ok=True)
        self.log.write_text("")
        env = {"FAKE_FLASH": str(self.file), "FAKE_LOG": str(self.log)}
        env |= {f"FAKE_{name.upper()}": str(value) for name, value in faults.items()}
        return self.ferry(command, "--port=/dev/fake", f"--esptool={FAKE}", *words, env=env,
                          cwd=self.file.parent)

    @property
    def calls(self):
        return self.log.read_text().splitlines()


@pytest.fixture
def board(ferry, tmp_path):
    return Board(ferry, tmp_path)


@pytest.fixture
def app(tmp_path):
    path = tmp_path / "v2.bin"
    path.write_bytes(images.app(version="2.0.0", size=SIZE, seed=2))
    return path


def n_sectors_written(board, app):
    """Of an update that nothing disturbs."""
    assert board("update", app).code == 0
    return int(board.file.with_suffix(".state").read_text().split()[0])


def test_cable_cut_after_every_sector_leaves_what_boots(ferry, board, app, tmp_path):
    """The sector at hand is half written. What boots is the old app or the new one, whole, and the
    next attempt completes."""
    before = board.flash
    total = n_sectors_written(board, app)
    seen = set()
    for cut in range(total):
        board.file.write_bytes(before)
        result = board("update", app, cut=cut)
        assert result.code == 1 and "Serial data stream stopped" in result.err or \
            "the port is gone" in result.err, result
        copy = tmp_path / "copy.bin"
        copy.write_bytes(board.flash)
        booted = ferry("device", "boot", copy, "--chip=esp32c3", "--json")
        assert booted.code == 0, f"cut {cut}: {booted}"
        whole = {"ota_0": images.partition(before, "ota_0"), "ota_1": app.read_bytes()}
        slot = booted.json["booted"]
        assert images.partition(board.flash, slot).startswith(whole[slot]), f"cut {cut}"
        seen.add(booted.json["booted"])
        if cut % 4 == 0:
            assert board("update", app).code == 0, f"after cut {cut}"
    assert "ota_0" in seen


def test_order_is_slot_first_then_its_head_then_the_entry(board, app):
    assert board("update", app).code == 0
    writes = [call.split()[-2] for call in board.calls if "write-flash" in call]
    assert writes == ["0x70000", "0x70000", "0xe000", "0xe000"]
    assert board.calls[-1].endswith("--after hard-reset run")
    assert all("--after no-reset" in call for call in board.calls[1:-1])


def test_nothing_is_written_before_the_image_is_found_good(board, tmp_path):
    bad = tmp_path / "bad.bin"
    bad.write_bytes(images.app(version="2.0.0", size=SIZE, bad_hash=True))
    before = board.flash
    result = board("update", bad)
    assert result.code == 1 and "SHA-256" in result.err
    assert board.flash == before and not [c for c in board.calls if "write-flash" in c]


def test_noise_on_the_line_is_tried_again(board, app):
    """flash-id is not: a port where nobody answers stays one, and each call would cost a minute."""
    first = board("update", app, noise=2)
    assert first.code == 1 and "Invalid head of packet" in first.err
    assert len(board.calls) == 2


def test_lost_port_ends_it_at_once(board, app):
    result = board("update", app, cut=3)
    assert result.code == 1
    after_cut = [c for c in board.calls if "write-flash" in c or "read-flash" in c]
    assert len(after_cut) <= 6, "no endless tries"


def test_version_4_is_spelled_with_underscores(board, app):
    result = board("update", app, version="4.4")
    assert result.code == 0, result
    assert any(" write_flash --flash_mode keep" in call for call in board.calls)
    assert all("--before default_reset --after" in call for call in board.calls[1:])
    assert "esp32c3 v0.3 with 1,048,576 bytes" in result.err


def test_version_3_is_too_old(board):
    result = board("status", version="3.3")
    assert result.code == 1 and "is no esptool of version 4 or later" in result.err


def test_size_that_esptool_does_not_know(board):
    result = board("status", size="Unknown")
    assert result.code == 1 and "how large the flash" in result.err


def test_chip_that_is_another_one(board):
    result = board("status", "--chip=esp32s3")
    assert result.code == 1 and "is an esp32c3, not an esp32s3" in result.err


def test_no_esptool_is_explained(ferry, tmp_path):
    result = ferry.refused("status", "--port=/dev/fake", env={"PATH": str(tmp_path)})
    assert "--port needs esptool" in result.err and "pipx install esptool" in result.err


def test_program_that_is_no_esptool(ferry):
    result = ferry.refused("status", "--port=/dev/fake", "--esptool=/bin/true")
    assert "/bin/true is no esptool" in result.err


@pytest.mark.parametrize("words", [
    ["device", "boot", "--port=x"], ["device", "new", "--port=x", "--chip=esp32c3"],
    ["status", "dev", "--port=x"], ["status", "--port=x", "--baud=0"],
])
def test_what_makes_no_sense_with_a_port(ferry, words):
    assert ferry(*words).code == 2


def test_read_only_commands_write_nothing(board):
    before = board.flash
    assert board("status").code == 0
    assert board.flash == before and not [c for c in board.calls if "write" in c]


def test_confirm_and_reject_work_on_a_chip(board, app):
    assert board("update", app).code == 0
    assert board("confirm", "--running=ota_1").code == 0
    said = board("status", "--json").json
    assert next(s for s in said["slots"] if s["label"] == "ota_1")["state"] == "valid"


def test_table_of_a_chip_is_shown_checked_and_made_csv(ferry, board, tmp_path):
    """The same table as the dump's; and only its sector travels."""
    before = board.flash
    shown = board("partitions show", "--json")
    assert shown.code == 0, shown
    of_dump = ferry.ok("partitions show", board.file, "--json").json
    for key in ("partitions", "gaps", "md5", "offset", "flash_size"):
        assert shown.json[key] == of_dump[key]
    assert shown.json["source"] == "device" and shown.json["port"]["chip"] == "esp32c3"
    assert len([call for call in board.calls if "read-flash 0x8000 " in call]) == 1
    assert len([call for call in board.calls if "read-flash" in call]) == 1
    assert "no problem" in board("partitions check").out
    csv = tmp_path / "table.csv"
    assert board("partitions build", "-o", csv).code == 0
    assert ferry.ok("partitions build", board.file, "-o", "-").out == csv.read_text()
    assert board.flash == before
    assert not [call for call in board.calls if "write-flash" in call]


def test_table_of_a_chip_that_is_blank(board):
    board.file.write_bytes(b"\xff" * (1 << 20))
    result = board("partitions show")
    assert result.code == 1 and "no partition table" in result.err, result


@pytest.mark.parametrize("words, boots", [
    (["slots write", "1"], {"ota_0"}),
    (["slots write", "1", "--switch"], {"ota_0", "ota_1"}),
])
def test_slot_written_over_a_cut_cable_never_boots_by_half(ferry, board, app, tmp_path, words,
                                                           boots):
    """Cut while it is erased, at each sector of the app and at the entry: what boots is one of two
    whole apps, and without --switch the one that ran before; nothing but slot and otadata is
    touched; the next attempt completes."""
    flash = bytearray(board.flash)
    flash[0xD000:0xF000] = images.otadata(images.entry(3, images.VALID),
                                          images.entry(2, images.VALID))
    before = bytes(flash)
    command, slot, *options = words

    def write(**faults):
        return board(command, slot, app, "--running=ota_0", *options, **faults)

    board.file.write_bytes(before)
    assert write().code == 0
    total = int(board.file.with_suffix(".state").read_text().split()[0])
    whole = {"ota_0": images.partition(before, "ota_0"), "ota_1": app.read_bytes()}
    seen, copy = set(), tmp_path / "copy.bin"
    for cut in [0, 1, total // 2, *range(total - 8, total)]:
        board.file.write_bytes(before)
        assert write(cut=cut).code == 1, f"cut {cut}"
        copy.write_bytes(board.flash)
        booted = ferry("device", "boot", copy, "--chip=esp32c3", "--json")
        assert booted.code == 0, f"cut {cut}: {booted}"
        slot_booted = booted.json["booted"]
        assert images.partition(board.flash, slot_booted).startswith(whole[slot_booted]), cut
        assert board.flash[:0xD000] == before[:0xD000] and board.flash[0xD0000:] == before[0xD0000:]
        seen.add(slot_booted)
        if cut in (1, total - 3):
            assert write().code == 0, f"after cut {cut}"
            assert images.partition(board.flash, "ota_1").startswith(whole["ota_1"])
    assert seen <= boots and "ota_0" in seen


def test_temporary_folder_of_any_length_is_used(ferry, tmp_path):
    """And one that is not there is named, not passed over."""
    board = Board(ferry, tmp_path)
    folder = tmp_path / ("a long name " * 10) / "x"
    folder.mkdir(parents=True)
    env = {"FAKE_FLASH": str(board.file), "FAKE_LOG": str(board.log)}
    words = ("status", "--port=/dev/fake", f"--esptool={FAKE}")
    ferry.ok(*words, env=env | {"TMPDIR": str(folder)})
    assert any(str(folder) in call for call in board.calls)
    assert list(folder.iterdir()) == []
    result = ferry.refused(*words, env=env | {"TMPDIR": f"{folder}/gone"})
    assert f"{folder}/gone" in result.err and "No such file" in result.err
