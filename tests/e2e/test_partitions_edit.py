"""ferry partitions edit: the copy boots what the original boots, or there is no copy."""
import random
import shutil
import struct

import images
import pytest
from test_merged import merged
from test_partitions import rows as table_rows

FLASH = 0x200000
DATA, APP = 1, 0


def version_of(n):
    return f"{n}.0.0"


def make_flash(rows, apps, otadata=b"", size=FLASH, data=()):
    """A dump with an app of its own in each slot of `apps`, and content in data partitions."""
    parts = {label: images.app(version=version_of(i + 1), seed=i, size=9000 + 1000 * i)
             for i, label in enumerate(apps)}
    parts |= {label: (label.encode() * 700)[:3000] for label in data}
    parts["otadata"] = otadata
    if not any(row[0] == "otadata" for row in rows):
        del parts["otadata"]
    return images.dump(parts, rows, size=size, bootloader=images.app(size=3000))


@pytest.fixture
def dump(tmp_path):
    path = tmp_path / "dump.bin"
    path.write_bytes(make_flash(images.TWO_SLOTS, ["ota_0", "ota_1"],
                                images.otadata(images.entry(2, images.VALID),
                                               images.entry(1, images.VALID)),
                                data=["nvs", "vfs"]))
    return path


@pytest.fixture
def edit(ferry, dump, tmp_path):
    """edit("--resize", ...) -> (JSON, rows of the copy's table, the copy's bytes)."""
    def run(*options, source=dump):
        copy = tmp_path / "copy.bin"
        copy.unlink(missing_ok=True)
        before = source.read_bytes()
        told = ferry.ok("partitions", "edit", source, "-o", copy, *options, "--json").json
        assert source.read_bytes() == before
        data = copy.read_bytes()
        return told, {r[0]: r[1:5] for r in table_rows(data[0x8000:0x8C00])}, data
    return run


def contents(told):
    return {row["label"]: row["contents"] for row in told["after"]}


def booted(ferry, path, tmp_path, *options):
    """The version that the next power-on starts, on a copy; None if nothing boots."""
    copy = tmp_path / "boot.bin"
    shutil.copy(path, copy)
    result = ferry("device", "boot", copy, *options, "--json")
    if result.code:
        return None
    at = result.json["booted_offset"]
    return copy.read_bytes()[at + 0x30:at + 0x50].rstrip(b"\0")


def test_resize_moves_what_is_behind_and_erases_it(ferry, edit, dump, tmp_path):
    told, rows, data = edit("--resize", "ota_1=0x80000")
    assert rows["ota_1"] == (APP, 0x11, 0x70000, 0x80000)
    assert rows["vfs"] == (DATA, 0x81, 0xF0000, 0x30000)
    assert contents(told)["vfs"] == "erased" and set(data[0xF0000:0x120000]) == {0xFF}
    assert told["boots"] == "ota_1"
    assert booted(ferry, tmp_path / "copy.bin", tmp_path) == b"2.0.0"


def test_move_takes_contents_along(ferry, edit, dump):
    told, rows, data = edit("--resize", "ota_1=0x80000", "--move")
    assert contents(told)["vfs"] == "moved"
    assert data[0xF0000:0xF0000 + 3000] == dump.read_bytes()[0xD0000:0xD0000 + 3000]
    assert set(data[0xF0000 + 3000:0x120000]) == {0xFF}


def test_app_that_boots_is_moved_only_with_move(ferry, edit, dump, tmp_path):
    result = ferry.refused("partitions", "edit", dump, "-o", tmp_path / "copy.bin",
                           "--resize", "ota_0=0x70000")
    assert "ota_1" in result.err and "--move" in result.err
    assert not (tmp_path / "copy.bin").exists()
    told, rows, _ = edit("--resize", "ota_0=0x70000", "--move")
    assert rows["ota_1"][2] == 0x80000 and contents(told)["ota_1"] == "moved"
    assert booted(ferry, tmp_path / "copy.bin", tmp_path) == b"2.0.0"


