"""Files on a device beside mp-image-tool-esp32's --fs, on MicroPython's own layout: what one writes
the other reads, command for command."""

import random

import pytest


def write_tree(folder, rng, n_files):
    """Random files in folder/tree; gives {path: content}."""
    files = {}
    for i in range(n_files):
        name = rng.choice(["", "lib/", "lib/deep/"]) + f"f{i}.py"
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        files[name] = rng.randbytes(rng.choice([0, 3, 128, 129, 400, 512, 5000]))
        path.write_bytes(files[name])
    return files


def read_tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def combined(flash, tmp_path):
    """The flash from the bootloader on, which is what the other tool works on."""
    with open(flash, "rb") as f:
        f.seek(0x1000)
        path = tmp_path / "combined.bin"
        path.write_bytes(f.read())
    return path


@pytest.mark.parametrize("seed", range(4))
def test_what_ferry_puts_the_other_tool_gets(ferry, mp_image_tool, combined, tmp_path, seed):
    files = write_tree(tmp_path, random.Random(seed), 15)
    ferry.ok("fs", "mkfs", combined)
    ferry.ok("fs", "put", combined, tmp_path / "tree", "/")
    mp_image_tool(combined, "--fs", "get", "tree", tmp_path / "out", cwd=tmp_path)
    assert read_tree(tmp_path / "out") == files


@pytest.mark.parametrize("seed", range(4))
def test_what_the_other_tool_puts_ferry_gets(ferry, mp_image_tool, combined, tmp_path, seed):
    files = write_tree(tmp_path, random.Random(100 + seed), 15)
    mp_image_tool(combined, "--fs", "mkfs", "vfs", cwd=tmp_path)
    mp_image_tool(combined, "--fs", "put", "tree", "/", cwd=tmp_path)
    ferry.ok("fs", "get", combined, "/tree", tmp_path / "out")
    assert read_tree(tmp_path / "out") == files
    listed = {e["path"] for e in ferry.ok("fs", "ls", "-R", combined, "--json").json["entries"]}
    assert listed >= {f"/tree/{name}" for name in files} | {"/boot.py"}
    ferry.ok("fs", "rm", "-r", combined, "tree")
    assert "tree" not in mp_image_tool(combined, "--fs", "ls", cwd=tmp_path)


def test_each_command_of_the_other_tool_has_one_here(ferry, mp_image_tool, combined, tmp_path):
    """In turns on one file: each step sees what the one before has done."""
    ferry.ok("fs", "mkfs", combined)
    (tmp_path / "main.py").write_text("print(5)\n")
    ferry.ok("fs", "put", combined, tmp_path / "main.py")
    assert "print(5)" in mp_image_tool(combined, "--fs", "cat", "main.py", cwd=tmp_path)
    mp_image_tool(combined, "--fs", "mkdir", "a/b", cwd=tmp_path)
    ferry.ok("fs", "mv", combined, "main.py", "a/b")
    mp_image_tool(combined, "--fs", "rename", "a/b/main.py", "a/boot.py", cwd=tmp_path)
    assert ferry.ok("fs", "cat", combined, "a/boot.py").out == "print(5)\n"
    ferry.ok("fs", "mkdir", combined, "c")
    mp_image_tool(combined, "--fs", "rm", "a", cwd=tmp_path)
    left = ferry.ok("fs", "ls", combined, "--json").json["entries"]
    assert [e["path"] for e in left] == ["/c"]
    space = ferry.ok("fs", "df", combined, "--json").json
    info = " ".join(mp_image_tool(combined, "--fs", "info", cwd=tmp_path).split())
    assert f"Blocks Total: {space['blocks']}" in info
    assert f"Blocks Used: {space['used_blocks']}" in info


def test_both_grow_a_file_system_to_its_partition(ferry, mp_image_tool, combined, tmp_path):
    small = tmp_path / "small.bin"
    ferry.ok("partitions", "edit", combined, "-o", small, "--resize=vfs=1M")
    ferry.ok("fs", "mkfs", small)
    ferry.ok("fs", "put", small, "-", "main.py", stdin="pass")
    ours, theirs = tmp_path / "ours.bin", tmp_path / "theirs.bin"
    for path in (ours, theirs):
        ferry.ok("partitions", "edit", small, "-o", path, "--resize=vfs=2M")
    ferry.ok("fs", "grow", ours)
    mp_image_tool(theirs, "--fs", "grow", "vfs", cwd=tmp_path)
    for path in (ours, theirs):
        assert ferry.ok("fs", "df", path, "--json").json["bytes"] == 2 << 20
        assert ferry.ok("fs", "cat", path, "main.py").out == "pass"
        assert "pass" in mp_image_tool(path, "--fs", "cat", "main.py", cwd=tmp_path)
