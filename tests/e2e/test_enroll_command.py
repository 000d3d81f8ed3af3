"""What `ferry enroll` writes and refuses without a server. With one: tests/server/test_updater."""

import images
import pytest

PIN, TOKEN = "5a" * 32, "0123456789abcdef0123456789abcdef"
JOIN = f"ferry1:https://updates.example.com:8443#{PIN}#{TOKEN}#pump-17"
ROWS = [("nvs", 1, 2, 0x9000, 0x4000), ("otadata", 1, 0, 0xD000, 0x2000),
        ("ferry_nvs", 1, 2, 0x10000, 0x4000), ("nvs_keys", 1, 4, 0x14000, 0x1000),
        ("ota_0", 0, 0x10, 0x20000, 0x20000), ("ota_1", 0, 0x11, 0x40000, 0x20000)]


@pytest.fixture
def device(ferry, tmp_path):
    return new_device(ferry, tmp_path, ROWS)


def new_device(ferry, folder, rows):
    (folder / "table.bin").write_bytes(images.table(rows))
    ferry.ok("device", "new", folder / "dev", "--chip=esp32c3", "--flash-size=1MB",
             "--partitions", folder / "table.bin")
    return folder / "dev"


def kept(ferry, device, key):
    return ferry.ok("nvs", "get", device, "mtls_auth", key,
                    "--partition=ferry_nvs").out.rstrip("\n")


def test_offline_it_writes_all_that_the_device_needs(ferry, device, tmp_path):
    (tmp_path / "join.txt").write_text(JOIN + "\n")
    done = ferry.ok("enroll", device, f"@{tmp_path / 'join.txt'}", "--offline", "--project=pump",
                    "--wifi-ssid=workshop", "--wifi-password-file=-", "--json",
                    stdin="correct horse\n").json
    assert done["partition"] == "ferry_nvs" and done["encrypted"] and "id" not in done
    want = {"url": "https://updates.example.com:8443", "pin": PIN, "token": TOKEN, "id": "pump-17",
            "project": "pump", "wifi_ssid": "workshop", "wifi_pass": "correct horse"}
    assert {key: kept(ferry, device, key) for key in want} == want
    flash = (device / "flash.bin").read_bytes()
    for secret in (TOKEN, "correct horse"):
        assert secret.encode() not in flash


@pytest.mark.parametrize(("words", "names"), [
    ([JOIN.replace("https", "http")], "https"),
    ([JOIN.replace(PIN, PIN[:-1])], "64 hex digits"),
    ([JOIN.split("#")[0]], "second part"),
    ([JOIN, "--project=" + 32 * "p"], "1 to 31 bytes, not 32"),
    ([JOIN, "--wifi-ssid=" + 33 * "w"], "1 to 32 bytes, not 33"),
    ([JOIN, "--wifi-ssid="], "1 to 32 bytes, not 0"),
    ([JOIN, "--wifi-password-file=-"], "at most 64"),
])
def test_refusal_writes_nothing_and_quotes_no_token(ferry, device, words, names):
    before = (device / "flash.bin").read_bytes()
    refused = ferry.refused("enroll", device, *words, "--offline", stdin=65 * "s")
    assert names in refused.err and TOKEN not in refused.err
    assert (device / "flash.bin").read_bytes() == before


def test_device_without_nvs_is_told(ferry, tmp_path):
    device = new_device(ferry, tmp_path, [row for row in ROWS if row[2] not in (2, 4)])
    assert "no partition ferry_nvs or nvs" in ferry.refused("enroll", device, JOIN).err


def test_server_that_is_away_costs_no_token(ferry, device):
    """It is tried again at the device's next start."""
    join = JOIN.replace("https://updates.example.com:8443", "https://127.0.0.1:1")
    assert "cannot connect to https://127.0.0.1:1" in ferry.refused("enroll", device, join).err
    assert kept(ferry, device, "token") == TOKEN


def test_agent_says_what_it_lacks(ferry, device):
    for words, names in ((["agent"], "which DEVICE"), (["agent", "--fleet=3"], "--join"),
                         (["agent", device / "flash.bin"], "directory of a virtual device")):
        refused = ferry(*words)
        assert refused.code == 2 and names in refused.err, refused
