"""The examples that --help prints, those with which the README begins, and those of docs/doctor.md:
each line is run by a shell as it stands there, in a folder with the files that it names."""
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import images
import pytest
from fault_server import FaultServer
from images import APP, DATA

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/doctor"))
import patients

SERVER = "https://example.com/"
ROWS = [("nvs", DATA, 2, 0x9000, 0x4000), ("otadata", DATA, 0, 0xD000, 0x2000),
        ("phy_init", DATA, 1, 0xF000, 0x1000), ("factory", APP, 0, 0x10000, 0x80000),
        ("ota_0", APP, 0x10, 0x90000, 0x80000), ("ota_1", APP, 0x11, 0x110000, 0x80000),
        ("coredump", DATA, 3, 0x190000, 0x10000), ("vfs", DATA, 0x81, 0x1A0000, 0x60000)]
ONE_APP = [("nvs", DATA, 2, 0x9000, 0x6000), ("phy_init", DATA, 1, 0xF000, 0x1000),
           ("factory", APP, 0, 0x10000, 0x1F0000), ("vfs", DATA, 0x81, 0x200000, 0x200000)]
TWO_SLOTS = [*ROWS[:3], ("ota_0", APP, 0x10, 0x10000, 0x180000),
             ("ota_1", APP, 0x11, 0x190000, 0x180000), ("vfs", DATA, 0x81, 0x310000, 0xF0000)]
COMMANDS = ["device new", "device boot", "status", "doctor", "image info", "image verify",
            "image extract", "image merge", "image flash", "image build", "image sign",
            "partitions show", "partitions build", "partitions check", "partitions edit",
            "partitions layouts", "partitions read", "partitions write", "partitions erase",
            "slots switch", "slots read", "slots write", "slots erase", "otadata read",
            "otadata erase"]
# Lines for which a file is another one than for the rest: an ELF for another chip, say.
INSTEAD = {
    r"image merge --chip esp32 ": ("boot.bin", "boot-esp32.bin"),
    r"image merge --chip esp32c3 ": ("boot.bin", "bootloader.bin"),
    r"--chip=esp32s3": ("app.elf", "app-esp32s3.elf"),
    r"--offset 0x10000": ("dump.bin", "table-at-0x10000.bin"),
    r"status dump.bin --chip esp32": ("dump.bin", "dump-esp32.bin"),
    r"--key release.pub": ("app.bin", "app-signed.bin"),
    r"ferry doctor dump.bin$": ("dump.bin", "broken.bin"),
}


def merged(rows, app):
    boot = patients.bootloader(size_code=2)
    return images.dump({"factory": app}, rows, size=4 << 20, bootloader=boot)[:0x10000 + len(app)]


def make_images(ferry, folder):
    v1, v2 = images.app(version="1.0.0"), images.app(version="2.0.0", seed=2)
    boot = patients.bootloader(size_code=2)
    files = {"app.bin": v2, "v1.bin": v1, "boot.bin": boot, "firmware.bin": merged(ONE_APP, v1),
             "merged.bin": merged(ONE_APP, v1), "bootloader.bin": boot,
             "boot-esp32.bin": patients.bootloader("esp32"), "table.bin": images.table(ROWS),
             "nvs.bin": b"\xff" * 0x4000, "files.img": b"f" * 5000, "phy.bin": b"p" * 200,
             "main.py": b"print(1)\n"}
    slots = {"factory": v1, "ota_0": v1, "ota_1": v2}
    dump = images.dump(slots, ROWS, size=4 << 20, bootloader=boot)
    files["dump.bin"] = dump
    files["broken.bin"] = dump[:0xD000] + images.otadata(images.entry(3, 2, crc=7)) + dump[0xF000:]
    files["two-slots.bin"] = images.dump({"ota_0": v1}, TWO_SLOTS, size=4 << 20, bootloader=boot)
    files["table-at-0x10000.bin"] = dump[:0x8000] + b"\xff" * 0x8000 + \
        images.table([r for r in ROWS if r[3] > 0x10000]).ljust(0x80000, b"\xff") + dump[0x90000:]
    slots = {label: images.app(chip="esp32") for label in slots}
    files["dump-esp32.bin"] = images.dump(slots, ROWS, size=4 << 20, chip="esp32")
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def bench(ferry, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    make_images(ferry, folder)
    with tarfile.open(ROOT / "tests/vectors/E_images.tar.gz") as tar:
        for name, chip in (("app.elf", "esp32c3"), ("app-esp32s3.elf", "esp32s3")):
            content = tar.extractfile(f"E_images/{chip}_plain.elf").read()
            (folder / name).write_bytes(content)
    for key in ("second", "release"):
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                        folder / f"{key}.pem"], check=True, timeout=30)
    subprocess.run(["openssl", "pkey", "-in", folder / "release.pem", "-pubout", "-out",
                    folder / "release.pub"], check=True, timeout=30)
    ferry.ok("image", "sign", "app.bin", "--key=release.pem", "-o", "app-signed.bin", cwd=folder)
    for name in ("parts.csv", "partitions.csv"):
        ferry.ok("partitions", "build", "table.bin", "-o", name, cwd=folder)
    ferry.ok("device", "new", "twin", "--chip=esp32c3", "--flash-size=4MB",
             "--partitions=parts.csv", "--app=factory=v1.bin", "--app=ota_0=v1.bin",
             "--app=ota_1=app.bin", "--bootloader=bootloader.bin", cwd=folder)
    ferry.ok("device", "boot", "twin", cwd=folder)
    return folder


