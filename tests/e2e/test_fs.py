"""ferry fs: what it writes is read by littlefs-python as a chip would read it, and the other way
round; what is refused has changed nothing; a kill costs no file."""
import os
import random
import re
import shlex
import shutil
import time
from pathlib import Path

import images
import pytest
from littlefs import LittleFS, UserContext

BLOCK = 4096
VFS_OFF, VFS_SIZE = 0xD0000, 0x30000
LEFTOVER = ".ferry-part"
PAGE = Path(__file__).resolve().parents[2] / "docs/fs.md"
# MicroPython's: caches of 128 bytes. A file in its folder's metadata has to fit into one.
CHIP = {"read_size": 32, "prog_size": 32, "cache_size": 128, "lookahead_size": 32,
        "block_cycles": 100}


def mount(image, **config):
    """The file system in the bytes of an image, mounted as a chip does."""
    context = UserContext(len(image))
    context.buffer[:] = image
    fs = LittleFS(context=context, block_size=BLOCK, block_count=len(image) // BLOCK,
                  mount=False, **{**CHIP, **config})  # else it formats what it cannot mount
    fs.mount()
    return fs


def make(files=None, size=VFS_SIZE, **config):
    """An image of littlefs-python with these files in it."""
    fs = LittleFS(block_size=BLOCK, block_count=size // BLOCK, **{**CHIP, **config})
    for name, content in (files or {}).items():
        if "/" in name:
            fs.makedirs(os.path.dirname(name), exist_ok=True)
        with fs.open(name, "wb") as f:
            f.write(content)
    fs.unmount()
    return bytes(fs.context.buffer)


def read_all(image, **config):
    """{path: content} of all files in an image."""
    fs = mount(image, **config)
    found = {}
    for root, _, names in fs.walk("/"):
        for name in names:
            path = f"{root.rstrip('/')}/{name}".lstrip("/")
            with fs.open(path, "rb") as f:
                found[path] = f.read()
    return found


def random_tree(rng, n_files):
    folders = ["", "lib/", "lib/deep/er/", "data/"]
    sizes = [0, 1, 127, 128, 129, 511, 512, 513, 4095, 4096, 4097, 12000]
    return {f"{rng.choice(folders)}f{i}.bin": rng.randbytes(rng.choice(sizes))
            for i in range(n_files)}


def write_tree(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def read_tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def formatted(device, ferry):
    ferry.ok("fs", "mkfs", device.path)
    return device


@pytest.mark.parametrize("seed", range(6))
def test_what_ferry_writes_a_chip_reads(ferry, formatted, tmp_path, seed):
    rng = random.Random(seed)
    first, second = random_tree(rng, 12), random_tree(rng, 8)
    ferry.ok("fs", "put", formatted.path, f"{write_tree(tmp_path / 'a', first)}/.", "/")
    assert read_all(formatted.part("vfs")) == first
    ferry.ok("fs", "put", formatted.path, f"{write_tree(tmp_path / 'b', second)}/.", "/")
    assert read_all(formatted.part("vfs")) == {**first, **second}
    gone = rng.sample(sorted({**first, **second}), 5)
    ferry.ok("fs", "rm", formatted.path, *gone)
    left = {n: c for n, c in {**first, **second}.items() if n not in gone}
    assert read_all(formatted.part("vfs")) == left
    ferry.ok("fs", "get", formatted.path, "/", tmp_path / "out")
    assert read_tree(tmp_path / "out") == left


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("config", [{}, {"cache_size": BLOCK, "read_size": BLOCK,
                                         "prog_size": BLOCK}, {"disk_version": 0x20000}],
                         ids=["chip", "whole-blocks", "2.0"])
def test_what_others_write_ferry_reads_and_changes(ferry, device, tmp_path, seed, config):
    files = random_tree(random.Random(100 + seed), 14)
    device.put("vfs", make(files, **config))
    before = device.flash
    ferry.ok("fs", "get", device.path, "/", tmp_path / "out")
    assert read_tree(tmp_path / "out") == files
    listed = ferry.ok("fs", "ls", "-R", device.path, "--json").json["entries"]
    assert {e["path"][1:]: e["bytes"] for e in listed if e["type"] == "file"} == {
        name: len(content) for name, content in files.items()}
    assert device.flash == before
    (tmp_path / "new").write_bytes(b"new" * 100)
    ferry.ok("fs", "put", device.path, tmp_path / "new", "lib/")
    assert read_all(device.part("vfs"), cache_size=BLOCK) == {**files, "lib/new": b"new" * 100}


@pytest.mark.parametrize("version,words", [(0x20000, "2.0"), (0x20001, "2.1")])
def test_a_change_keeps_the_version_that_firmware_mounts(ferry, device, tmp_path, version, words):
    device.put("vfs", make({"a": b"1"}, disk_version=version))
    (tmp_path / "b").write_bytes(b"2")
    ferry.ok("fs", "put", device.path, tmp_path / "b")
    assert ferry.ok("fs", "df", device.path, "--json").json["version"] == words
    assert read_all(device.part("vfs"), disk_version=version) == {"a": b"1", "b": b"2"}
    if version == 0x20000:
        ferry.ok("fs", "mkfs", device.path, "--force")
        assert ferry.ok("fs", "df", device.path, "--json").json["version"] == "2.0"


def test_the_time_of_a_file_is_where_micropython_looks(ferry, formatted, tmp_path):
    path = tmp_path / "main.py"
    path.write_text("x")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    ferry.ok("fs", "put", formatted.path, path)
    assert mount(formatted.part("vfs")).getattr("/main.py", 1) == (
        1_700_000_000 * 10**9).to_bytes(8, "little")
    listed = ferry.ok("fs", "ls", formatted.path)
    assert "2023-11-14 22:13" in listed.out


def test_put_goes_where_cp_would_put_it(ferry, formatted, tmp_path):
    tree = write_tree(tmp_path / "src", {"a": b"a", "sub/b": b"b"})

    def put(*words, **how):
        ferry.ok("fs", "put", formatted.path, *words, **how)
        now = read_all(formatted.part("vfs"))
        ferry.ok("fs", "mkfs", formatted.path, "--force")
        return now

    assert put(tree) == {"src/a": b"a", "src/sub/b": b"b"}
    assert put(f"{tree}/.", "/") == {"a": b"a", "sub/b": b"b"}
    assert put(tree, "new") == {"new/a": b"a", "new/sub/b": b"b"}
    assert put(tree / "a", "x/y") == {"x/y": b"a"}
    assert put(tree / "a", "x/") == {"x/a": b"a"}
    assert put(tree / "a", tree / "sub", "lib") == {"lib/a": b"a", "lib/sub/b": b"b"}
    assert put("-", "boot.py", stdin="hello") == {"boot.py": b"hello"}


def test_get_goes_where_cp_would_put_it(ferry, device, tmp_path):
    device.put("vfs", make({"a": b"a", "lib/b": b"b"}))
    here = tmp_path / "here"
    here.mkdir()
    ferry.ok("fs", "get", device.path, "lib", cwd=here)
    ferry.ok("fs", "get", device.path, "/a", "other", cwd=here)
    ferry.ok("fs", "get", device.path, "a", "lib/b", here)
    assert read_tree(here) == {"lib/b": b"b", "other": b"a", "a": b"a", "b": b"b"}
    assert ferry.ok("fs", "cat", device.path, "a", "lib/b").out == "ab"
    assert ferry("fs", "get", device.path, "a", "lib", here / "none").code == 2
    assert ferry("fs", "cat", device.path, "a", "--json").code == 2
    (here / "file").write_text("x")
    assert "exists" in ferry.refused("fs", "get", device.path, "lib", here / "file").err


def test_the_same_again_changes_nothing(ferry, formatted, tmp_path):
    tree = write_tree(tmp_path / "src", random_tree(random.Random(7), 10))
    ferry.ok("fs", "put", formatted.path, f"{tree}/.", "/")
    before = formatted.flash
    again = ferry.ok("fs", "put", formatted.path, f"{tree}/.", "/", "--json").json
    assert (again["files"], again["written"]) == (10, 0)
    assert ferry.ok("fs", "mkdir", formatted.path, "lib").code == 0
    assert formatted.flash == before


def test_names_are_made_moved_and_removed(ferry, device):
    device.put("vfs", make({"a": b"a", "lib/b": b"b", "lib/c/d": b"d"}))
    assert ferry.ok("fs", "mkdir", device.path, "x/y", "lib", "--json").json["made"] == 2
    ferry.ok("fs", "mv", device.path, "a", "x/y")
    ferry.ok("fs", "mv", device.path, "lib/c", "x/z")
    assert read_all(device.part("vfs")) == {"x/y/a": b"a", "lib/b": b"b", "x/z/d": b"d"}
    ferry.ok("fs", "rm", device.path, "x/y/a", "x/y")
    assert ferry.ok("fs", "rm", "-r", device.path, "x", "lib", "--json").json["removed"] == 5
    assert read_all(device.part("vfs")) == {}


@pytest.mark.parametrize("words,code,says", [
    (["rm", "lib"], "FERRY_ERR_FS_NOT_EMPTY", "--recursive"),
    (["rm", "-r", "/"], "FERRY_ERR_FS_NAME", "/"),
    (["rm", "a", "none"], "FERRY_ERR_FS_PATH", "/none"),
    (["mv", "a", "lib/b"], "FERRY_ERR_FS_EXISTS", "/lib/b"),
    (["mv", "lib", "lib/c"], "FERRY_ERR_FS_NAME", "/lib/c"),
    (["mv", "none", "x"], "FERRY_ERR_FS_PATH", "/none"),
    (["mkdir", "new", "a"], "FERRY_ERR_FS_EXISTS", "/a"),
    (["mkdir", "a/x"], "FERRY_ERR_FS_EXISTS", "/a"),
    (["ls", "../x"], "FERRY_ERR_FS_NAME", "leads out"),
    (["cat", "lib"], "FERRY_ERR_FS_IS_FOLDER", "/lib"),
    (["cat", "a/x"], "FERRY_ERR_FS_NOT_FOLDER", "/a/x"),
    (["put", "-", "lib/b/c"], "FERRY_ERR_FS_NOT_FOLDER", "/lib/b"),
    (["put", "-", "n" * 256], "FERRY_ERR_FS_NAME", "256 bytes are too long; the limit is 255"),
    (["grow", "8K"], "FERRY_ERR_FS_SIZE", "196,608"),
    (["grow", "1M"], "FERRY_ERR_FS_SIZE", "1,048,576"),
    (["mkfs"], "FERRY_ERR_FS_EXISTS", "--force"),
    (["mkfs", "--partition=nvs", "--force"], "FERRY_ERR_FLASH_PROTECTED", "nvs"),
    (["ls", "--partition=none"], "FERRY_ERR_NOT_FOUND", "none"),
    (["ls", "--partition=ota_0"], "FERRY_ERR_FS_NONE", "ota_0"),
])
def test_what_is_refused_changes_nothing(ferry, device, words, code, says):
    device.put("vfs", make({"a": b"a", "lib/b": b"b"}))
    before = device.flash
    result = ferry.refused("fs", words[0], device.path, *words[1:], stdin="text")
    assert says in result.err
    if words[0] != "cat":
        as_json = ferry("fs", words[0], device.path, *words[1:], "--json", stdin="text").json
        assert (as_json["ok"], as_json["code"]) == (False, code)
    assert device.flash == before


def test_what_does_not_fit_changes_nothing(ferry, formatted, tmp_path):
    tree = write_tree(tmp_path / "src", {f"f{i}": b"x" * 60000 for i in range(3)})
    before = formatted.flash
    (tree / "f4").write_bytes(bytes(15000))
    full = ferry("fs", "put", formatted.path, tree, "--json").json
    assert full["code"] == "FERRY_ERR_FS_FULL" and full["value"] and full["limit"]
    (tree / "f5").write_bytes(bytes(10**6))
    assert "196,608" in ferry.refused("fs", "put", formatted.path, tree).err
    assert formatted.flash == before


def spiffs(size):
    """The mark that each block of a SPIFFS ends its first page with."""
    image = bytearray(b"\xff" * size)
    for block in range(size // BLOCK):
        mark = (0x20140529 ^ 256 ^ (size // BLOCK - block)) & 0xFFFF
        image[block * BLOCK + 252:block * BLOCK + 254] = mark.to_bytes(2, "little")
    return bytes(image)


FAT = b"\xeb\xfe\x90MSDOS5.0\x00\x10\x01" + bytes(496) + b"\x55\xaa"


@pytest.mark.parametrize("content,says", [
    (FAT, "a FAT file system"), (b"\xff" * BLOCK + FAT, "a FAT file system"),
    (spiffs(VFS_SIZE), "a SPIFFS"), (b"\xff" * VFS_SIZE, "mkfs"), (b"what?", "not known")],
    ids=["fat", "fat-with-wear-levelling", "spiffs", "erased", "unknown"])
def test_what_is_no_littlefs_is_named(ferry, device, content, says):
    device.put("vfs", content)
    assert says in ferry.refused("fs", "ls", device.path).err


def test_a_damaged_one_is_an_error_and_stays(ferry, device):
    good = make({"a": b"a" * 5000, "b": b"b"})
    blank = bytes(BLOCK - 32)
    device.put("vfs", good[:32] + blank + good[BLOCK:BLOCK + 32] + blank)
    before = device.flash
    for words in (["ls"], ["put"], ["df"]):
        args = [device.path, "-", "x"] if words == ["put"] else [device.path]
        result = ferry("fs", *words, *args, "--json", stdin="x").json
        assert result["code"] in ("FERRY_ERR_FS_DAMAGED", "FERRY_ERR_FS_VERSION"), result
    assert device.flash == before


def test_it_grows_to_its_partition_and_never_shrinks(ferry, device, tmp_path):
    files = random_tree(random.Random(3), 10)
    device.put("vfs", make(files, size=0x20000))
    space = ferry.ok("fs", "df", device.path, "--json").json
    assert (space["bytes"], space["partition_bytes"]) == (0x20000, VFS_SIZE)
    assert "fs grow" in ferry.ok("fs", "df", device.path).out
    assert ferry.ok("fs", "grow", device.path, "160K", "--json").json["bytes"] == 0x28000
    grown = ferry.ok("fs", "grow", device.path, "--json").json
    assert (grown["before_bytes"], grown["bytes"]) == (0x28000, VFS_SIZE)
    assert read_all(device.part("vfs")) == files
    big = tmp_path / "big"
    big.write_bytes(os.urandom(VFS_SIZE - 0x20000))
    ferry.ok("fs", "put", device.path, big)
    assert read_all(device.part("vfs"))["big"] == big.read_bytes()


def test_resize_and_grow_keep_the_files(ferry, device, tmp_path):
    files = random_tree(random.Random(4), 10)
    device.put("vfs", make(files))
    dump, larger = tmp_path / "dump.bin", tmp_path / "larger.bin"
    dump.write_bytes(device.flash)
    ferry.ok("partitions", "edit", dump, "-o", larger, "--flash-size=2M", "--resize=vfs=1M")
    grown = ferry.ok("fs", "grow", larger, "--json").json
    assert (grown["before_bytes"], grown["bytes"]) == (VFS_SIZE, 0x100000)
    image = tmp_path / "vfs.img"
    ferry.ok("partitions", "read", larger, "vfs", image)
    assert read_all(image.read_bytes()) == files


def test_one_that_is_larger_than_its_partition_is_refused(ferry, device):
    device.put("vfs", make({"a": b"a"}, size=0x80000)[:VFS_SIZE])
    result = ferry("fs", "ls", device.path, "--json").json
    assert (result["code"], result["value"], result["limit"]) == (
        "FERRY_ERR_FS_SIZE", 0x80000, VFS_SIZE)


def test_a_file_that_is_nothing_else_is_taken_too(ferry, tmp_path):
    image = tmp_path / "fs.img"
    image.write_bytes(make({"a": b"a"}))
    assert ferry.ok("fs", "cat", image, "a").out == "a"
    image.write_bytes(b"\xff" * 0x10000)
    ferry.refused("fs", "mkfs", image)
    ferry.ok("fs", "mkfs", "--image", image)
    ferry.ok("fs", "put", image, "-", "x", stdin="y")
    assert read_all(image.read_bytes()) == {"x": b"y"}


@pytest.mark.parametrize("block", [8192, 16384])
def test_blocks_of_another_size_are_found_out(ferry, tmp_path, block):
    fs = LittleFS(block_size=block, block_count=12)
    with fs.open("a", "wb") as f:
        f.write(b"a" * 30000)
    image = tmp_path / "fs.img"
    image.write_bytes(fs.context.buffer)
    assert ferry.ok("fs", "df", image, "--json").json["block_bytes"] == block
    assert ferry.ok("fs", "cat", image, "a").out == "a" * 30000


def test_which_partition_is_meant(ferry, make_device):
    rows = [*images.TWO_SLOTS[:-1], ("vfs", 1, 0x81, 0xD0000, 0x10000),
            ("files", 1, 0x83, 0xE0000, 0x20000)]
    device = make_device(rows=rows)
    assert ferry.refused("fs", "ls", device.path, "--json").json["partition"] == "vfs"
    device.put("files", make({"here": b""}, size=0x20000))
    listed = ferry.ok("fs", "ls", device.path, "--json").json
    assert listed["partition"] == "files" and listed["entries"][0]["path"] == "/here"
    assert ferry.ok("fs", "mkfs", device.path, "--json").json["partition"] == "vfs"
    assert ferry.ok("fs", "ls", device.path, "--json").json["partition"] == "vfs"
    assert ferry.ok("fs", "ls", device.path, "--partition=files").out.split()[-6:]


def test_a_merged_image_grows_as_far_as_is_needed(ferry, device, tmp_path):
    merged = tmp_path / "merged.bin"
    boot = images.app(chip="esp32c3", size=3000)
    before = (boot + device.flash[len(boot):0xA0000]).rstrip(b"\xff")
    merged.write_bytes(before)
    ferry.ok("fs", "mkfs", merged)
    ferry.ok("fs", "put", merged, "-", "main.py", stdin="pass")
    assert ferry.ok("fs", "cat", merged, "main.py").out == "pass"
    assert merged.read_bytes()[:VFS_OFF].rstrip(b"\xff") == before
    assert VFS_OFF < merged.stat().st_size < VFS_OFF + VFS_SIZE


def run_and_kill(ferry, words, delay_s):
    """Starts it, and takes its power after delay_s."""
    process = ferry.start(*words)
    time.sleep(delay_s)
    process.kill()
    process.communicate(timeout=60)


def test_a_kill_costs_no_file(ferry, formatted, tmp_path):
    """Twenty kills at random moments of a put of many files: the file system mounts, each file has
    its old content or the new one, and the next put finishes the job."""
    rng = random.Random(20261121)
    old = random_tree(rng, 16)
    new = {name: rng.randbytes(rng.choice([10, 200, 5000])) for name in old}
    new.update({f"new/n{i}": rng.randbytes(700) for i in range(16)})
    before, after = write_tree(tmp_path / "old", old), write_tree(tmp_path / "new", new)
    ferry.ok("fs", "put", formatted.path, f"{before}/.", "/")
    flash = formatted.path / "flash.bin"
    start = tmp_path / "start.bin"
    shutil.copy(flash, start)
    put = ["fs", "put", formatted.path, f"{after}/.", "/"]
    began = time.monotonic()
    ferry.ok(*put)
    took = time.monotonic() - began
    n_between = 0
    for _ in range(20):
        shutil.copy(start, flash)
        run_and_kill(ferry, put, rng.uniform(0.1, 1.0) * took)
        now = read_all(formatted.part("vfs"))
        now = {name: c for name, c in now.items() if os.path.basename(name) != LEFTOVER}
        for name in old:
            assert now[name] in (old[name], new[name]), name
        for name in now.keys() - old.keys():
            assert now[name] == new[name], name
        n_between += now not in (old, new)
        assert formatted.flash[:VFS_OFF] == start.read_bytes()[:VFS_OFF]
        ferry.ok(*put)
        assert read_all(formatted.part("vfs")) == new
    assert n_between >= 3, "no kill came in the middle"


def test_a_cut_move_hides_nothing_from_ferry(ferry, tmp_path):
    """The flash at every operation of a move between folders, as the library does it: ferry lists
    each file that was there, the moved one under one of its names."""
    class Recorder(UserContext):
        """Notes what is done to the flash."""

        def __init__(self, n):
            super().__init__(n)
            self.log = []

        def prog(self, cfg, block, off, data):
            self.log.append((block * BLOCK + off, bytes(data)))
            return super().prog(cfg, block, off, data)

        def erase(self, cfg, block):
            self.log.append((block * BLOCK, b"\xff" * BLOCK))
            return super().erase(cfg, block)

    start = make({"a/moves": b"1", "a/stays": b"2", "b/x": b"3"})
    context = Recorder(len(start))
    context.buffer[:] = start
    fs = LittleFS(context=context, block_size=BLOCK, block_count=len(start) // BLOCK, mount=False,
                  **CHIP)
    fs.mount()
    fs.rename("a/moves", "b/moved")
    image, path = bytearray(start), tmp_path / "fs.img"
    for offset, data in context.log:
        image[offset:offset + len(data)] = data
        path.write_bytes(image)
        listed = ferry.ok("fs", "ls", "-R", path, "--json").json["entries"]
        now = {e["path"] for e in listed if e["type"] == "file"}
        assert now in ({"/a/moves", "/a/stays", "/b/x"}, {"/b/moved", "/a/stays", "/b/x"})


def test_every_example_of_the_page_works(ferry, tmp_path):
    text = PAGE.read_text()
    (tmp_path / "parts.csv").write_text(re.search(r"```csv\n(.*?)```", text, re.S)[1])
    (tmp_path / "config.json").write_text("{}")
    write_tree(tmp_path / "src", {"main.py": b"print(1)\n", "app/a.py": b"a"})
    lines = re.findall(r"^    ferry (.+?)(?:\s+#.*)?$", text, re.M)
    assert len(lines) >= 18
    said = {line: ferry.ok(*shlex.split(line), cwd=tmp_path).out for line in lines}
    assert said["fs cat dev main.py"] == "print(1)\n"
    assert "0 written" in said["fs put dev src/. /"]
    assert (tmp_path / "backup/lib/config.json").read_text() == "{}"
    assert (tmp_path / "config.json").read_text() == "{}"
    assert "2,097,152" in said["fs df big.bin"]
