"""ferry partitions show|build|check: what they print, what they refuse, their exit codes, and that
a table survives the way from CSV to binary and back."""
import random
import struct

import pytest

GOOD = """\
# Name, Type, SubType, Offset, Size, Flags
nvs,      data, nvs,     ,        0x4000
otadata,  data, ota,     ,        0x2000
phy_init, data, phy,     ,        0x1000
ota_0,    app,  ota_0,   ,        1M
ota_1,    app,  ota_1,   0x200000, 1M
gr\N{LATIN SMALL LETTER O WITH DIAERESIS}\u00dfe, 0x40, 7, , 0x1000, encrypted:readonly
"""


@pytest.fixture
def csv(tmp_path):
    def make(text=GOOD, name="partitions.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
    return make


@pytest.fixture
def built(ferry, csv, tmp_path):
    def make(text=GOOD, *options):
        path = tmp_path / "table.bin"
        ferry.ok("partitions", "build", csv(text), "-o", path, *options)
        return path
    return make


def rows(binary):
    """The partition rows of a binary table, decoded without our code."""
    out = []
    for at in range(0, len(binary), 32):
        magic, kind, subtype, offset, size, label, flags = struct.unpack(
            "<2sBBLL16sL", binary[at:at + 32])
        if magic != b"\xaa\x50":
            break
        out.append((label.rstrip(b"\0").decode(), kind, subtype, offset, size, flags))
    return out


def test_build_gives_the_binary_table(built):
    table = built().read_bytes()
    assert len(table) == 0xC00
    assert rows(table) == [
        ("nvs", 1, 2, 0x9000, 0x4000, 0), ("otadata", 1, 0, 0xD000, 0x2000, 0),
        ("phy_init", 1, 1, 0xF000, 0x1000, 0), ("ota_0", 0, 0x10, 0x10000, 0x100000, 0),
        ("ota_1", 0, 0x11, 0x200000, 0x100000, 0),
        ("gr\u00f6\u00dfe", 0x40, 7, 0x300000, 0x1000, 3)]
    assert table[6 * 32:6 * 32 + 2] == b"\xeb\xeb"


def test_build_back_gives_the_tools_csv(ferry, built):
    result = ferry.ok("partitions", "build", built(), "-o", "-")
    assert result.out == (
        "# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n"
        "nvs,data,nvs,0x9000,16K,\notadata,data,ota,0xd000,8K,\nphy_init,data,phy,0xf000,4K,\n"
        "ota_0,app,ota_0,0x10000,1M,\nota_1,app,ota_1,0x200000,1M,\n"
        "gr\u00f6\u00dfe,64,7,0x300000,4K,encrypted:readonly\n")


def test_build_options_are_those_of_the_tool(ferry, csv, tmp_path):
    def build(text, *options):
        out = tmp_path / "out.bin"
        ferry.ok("partitions", "build", csv(text), "-o", out, *options)
        return out.read_bytes()

    assert rows(build("a,data,nvs,,16K", "--offset", "0x10000"))[0][3] == 0x11000
    assert b"\xeb\xeb" not in build("a,data,nvs,,16K", "--disable-md5sum")
    assert rows(build("a,data,nvs,,8K", "--no-verify"))[0][4] == 0x2000
    assert rows(build("a,app,mine,,64K", "--extra-partition-subtypes", "app,mine,0x40",
                      "--extra-partition-subtypes", "data,yours,41"))[0][2] == 0x40
    assert rows(build("b,bootloader,primary\nr,bootloader,recovery\n",
                      "--primary-bootloader-offset", "0x1000",
                      "--recovery-bootloader-offset=0x3f0000"))[1][3:5] == (0x3F0000, 0x7000)
    assert rows(build("a,app,ota_0,,0x11000", "--secure", "v2"))[0][4] == 0x11000
    assert "0x10000" in ferry.refused("partitions", "build", csv("a,app,ota_0,,0x11000"), "-o",
                                      tmp_path / "none.bin", "--secure", "v1").err


@pytest.mark.parametrize("text, words", [
    ("a,data,nvs,,sixty", ["line 1", "size", "'sixty'"]),
    ("# c\nx,foo,1,,4K", ["line 2", "type", "'foo'"]),
    ("a,data,nvs,,16K\nb,data,fat,0xa000,4K", ["line 2", "0xa000", "0xd000"]),
    ("a,data,nvs,0x8000,16K", ["line 1", "0x8000", "0x9000"]),
    ("a,data,nvs,,16K,secret", ["line 1", "flag", "'secret'"]),
    ("a,app,ota_0,0x11000,64K", ["0x11000", "0x10000"]),
    ("a,data,nvs,,8K", ["0x2000", "0x3000", "readonly"]),
    ("a,data,ota,,12K", ["0x3000", "0x2000"]),
    ("a,data,nvs,,16K\na,data,fat,,4K", ["'a'", "unique"]),
    ("f,app,ota_0,,8M", ["f ends at 0x810000", "0x400000"]),
    ("".join(f"p{i},data,fat,,4K\n" for i in range(95)), ["95", "94"]),
    (b"a\xff", ["neither", "0xff at 1"]),
    (b"\xff\xfe\0\0#\0\0\0", ["NUL"]),
], ids=lambda value: None if isinstance(value, list) else repr(value)[:40])
def test_refusals_name_line_field_value_and_limit(ferry, csv, tmp_path, text, words):
    out = tmp_path / "out.bin"
    result = ferry.refused("partitions", "build", csv(text), "-o", out, "--flash-size=4MB")
    assert all(word in result.err for word in words), result.err
    assert not out.exists()
    checked = ferry.refused("partitions", "check", tmp_path / "partitions.csv", "--flash-size=4MB")
    assert "problem: " in checked.out


def test_failed_build_leaves_the_file_that_was_there(ferry, csv, built):
    table = built()
    before = table.read_bytes()
    ferry.refused("partitions", "build", csv("a,data,nvs,,8K"), "-o", table)
    assert table.read_bytes() == before


def test_wrong_usage_is_exit_2(ferry, csv):
    path = csv()
    for args in (["build", path], ["build", path, "-o", "-", "--secure", "v3"],
                 ["build", path, "-o", "-", "--offset", "x"], ["show"], ["check", path, path],
                 ["build", path, "-o", "-", "--primary-bootloader-offset", "0x8000"],
                 ["build", path, "-o", "-", "--extra-partition-subtypes", "app,x"],
                 ["build", path, "-o", "-", "--json"]):
        assert ferry("partitions", *args).code == 2, args


def test_missing_input_and_full_disk_are_exit_1(ferry, csv, tmp_path):
    assert "none.csv" in ferry.refused("partitions", "show", tmp_path / "none.csv").err
    assert "No space left" in ferry.refused("partitions", "build", csv(), "-o", "/dev/full").err


def test_show_lists_rows_and_gaps_in_order_of_offset(ferry, csv):
    lines = ferry.ok("partitions", "show", csv(), "--flash-size=4MB").out.splitlines()
    cells = [line.split() for line in lines[3:-2]]
    assert [c[1] if c[0].isdigit() else c[0] for c in cells] == [
        "nvs", "otadata", "phy_init", "ota_0", "(free)", "ota_1", "gr\u00f6\u00dfe", "(free)"]
    assert cells[0] == ["0", "nvs", "data", "nvs", "0x00009000", "16", "KB"]
    assert cells[4] == ["(free)", "0x00110000", "960", "KB"]
    assert cells[6][2:] == ["0x40", "0x07", "0x00300000", "4", "KB", "encrypted:readonly"]
    assert lines[-1] == "Free: 1980 KB of 4 MB of flash."


def test_show_json_has_numbers_and_names(ferry, built):
    facts = ferry.ok("partitions", "show", built(), "--json").json
    assert (facts["source"], facts["offset"], facts["md5"]) == ("binary", 0x8000, True)
    last = facts["partitions"][-1]
    assert last == {"label": "gr\u00f6\u00dfe", "type": 0x40, "type_name": None, "subtype": 7,
                    "subtype_name": None, "offset": 0x300000, "size": 0x1000, "encrypted": True,
                    "readonly": True, "flags": 3}
    assert facts["gaps"] == [{"offset": 0x110000, "size": 0xF0000}]


def test_show_and_check_read_devices_and_dumps(ferry, device):
    table = ferry.ok("partitions", "show", device.path, "--json").json
    assert table["source"] == "device" and table["flash_size"] == len(device.flash)
    assert [p["label"] for p in table["partitions"]] == [row[0] for row in device.rows]
    dump = ferry.ok("partitions", "show", device.path / "flash.bin", "--json").json
    assert dump == table
    assert ferry.ok("partitions", "check", device.path, "--json").json["problems"] == 0
    assert "no partition table at 0x9000" in ferry.refused(
        "partitions", "show", device.path / "flash.bin", "--offset=0x9000").err
    assert ferry("partitions", "show", device.path, "--offset=0x9000").code == 2


def test_damaged_table_is_shown_and_refused(ferry, built):
    path = built()
    table = bytearray(path.read_bytes())
    table[3 * 32 + 8] ^= 1
    path.write_bytes(table)
    result = ferry.refused("partitions", "show", path)
    assert "MD5" in result.err and "ota_1" in result.out and "not usable" in result.out
    assert "MD5" in ferry.refused("partitions", "check", path).out
    assert "MD5" in ferry.refused("partitions", "build", path, "-o", "-").err


@pytest.mark.parametrize("n_bytes, words", [
    (2, ["2 bytes of 32"]), (100, ["0x60", "4 bytes of 32"]), (96, ["no end marker", "3 rows"])])
def test_table_cut_off_in_its_file_is_shown_and_refused(ferry, built, n_bytes, words):
    path = built()
    path.write_bytes(path.read_bytes()[:n_bytes])
    for command in ("show", "check"):
        result = ferry.refused("partitions", command, path)
        assert all(word in result.out + result.err for word in words), result
    shown = ferry.refused("partitions", "show", path, "--json").json
    assert not shown["ok"]
    assert [p["label"] for p in shown.get("partitions", [])] == [
        "nvs", "otadata", "phy_init"][:n_bytes // 32]


def test_partitions_outside_a_small_flash_are_marked_and_listed(ferry, built):
    path = built()
    shown = ferry.refused("partitions", "show", path, "--flash-size=0x180000")
    assert [line.split()[1] for line in shown.out.splitlines() if "OUTSIDE" in line] == [
        "ota_1", "gr\u00f6\u00dfe"]
    assert "Free: 448 KB of 1.5 MB of flash." in shown.out
    assert ferry("partitions", "show", path, "--flash-size=0x180000", "--json").json["gaps"] == [
        {"offset": 0x110000, "size": 0x70000}]
    problems = [text for level, text in findings(ferry, path, "--flash-size=0x180000")
                if level == "problem"]
    assert [text.split()[0] for text in problems] == ["ota_1", "gr\u00f6\u00dfe"]


def test_columns_stay_apart_whatever_the_sizes(ferry, csv):
    lines = ferry.ok("partitions", "show", csv("a,0x40,1,,3000000001,readonly\nb,0x40,1,,4K")
                     ).out.splitlines()
    ends = {line.index(word) + len(word) for line in lines
            for word in ("Size", "3,000,000,001 bytes", "4 KB") if word in line}
    assert len(ends) == 1, lines


def test_hostile_label_cannot_steer_the_terminal(ferry, built):
    path = built("abc,0x40,1,,4K", "--disable-md5sum")
    table = bytearray(path.read_bytes())
    table[12:16] = b"\x1b[2J"
    path.write_bytes(table)
    for command in ("show", "check"):
        result = ferry("partitions", command, path)
        assert "\x1b" not in result.out + result.err
    assert ferry("partitions", "show", path, "--json").json["partitions"][0]["label"] == "?[2J"


def findings(ferry, path, *options):
    return [(f["level"], f["text"]) for f in
            ferry("partitions", "check", path, *options, "--json").json["findings"]]


@pytest.mark.parametrize("text, word", [
    ("a,app,ota_0,,64K\nb,app,ota_1,,64K", "no data/ota"),
    ("o,data,ota,,8K\nf,app,factory,,64K", "there are none"),
    ("o,data,ota,,8K\na,app,ota_0,,64K", "no slot to update into"),
    ("o,data,ota,,8K\nf,app,factory,,64K\na,app,ota_0,,64K", "beside factory"),
    ("o,data,ota,,8K\na,app,ota_0,,64K\nb,app,ota_1,,1M", "differ in size"),
    ("o,data,ota,,8K\na,app,ota_0,,64K\nb,app,ota_2,,64K", "without gaps"),
    ("a,app,factory,,64K\nb,app,factory,,64K", "second app/factory"),
    ("n,data,nvs,,16K", "no app partition"),
    ("x,data,fat,,0x1001", "0x1001"),
    ("x,data,fat,,0", "no byte"),
    ("app,data,nvs,,16K", "named like a type"),
    ("ota_0,app,ota_1,,64K", "named like a subtype"),
    ("abcdefghijklmnop1,data,fat,,4K\nabcdefghijklmnop2,data,fat,,4K", "cut at 16"),
    ("", "empty"),
])
def test_check_warns_of_what_works_but_hardly_as_meant(ferry, csv, text, word):
    found = findings(ferry, csv(text))
    assert any(level == "warning" and word in text for level, text in found), found
    assert not any(level == "problem" for level, text in found)


def test_check_is_silent_on_a_table_without_fault(ferry, csv):
    path = csv("nvs,data,nvs,,16K\notadata,data,ota,,8K\nphy,data,phy,,4K\n"
               "ota_0,app,ota_0,,1984K\nota_1,app,ota_1,,1984K\n")
    assert findings(ferry, path, "--flash-size=4MB") == [
        ("note", "64 KB at 0x3f0000 lie free behind ota_1")]
    assert ferry.ok("partitions", "check", path).code == 0


def test_check_lists_every_broken_rule(ferry, csv):
    found = findings(ferry, csv("n,data,nvs,,8K\nf,app,ota_0,0x11000,0x10800\nn,data,fat,,4K\n"))
    assert sum(level == "problem" for level, text in found) == 4


def test_partition_outside_the_flash_is_found_where_the_tool_looks_elsewhere(ferry, csv, tmp_path):
    path = csv("a,app,ota_0,,0\nb,app,ota_1,,8M\n")
    built = ferry.ok("partitions", "build", path, "-o", tmp_path / "t.bin", "--flash-size=4MB")
    assert "b ends at 0x810000; the flash ends at 0x400000" in built.err
    assert any(level == "problem" and "bootloader" in text and "0x400000" in text
               for level, text in findings(ferry, path, "--flash-size=4MB"))


def test_check_warns_of_a_missing_md5_row(ferry, built):
    assert any("MD5" in text for level, text in findings(ferry, built(GOOD, "--disable-md5sum")))


def random_csv(rng):
    """A table that keeps the rules: kinds, sizes, flags and offsets, given or left open."""
    lines, used = [], set()
    for i in range(rng.randrange(1, 20)):
        kind = rng.choice(["app", "data", "0x40", "127", "0xfe"])
        subtype = (rng.choice(["factory", "test", f"ota_{rng.randrange(16)}", "0x21"])
                   if kind == "app" else rng.choice(["fat", "spiffs", "nvs", "phy", "0x99", "ota"])
                   if kind == "data" else str(rng.randrange(255)))
        if subtype == "ota" and "ota" in used:
            subtype = "phy"
        used.add(subtype)
        size = ("0x2000" if subtype == "ota" else rng.choice(["64K", "0x20000", "1M"])
                if kind == "app" else rng.choice(["12K", "0x3000", "20480", "1M"]))
        flags = "" if subtype == "ota" else rng.choice(["", "encrypted", "readonly",
                                                        "encrypted:readonly"])
        lines.append(f"part{i}, {kind}, {subtype}, , {size}, {flags}")
    return "\n".join(lines) + "\n"


def test_random_tables_survive_the_way_there_and_back(ferry, csv, tmp_path):
    rng = random.Random(20260321)
    first, text, second = (tmp_path / name for name in ("1.bin", "1.csv", "2.bin"))
    for _ in range(25):
        ferry.ok("partitions", "build", csv(random_csv(rng)), "-o", first)
        ferry.ok("partitions", "build", first, "-o", text)
        ferry.ok("partitions", "build", text, "-o", second)
        assert first.read_bytes() == second.read_bytes()


def test_standard_input_is_read(ferry):
    result = ferry("partitions", "show", "-", stdin="nvs,data,nvs,,16K\n")
    assert result.code == 0 and "standard input" in result.out