def shell(ferry, folder, line):
    """Runs the line. Where a terminal would be asked, yes is the answer."""
    if re.search(r"--(repair|undo|downgrade)\b", line) and "--dry-run" not in line:
        line += " --yes"
    path = f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    (folder / "bin").mkdir(exist_ok=True)
    if not (folder / "bin/ferry").exists():
        (folder / "bin/ferry").symlink_to(ferry.path)
    return subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], cwd=folder, check=False,
                          text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, env={"PATH": path})


def worked(line, done):
    """The doctor also says by its exit code that something was found."""
    found = line.startswith("ferry doctor") and "findings that are not repaired" in done.stdout
    return done.returncode == (1 if found else 0)


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_of_the_help(ferry, bench, tmp_path, name):
    folder = tmp_path / "work"
    shutil.copytree(bench, folder)
    if name != "device new":
        (folder / "twin").rename(folder / "dev")
    table = ferry.ok("help", "--format=json").json["commands"]
    lines = [e["line"] for e in next(c for c in table if c["name"] == name)["examples"]]
    assert lines
    for line in lines:
        if "/dev/ttyUSB0" in line:
            continue  # tests/interop/test_serial_port.py
        for part, (file, other) in INSTEAD.items():
            if re.search(part, line):
                shutil.copy(folder / other, folder / file)
        if name == "device new":
            shutil.rmtree(folder / "dev", ignore_errors=True)
        done = shell(ferry, folder, line)
        assert worked(line, done), (line, done.stdout)
    if name == "image extract":
        assert (folder / "firmware-factory.bin").read_bytes() == (folder / "v1.bin").read_bytes()
    if name == "doctor":
        assert (folder / "dump.bin").read_bytes() == (folder / "broken.bin").read_bytes()


def lines_of(page, heading):
    """The ferry lines in the section that begins with that heading, without what explains them."""
    text = (ROOT / page).read_text().split(f"{heading}\n")[1].split("\n#")[0]
    return [line.split("  #")[0].strip() for line in re.findall(r"^    (ferry .*)$", text, re.M)]


def test_readme_begins_with_what_works(ferry, bench, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(bench, folder)
    parts = folder / "parts.csv"
    parts.write_text(ferry.ok("partitions", "layouts", "esp-hal").out)
    shutil.copy(folder / "two-slots.bin", folder / "dump.bin")
    ferry.ok("fs", "mkfs", "dump.bin", "--chip=esp32c3", "--force", cwd=folder)
    v3 = images.app(version="3.0.0", seed=3)
    with FaultServer({"v2.bin": v3, "v2.json": b""}) as server:
        server.files["v2.json"] = json.dumps(
            {"firmware": server.url("ok/v2.bin"), "sha": hashlib.sha256(v3).hexdigest(),
             "length": len(v3)}).encode()
        lines = lines_of("README.md", "## What one types first")
        assert len(lines) >= 14
        for line in lines:
            done = shell(ferry, folder, line.replace(SERVER, server.url("ok/")))
            assert done.returncode == 0, (line, done.stdout)


def test_page_of_the_doctor_begins_with_what_works(ferry, bench, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(bench, folder)
    shutil.copy(folder / "broken.bin", folder / "dump.bin")
    lines = lines_of("docs/doctor.md", "# The doctor")
    assert len(lines) == 6
    for line in lines:
        done = shell(ferry, folder, line)
        assert worked(line, done), (line, done.stdout)
