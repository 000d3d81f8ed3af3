"""Merged images as devices: a file that begins with its bootloader, wherever the chip has that, and
ends where somebody stopped writing."""
import random

import images
import pytest

STARTS = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32c3": 0, "esp32s3": 0}


def merged(chip="esp32", rows=None, parts=None, size_code=2, cut=None):
    """Bootloader, table and partitions, without the erased end: what a merging tool writes."""
    boot = bytearray(images.app(chip=chip, size=3000))
    boot[3] = boot[3] & 0x0F | size_code << 4
    flash = bytearray(images.dump(parts or {"ota_0": images.app(chip=chip, size=20000)}, rows))
    start = STARTS[chip]
    flash[start:start + len(boot)] = boot
    data = bytes(flash[start:]).rstrip(b"\xff") if cut is None else bytes(flash[start:cut])
    return data


@pytest.fixture
def merged_file(tmp_path):
    def make(name="merged.bin", **knobs):
        path = tmp_path / name
        path.write_bytes(merged(**knobs))
        return path
    return make


@pytest.mark.parametrize("chip", STARTS)
def test_chip_place_and_size_are_found_in_the_image_itself(ferry, merged_file, chip):
    path = merged_file(chip=chip)
    status = ferry.ok("status", path, "--json").json
    assert status["chip"] == chip and status["next"] == "ota_0"
    assert status["flash_size"] == 4 << 20
    assert status["merged"] and status["file_offset"] == STARTS[chip]
    assert status["file_bytes"] == path.stat().st_size
    shown = ferry.ok("partitions", "show", path, "--json").json["partitions"]
    assert [row["label"] for row in shown] == [row[0] for row in images.TWO_SLOTS]


def test_merged_from_the_begin_of_flash(ferry, merged_file):
    """For chips whose bootloader lies further on, such a file begins with erased bytes."""
    path = merged_file()
    path.write_bytes(b"\xff" * 0x1000 + path.read_bytes())
    status = ferry.ok("status", path, "--json").json
    assert status["merged"] and status["chip"] == "esp32" and status["file_offset"] == 0
    assert status["flash_size"] == 4 << 20 and status["next"] == "ota_0"


def test_looking_changes_nothing(ferry, merged_file):
    path = merged_file()
    before = path.read_bytes()
    ferry.ok("status", path)
    ferry.ok("partitions", "check", path)
    assert path.read_bytes() == before


def test_file_grows_only_for_what_lies_behind_its_end(ferry, merged_file, image_file):
    path = merged_file()
    before = path.read_bytes()
    ferry.ok("partitions", "erase", path, "vfs", "ota_1")
    assert path.read_bytes() == before
    app = image_file(chip="esp32")
    ferry.ok("update", path, app)
    after = path.read_bytes()
    at = 0x70000 - STARTS["esp32"]
    assert after[at:at + app.stat().st_size] == app.read_bytes()
    assert len(after) == at + app.stat().st_size  # not a byte more
    assert after[0x10000 - 0x1000:len(before)] == before[0x10000 - 0x1000:]
    assert set(after[len(before):at]) == {0xFF}
    assert ferry.ok("device", "boot", path, "--json").json["booted"] == "ota_1"


def test_what_is_behind_the_end_reads_as_erased(ferry, merged_file, tmp_path):
    ferry.ok("partitions", "read", merged_file(), "vfs", tmp_path / "vfs")
    assert (tmp_path / "vfs").read_bytes() == b"\xff" * 0x30000


def test_before_its_begin_there_is_nothing_to_write_to(ferry, merged_file):
    path = merged_file(rows=[("low", 1, 0x81, 0x0, 0x1000), *images.TWO_SLOTS])
    before = path.read_bytes()
    ferry.refused("partitions", "write", path, "low", "-", "--force", "--no-check", stdin="x")
    assert path.read_bytes() == before


def test_whole_dump_that_begins_with_a_bootloader_is_as_large_as_it_is(ferry, tmp_path):
    """Of a chip whose bootloader lies at 0: the header's size is another matter then."""
    dump = tmp_path / "dump.bin"
    dump.write_bytes(images.dump({"ota_0": images.app()}, bootloader=images.app(size=3000)))
    status = ferry.ok("status", dump, "--json").json
    assert status["flash_size"] == images.FLASH and not status["merged"]


def test_app_image_is_no_device(ferry, image_file):
    for size in (20000, 150001):
        result = ferry("status", image_file(size=size))
        assert result.code == 1, result


def test_damaged_table_is_still_found_to_be_one(ferry, merged_file):
    path = merged_file()
    data = bytearray(path.read_bytes())
    data[0x7000:0x7004] = b"\0\0\0\0"
    path.write_bytes(data)
    result = ferry("status", path, "--json")
    assert result.json["merged"] and result.json["chip"] == "esp32"


def test_flash_that_is_smaller_than_the_file_is_taken_as_the_file(ferry, merged_file):
    path = merged_file(size_code=1, parts={"vfs": b"x" * 0x30000})
    assert ferry("status", path, "--json").json["flash_size"] == 2 << 20
    path = merged_file(size_code=0, parts={"vfs": b"x" * 0x30000})
    assert ferry("status", path, "--json").json["flash_size"] == 1 << 20


def test_damaged_files_are_told_of_and_never_changed(ferry, tmp_path):
    """Cut short anywhere, bytes changed in bootloader, header and table."""
    rng = random.Random(20261122)
    path, copy = tmp_path / "merged.bin", tmp_path / "copy.bin"
    for _ in range(60):
        data = bytearray(merged(rng.choice(sorted(STARTS)), size_code=rng.randrange(16)))
        for _ in range(rng.randrange(4)):
            at = rng.choice([rng.randrange(32), rng.randrange(0x9000), 0x7000 + rng.randrange(256),
                             0x8000 + rng.randrange(256)])
            data[at % len(data)] = rng.randrange(256)
        if rng.random() < 0.4:
            del data[rng.randrange(1, len(data)):]
        path.write_bytes(data)
        for command in (["status", path], ["partitions", "show", path],
                        ["partitions", "read", path, "nvs", tmp_path / "nvs"],
                        ["partitions", "edit", path, "-o", copy, "--table=ota", "--move"]):
            assert ferry(*command, "--json").code in (0, 1), command
        assert path.read_bytes() == data