def test_data_that_does_not_fit_is_erased_or_with_move_refused(ferry, edit, dump, tmp_path):
    flash = bytearray(dump.read_bytes())
    flash[0xD0000:0x100000] = b"v" * 0x30000
    dump.write_bytes(flash)
    told, _, data = edit("--resize", "vfs=64K")
    assert contents(told)["vfs"] == "erased" and set(data[0xD0000:0xE0000]) == {0xFF}
    result = ferry.refused("partitions", "edit", dump, "-o", tmp_path / "no.bin",
                           "--resize", "vfs=64K", "--move")
    assert "0x30000" in result.err and "0x10000" in result.err
    assert not (tmp_path / "no.bin").exists()


def test_data_that_grows_keeps_its_contents(edit, dump):
    flash = bytearray(dump.read_bytes())
    flash[0x110000:0x110100] = b"\0" * 0x100  # left behind by nobody's partition
    dump.write_bytes(flash)
    told, _, data = edit("--resize", "vfs=0")
    assert contents(told)["vfs"] == "kept"
    assert data[0xD0000:0xD0000 + 3000] == bytes(flash[0xD0000:0xD0000 + 3000])
    assert set(data[0x100000:0x200000]) == {0xFF}


def test_rename_add_delete(edit):
    told, rows, _ = edit("--rename", "vfs=files,nvs=settings", "--delete", "phy_init",
                         "--add", "log:data:0x99:0x100000:64K,more:fat:0")
    assert list(rows) == ["settings", "otadata", "ota_0", "ota_1", "files", "log", "more"]
    assert rows["log"] == (DATA, 0x99, 0x100000, 0x10000)
    assert rows["more"] == (DATA, 0x81, 0x110000, 0xF0000)
    assert told["gone"] == ["phy_init"]
    assert contents(told) == {"settings": "kept", "otadata": "kept", "ota_0": "kept",
                              "ota_1": "kept", "files": "kept", "log": "erased", "more": "erased"}


def test_layout_for_updates_on_a_flash_with_factory(ferry, edit, dump, tmp_path):
    rows = [("nvs", DATA, 2, 0x9000, 0x6000), ("phy_init", DATA, 1, 0xF000, 0x1000),
            ("factory", APP, 0, 0x10000, 0x100000)]
    dump.write_bytes(make_flash(rows, ["factory"], size=4 << 20, data=["nvs"]))
    told, rows, data = edit("--table", "ota")
    assert rows == {"nvs": (1, 2, 0x9000, 0x5000), "otadata": (1, 0, 0xE000, 0x2000),
                    "ota_0": (0, 0x10, 0x10000, 0x180000), "ota_1": (0, 0x11, 0x190000, 0x180000),
                    "vfs": (1, 0x81, 0x310000, 0xF0000)}
    assert told["boots"] == "ota_0" and contents(told)["ota_0"] == "kept"
    assert booted(ferry, tmp_path / "copy.bin", tmp_path) == b"1.0.0"
    ferry.ok("update", tmp_path / "copy.bin", write_app(tmp_path))


def write_app(tmp_path):
    path = tmp_path / "new.bin"
    path.write_bytes(images.app(version="9.0.0", seed=99))
    return path


