"""ferry doctor on a chip: the repairs of its dump, over a cable that can be cut, and an undo that
belongs to this chip. What is told to be typed names the port."""
import shutil
import sys
from pathlib import Path

import pytest
from test_port import FAKE, Board

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "doctor"))
from patients import PATIENTS

PORT = f"--port=/dev/fake --esptool={FAKE}"
UNDO = "esp32c3-a0764e000001.undo"  # its kind and the MAC that the fake tells


@pytest.fixture
def chip(ferry, tmp_path):
    """chip(patient) -> the board with that flash."""
    board = Board(ferry, tmp_path)

    def hold(name):
        board.file.write_bytes(next(p for p in PATIENTS if p.name == name).build())
        return board
    return hold


@pytest.mark.parametrize("name", ["selected slot damaged", "nvs entry damaged"])
def test_repair_is_that_of_the_dump_and_its_undo_too(ferry, chip, tmp_path, name):
    board, dump = chip(name), tmp_path / "dump.bin"
    before = board.flash
    dump.write_bytes(before)
    ferry("doctor", dump, "--repair", "--yes")
    done = board("doctor", "--repair", "--yes", "--json")
    assert [repair["done"] for repair in done.json["repairs"]] == [True]
    assert board.flash == dump.read_bytes() != before
    assert (tmp_path / UNDO).exists()
    taken_back = board("doctor", "--undo", "--yes", "--json")
    assert taken_back.code == 0, taken_back
    assert taken_back.json["undo"] == done.json["repairs"][0]["repair"]
    assert board.flash == before and not (tmp_path / UNDO).exists()


@pytest.mark.parametrize("name", ["table without MD5", "bootloader says a larger flash"])
def test_its_bootloader_and_table_are_not_repaired_in_place(chip, name):
    board = chip(name)
    before = board.flash
    result = board("doctor", "--repair", "--yes", "--json")
    assert result.code == 1 and "repairs" not in result.json
    remedies = [finding["remedy"] for finding in result.json["findings"]]
    assert len(remedies) == 1 and f"ferry partitions write {PORT} " in remedies[0]
    assert board.flash == before and not [c for c in board.calls if "write-flash" in c]


def test_cut_cable_leaves_what_boots_and_the_undo(ferry, chip, tmp_path):
    board = chip("selected slot damaged")
    before, copy = board.flash, tmp_path / "copy.bin"
    result = board("doctor", "--repair", "--yes", cut=1)
    assert result.code == 1 and "Done." not in result.out, result
    assert board.flash != before
    shutil.copy(board.file, copy)
    assert ferry("doctor", copy, "--json").json["next"] == "ota_0"
    assert board("doctor", "--undo", "--yes").code == 0
    assert board.flash == before


@pytest.mark.parametrize("command", ["doctor", "status"])
def test_chip_that_stops_answering_is_no_patient(chip, command):
    """What cannot be read is not damaged."""
    board = chip("healthy")
    result = board(command, "--json", cut=0)
    assert result.code == 1 and result.json["code"] == "FERRY_ERR_FLASH_IO", result
    assert "findings" not in result.json and "the port is gone" in result.err


def test_what_is_to_be_typed_names_the_port(chip):
    board = chip("selected slot damaged")
    said = " ".join(board("doctor").out.split())
    assert f"ferry doctor {PORT} --repair" in said
    assert f"ferry slots write {PORT} ota_1 APP.bin" in said
    board = chip("nvs all damaged")
    said = " ".join(board("doctor").out.split())
    assert f"ferry partitions read {PORT} nvs nvs.bin, then ferry nvs check nvs.bin" in said
