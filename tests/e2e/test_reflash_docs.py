"""The examples of docs/reflash.md are run as they stand there. Each block of the page begins with
the device as it was; migrate.json is the page's own plan file."""
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from fault_server import FaultServer
from reflash_bench import Bench, noise

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reflash.md").read_text()
BLOCKS = re.findall(r"(?:^    ferry .*\n)+", PAGE, re.MULTILINE)
SERVER = "https://fw.example.com/"


@pytest.fixture
def bench(ferry, tmp_path):
    made = Bench(ferry, tmp_path)
    for name, like in (("app.bin", "v2.bin"), ("bootloader.bin", "boot2.bin")):
        shutil.copy(tmp_path / like, tmp_path / name)
    (tmp_path / "mcuboot.bin").write_bytes(noise(0x8800, 11))
    (tmp_path / "dump.bin").write_bytes(made.flash)
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                    tmp_path / "ours.pem"], check=True, timeout=30)
    files = {name: (tmp_path / name).read_bytes() for name in ("app.bin", "fs.bin")}
    with FaultServer(files) as server:
        made.origin = server.url("ok/")
        plan = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]
        (tmp_path / "migrate.json").write_text(plan.replace(SERVER, made.origin))
        yield made


def run(bench, line):
    words = shlex.split(line.replace(SERVER, bench.origin))
    assert words[0] == "ferry"
    return bench.ferry(*words[1:], cwd=bench.folder)


def test_page_has_its_examples():
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_examples_of_the_page_work(bench, block):
    for line in block.splitlines():
        result = run(bench, line.strip())
        assert result.code == 0, (line, result)


def test_example_of_the_demo_is_read(bench, ferry, tmp_path):
    result = bench.reflash("plan", ROOT / "examples/reflash/larger-slots.json")
    assert result.code == 1 and "flash" in result.json["error"], result