@pytest.mark.parametrize("layout, size, want", [
    ("default", "4MB", [("nvs", 0x9000, 0x7000), ("factory", 0x10000, 0x1F0000),
                        ("vfs", 0x200000, 0x200000)]),
    ("original", "4MB", [("nvs", 0x9000, 0x6000), ("phy_init", 0xF000, 0x1000),
                         ("factory", 0x10000, 0x1F0000), ("vfs", 0x200000, 0x200000)]),
    ("ota", "8MB", [("nvs", 0x9000, 0x5000), ("otadata", 0xE000, 0x2000),
                    ("ota_0", 0x10000, 0x200000), ("ota_1", 0x210000, 0x200000),
                    ("vfs", 0x410000, 0x3F0000)]),
    ("ota", "16MB", [("nvs", 0x9000, 0x5000), ("otadata", 0xE000, 0x2000),
                     ("ota_0", 0x10000, 0x270000), ("ota_1", 0x280000, 0x270000),
                     ("vfs", 0x4F0000, 0xB10000)]),
    ("singleapp", "4MB", [("nvs", 0x9000, 0x6000), ("phy_init", 0xF000, 0x1000),
                          ("factory", 0x10000, 0x100000)]),
    ("singleapp-large", "4MB", [("nvs", 0x9000, 0x6000), ("phy_init", 0xF000, 0x1000),
                                ("factory", 0x10000, 0x177000)]),
    ("two-ota", "4MB", [("nvs", 0x9000, 0x4000), ("otadata", 0xD000, 0x2000),
                        ("phy_init", 0xF000, 0x1000), ("factory", 0x10000, 0x100000),
                        ("ota_0", 0x110000, 0x100000), ("ota_1", 0x210000, 0x100000)]),
    ("two-ota-large", "4MB", [("nvs", 0x9000, 0x6000), ("otadata", 0xF000, 0x2000),
                              ("phy_init", 0x11000, 0x1000), ("ota_0", 0x20000, 0x1A9000),
                              ("ota_1", 0x1D0000, 0x1A9000)]),
    ("esp-hal", "4MB", [("nvs", 0x9000, 0x4000), ("otadata", 0xD000, 0x2000),
                        ("phy_init", 0xF000, 0x1000), ("ota_0", 0x10000, 0x100000),
                        ("ota_1", 0x110000, 0x100000)]),
    ("nvs=7B,factory=2M,vfs=0", "4MB", [("nvs", 0x9000, 0x7000), ("factory", 0x10000, 0x200000),
                                        ("vfs", 0x210000, 0x1F0000)]),
])
def test_named_layouts_are_those_of_their_owners(ferry, tmp_path, layout, size, want):
    csv, out = tmp_path / "in.csv", tmp_path / "out.bin"
    csv.write_text("a,app,factory,0x10000,1M\n")
    ferry.ok("partitions", "edit", csv, "-o", out, "--table", layout, "--flash-size", size)
    assert [(r[0], r[3], r[4]) for r in table_rows(out.read_bytes())] == want


def test_layouts_are_listed_with_what_they_leave(ferry, tmp_path):
    listed = {r["name"]: r for r in ferry.ok("partitions", "layouts", "--json").json["layouts"]}
    assert listed["ota"]["app_bytes"] == 0x180000 and listed["ota"]["slots"] == 2
    assert listed["ota"]["file_bytes"] == 0xF0000  # 4 MB: two of 1.5 MB, under 1 MB of files
    small = ferry.ok("partitions", "layouts", "--flash-size=2MB", "--json").json["layouts"]
    assert [r["name"] for r in small if r["fits"]] == ["singleapp", "singleapp-large"]
    assert "too large" in ferry.ok("partitions", "layouts", "--flash-size=2MB").out


def test_layout_is_written_to_begin_with(ferry, tmp_path):
    csv = ferry.ok("partitions", "layouts", "esp-hal").out
    assert "otadata,data,ota,0xd000,8K," in csv and "ota_1,app,ota_1,0x110000,1M," in csv
    path = tmp_path / "p.csv"
    ferry.ok("partitions", "layouts", "ota", "--flash-size=8MB", "--app-size=1M", "-o", path)
    assert "ota_1,app,ota_1,0x110000,1M," in path.read_text()
    ferry.ok("partitions", "check", path, "--flash-size=8MB")
    ferry.refused("partitions", "layouts", "ota", "--flash-size=2MB")
    assert "two-ota" in ferry("partitions", "layouts", "nonsense").err
    assert ferry("partitions", "layouts", "ota", "--json").code == 2


def test_espressifs_layout_has_espressifs_bytes(ferry, tmp_path):
    csv, out = tmp_path / "in.csv", tmp_path / "out.bin"
    csv.write_text("a,app,factory,0x10000,1M\n")
    ferry.ok("partitions", "edit", csv, "-o", out, "--table", "two-ota", "--flash-size=4MB")
    assert out.read_bytes()[6 * 32 + 16:7 * 32].hex() == "bf25822c0fa6d8641bd930251e06b4c4"
    ferry.ok("partitions", "edit", csv, "-o", out, "--table", "two-ota-large", "--flash-size=4MB")
    assert out.read_bytes()[5 * 32 + 16:6 * 32].hex() == "37f38b32a34f7412f158930062441178"


