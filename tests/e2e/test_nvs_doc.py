"""docs/nvs.md: each line of its examples does what the page says, in the order it stands there."""
import re
import shlex
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/nvs.md"
PARTITIONS = "nvs, data, nvs, 0x9000, 0x6000\nfactory, app, factory, 0x10000, 1M\n"


@pytest.fixture
def folder(tmp_path):
    """What the page takes to be there."""
    table = re.search(r"```csv\n(.*?)```", PAGE.read_text(), re.S)
    (tmp_path / "nvs.csv").write_text(table[1])
    (tmp_path / "parts.csv").write_text(PARTITIONS)
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    return tmp_path


def test_every_example_of_the_page_works(ferry, folder):
    lines = re.findall(r"^    ferry (.+?)(?:\s+#.*)?$", PAGE.read_text(), re.M)
    assert len(lines) > 12
    said = {line: ferry.ok(*shlex.split(line), cwd=folder).out for line in lines}
    assert said["nvs get nvs.bin app boots"] == "7\n"
    assert "secret99" not in said["nvs list nvs.bin"]
    assert "secret99" in said["nvs list nvs.bin --show-secrets --json"]
    assert (folder / "id.bin").read_bytes() == bytes.fromhex("0badcafe")
    assert b"secret99" not in (folder / "nvs.bin").read_bytes()
    assert "CERTIFICATE" not in said["nvs list dev"] and "mtls_auth" in said["nvs list dev"]
    assert b"my net" in (folder / "plain.bin").read_bytes()


def test_what_it_says_of_secrets_is_what_help_says(ferry):
    words = "key, pass, pswd, pwd, apsw, psk, pmk, pin, secret, token, cred"
    assert words in " ".join(PAGE.read_text().split())
    assert words in " ".join(ferry.ok("help", "nvs", "list").out.split())