def test_otadata_is_made_anew_where_numbers_change(ferry, edit, dump, tmp_path):
    """ota_1 runs as number 2 of two; with a third slot the same number would mean another."""
    flash = bytearray(dump.read_bytes())
    flash[0xD000:0xF000] = images.otadata(images.entry(4, images.VALID),
                                          images.entry(3, images.VALID))
    dump.write_bytes(flash)
    told, _, data = edit("--add", "ota_2:ota_2:0x100000:0x60000")
    assert contents(told)["otadata"] == "rewritten"
    assert booted(ferry, tmp_path / "copy.bin", tmp_path) == b"2.0.0"
    seqs = {struct.unpack("<I", data[at:at + 4])[0] for at in (0xD000, 0xE000)}
    assert {(seq - 1) % 3 for seq in seqs} == {0, 1}  # both apps keep their entries


@pytest.mark.parametrize("options, words", [
    (["--delete", "ota_1"], ["ota_1", "no partition"]),
    (["--delete", "ota_0"], ["without a gap"]),
    (["--delete", "otadata"], ["no otadata"]),
    (["--delete", "nope"], ["'nope'"]),
    (["--resize", "nvs=0x4100"], ["0x4100"]),
    (["--resize", "ota_1=8K"], ["ota_1", "too small"]),
    (["--resize", "ota_0=3M"], ["0x200000"]),
    (["--add", "x:data:fat:0x10000:64K"], ["x", "inside"]),
    (["--add", "x:data:fat:0x5000:4K"], ["0x5000", "0x9000"]),
    (["--add", "x:app:test:0x101000:64K"], ["0x101000", "0x10000"]),
    (["--add", "x:fat:3M"], ["no room"]),
    (["--add", "nvs:64K"], ["already"]),
    (["--add", "second:app:ota_0:0x100000:64K"], ["second app/ota_0"]),
    (["--rename", "nvs=vfs"], ["already"]),
    (["--rename", "nvs=seventeen-letters"], ["16"]),
    (["--flash-size", "512K"], ["0x80000"]),
    (["--table", "nvs=16K,vfs=0"], ["no app"]),
    (["--table", "two-ota"], ["room"]),
    (["--app-size", "1M"], ["vfs"]),
])
def test_refusals_name_the_reason_and_leave_nothing(ferry, dump, tmp_path, options, words):
    before = sorted(tmp_path.iterdir())
    result = ferry.refused("partitions", "edit", dump, "-o", tmp_path / "copy.bin", *options)
    assert all(word in result.err for word in words), result
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("options, words", [
    ([], ["-o is missing"]),
    (["-o", "x", "--table", "ota", "--from", "y"], ["--table and --from"]),
    (["-o", "x", "--table", "nonsense"], ["two-ota-large"]),
    (["-o", "x", "--resize", "nvs"], ["NAME=SIZE"]),
    (["-o", "x", "--resize", "nvs=big"], ["'big'"]),
    (["-o", "x", "--delete", "nvs=3"], ["NAME"]),
    (["-o", "x", "--add", "log:64K"], ["log:data:fat:OFFSET:SIZE"]),
    (["-o", "x", "--flash-size", "1000"], ["0x1000"]),
])
def test_wrong_usage(ferry, dump, tmp_path, options, words):
    result = ferry("partitions", "edit", dump, *options, cwd=tmp_path)
    assert result.code == 2 and all(word in result.err for word in words), result


def test_original_is_never_the_output(ferry, dump, tmp_path):
    link = tmp_path / "link.bin"
    link.hardlink_to(dump)
    for out in (dump, link):
        assert "original" in ferry("partitions", "edit", dump, "-o", out, "--rename=nvs=n").err


def test_dry_run_writes_nothing_and_says_it_all(ferry, dump, tmp_path):
    before = sorted(tmp_path.iterdir())
    told = ferry.ok("partitions", "edit", dump, "-n", "--resize=vfs=0", "--json",
                    env={"TMPDIR": str(tmp_path)}).json
    assert told["dry_run"] and told["boots"] == "ota_1" and "output" not in told
    assert sorted(tmp_path.iterdir()) == before
    text = ferry.ok("partitions", "edit", dump, "-n", "--resize=vfs=0").out
    assert "Before" in text and "After" in text and "Nothing was written" in text


def test_flash_size_is_set_in_the_bootloader_as_well(ferry, tmp_path):
    source, copy = tmp_path / "merged.bin", tmp_path / "copy.bin"
    source.write_bytes(merged("esp32"))
    ferry.ok("partitions", "edit", source, "-o", copy, "--flash-size=16M", "--resize=vfs=0")
    data = copy.read_bytes()
    assert data[3] >> 4 == 4
    boot = images.app(chip="esp32", size=3000)
    (tmp_path / "boot.bin").write_bytes(data[:len(boot)])
    ferry.ok("image", "verify", tmp_path / "boot.bin", "--chip=esp32")
    assert len(data) == source.stat().st_size
    status = ferry.ok("status", copy, "--json").json
    assert status["flash_size"] == 16 << 20 and status["next"] == "ota_0"


def test_dump_gets_as_long_as_its_flash(ferry, dump, tmp_path, edit):
    _, rows, data = edit("--flash-size=4MB", "--resize=vfs=0")
    assert len(data) == 4 << 20 and rows["vfs"][3] == (4 << 20) - 0xD0000
    _, _, data = edit("--flash-size=1MB")
    assert len(data) == 1 << 20
    result = ferry.refused("partitions", "edit", dump, "-o", tmp_path / "x", "--flash-size=832K",
                           "--delete=vfs")
    assert "in use up to 0xd0834" in result.err  # the content of what was vfs


def test_table_that_leaves_its_flash_is_mended(ferry, tmp_path):
    """A header of 2 MB before a table for 4: nothing boots until the header says so."""
    rows = images.TWO_SLOTS[:-1] + [("vfs", DATA, 0x81, 0xD0000, 0x330000)]
    source, copy = tmp_path / "merged.bin", tmp_path / "copy.bin"
    source.write_bytes(merged("esp32", rows, size_code=1))
    ferry.refused("device", "boot", source)
    ferry.ok("partitions", "edit", source, "-o", copy, "--flash-size=4MB")
    assert ferry.ok("device", "boot", copy, "--json").json["booted"] == "ota_0"


def test_virtual_device_is_copied_as_one(ferry, device, tmp_path):
    copy = tmp_path / "copy"
    before = device.flash
    ferry.ok("partitions", "edit", device.path, "-o", copy, "--rename", "ota_0=first",
             "--flash-size=2MB", "--resize=vfs=0")
    assert device.flash == before and device.facts["flash_size"] == images.FLASH
    status = ferry.ok("status", copy, "--json").json
    assert status["running"] == status["next"] == "first" and status["flash_size"] == 2 << 20
    assert ferry.ok("device", "boot", copy, "--json").json["booted"] == "first"
    assert "exists" in ferry.refused("partitions", "edit", device.path, "-o", copy,
                                     "--rename=nvs=n").err
    other = tmp_path / "other"
    ferry.refused("partitions", "edit", device.path, "-o", other, "--delete=ota_0")
    assert not other.exists()


def test_tables_alone_are_edited_in_either_form(ferry, tmp_path):
    csv, out = tmp_path / "in.csv", tmp_path / "out.csv"
    csv.write_text("nvs,data,nvs,,16K\nfactory,app,factory,,1M\n")
    ferry.ok("partitions", "edit", csv, "-o", out, "--rename=nvs=n", "--add=vfs:0")
    assert out.read_text().splitlines()[2:] == [
        "n,data,nvs,0x9000,16K,", "factory,app,factory,0x10000,1M,", "vfs,data,fat,0x110000,960K,"]
    binary = tmp_path / "out.bin"
    ferry.ok("partitions", "edit", csv, "-o", binary, "--delete=nvs")
    assert [r[0] for r in table_rows(binary.read_bytes())] == ["factory"]
    again = ferry.ok("partitions", "edit", binary, "-o", tmp_path / "x.csv", "--app-size=2M",
                     "--flash-size=4M", "--json").json
    assert again["after"][0]["size"] == 2 << 20
    assert "no contents" in ferry("partitions", "edit", csv, "-o", out, "--move").err


def test_table_from_a_file(ferry, edit, tmp_path):
    csv = tmp_path / "t.csv"
    csv.write_text("nvs,data,nvs,0x9000,16K\nodd,data,ota,0xd000,8K\na,app,ota_0,0x10000,0x60000\n"
                   "b,app,ota_1,0x70000,0x60000\n")
    told, rows, _ = edit("--from", csv)
    assert list(rows) == ["nvs", "odd", "a", "b"] and told["boots"] == "b"
    assert contents(told)["odd"] == "kept"


# Random edits.

BASES = [
    (images.TWO_SLOTS, ["ota_0", "ota_1"]),
    (images.WITH_FACTORY, ["factory", "ota_0", "ota_1"]),
    ([("nvs", 1, 2, 0x9000, 0x6000), ("phy_init", 1, 1, 0xF000, 0x1000),
      ("factory", 0, 0, 0x10000, 0x80000), ("vfs", 1, 0x81, 0x90000, 0x100000)], ["factory"]),
    ([("otadata", 1, 0, 0x9000, 0x2000), ("ota_0", 0, 0x10, 0x10000, 0x20000),
      ("ota_1", 0, 0x11, 0x30000, 0x20000), ("ota_2", 0, 0x12, 0x50000, 0x20000),
      ("nvs", 1, 2, 0x70000, 0x6000)], ["ota_0", "ota_2"]),
]


def random_edit(rng, labels):
    def size():
        return rng.choice(["0", "4K", "32K", "0x20000", "0x60000", "512K", "1M", "3B"])

    def name():
        return rng.choice([*labels, *labels, "nope"])

    ops = {
        "resize": lambda: f"--resize={name()}={size()}",
        "rename": lambda: f"--rename={name()}={rng.choice(['x', 'y', 'nvs'])}",
        "delete": lambda: f"--delete={name()}",
        "app-size": lambda: f"--app-size={rng.choice(['64K', '128K', '256K', '512K', '1M'])}",
        "add": lambda: "--add=" + rng.choice([
            f"more:fat:{size()}", f"ota_2:{size()}", f"ota_3:{size()}", f"otadata:{size()}",
            f"factory:app:factory:0x180000:{size()}",
            f"log:data:0x99:{rng.randrange(512) << 12:#x}:{size()}", "test:0x20000"]),
        "table": lambda: "--table=" + rng.choice([
            "singleapp", "ota", "default", "nvs=4B,otadata=2B,ota_0=256K,ota_1=256K,vfs=0",
            "otadata=2B,ota_0=128K,ota_1=128K,ota_2=128K", "nvs=24K,factory=512K,ota_0=256K"]),
        "flash-size": lambda: f"--flash-size={rng.choice(['1MB', '2MB', '4MB', '16MB'])}",
    }
    chosen = rng.sample(sorted(ops), rng.randrange(1, 4))
    if rng.random() < 0.5:
        chosen = [op for op in chosen if op != "table"] or ["resize"]
    return [ops[op]() for op in chosen] + (["--move"] if rng.random() < 0.5 else [])


def random_otadata(rng):
    return images.otadata(*[
        images.entry(rng.randrange(1, 9), rng.choice([images.VALID, images.UNDEFINED, images.NEW,
                                                      images.PENDING, images.ABORTED]))
        if rng.random() < 0.7 else b"" for _ in range(2)])


def no_overlap(rows, size):
    ends = 0x9000
    for _, _, _, off, length, _ in rows:
        assert off >= ends and length
        ends = off + length
    assert ends <= size


def test_random_edits_keep_the_flash_bootable_or_are_refused(ferry, tmp_path):
    rng = random.Random(20261121)
    dump, copy = tmp_path / "dump.bin", tmp_path / "copy.bin"
    n_done = n_refused = 0
    for _ in range(200):
        rows, apps = rng.choice(BASES)
        apps = [app for app in apps if rng.random() < 0.9]
        dump.write_bytes(make_flash(rows, apps, random_otadata(rng), data=["nvs"]))
        before = dump.read_bytes()
        options = random_edit(rng, [row[0] for row in rows])
        result = ferry("partitions", "edit", dump, "-o", copy, *options)
        assert dump.read_bytes() == before
        if result.code:
            n_refused += 1
            assert result.code in (1, 2) and result.err
            assert sorted(tmp_path.glob("copy*")) == [], options
            continue
        n_done += 1
        data = copy.read_bytes()
        no_overlap(table_rows(data[0x8000:0x8C00]), len(data))
        assert ferry("partitions", "check", copy).code == 0, options
        was = booted(ferry, dump, tmp_path)
        assert was is None or booted(ferry, copy, tmp_path) == was, options
        copy.unlink()
    assert n_done > 40 and n_refused > 40, (n_done, n_refused)
