"""Trusted keys configured: every update must be signed by one of them; nothing turns that off."""
import json
import subprocess

import images
import pytest
from conftest import Promise


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two key pairs: NAME.pem and NAME.pub."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout",
                        "-out", folder / f"{name}.pem"], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", folder / f"{name}.pem", "-pubout",
                        "-out", folder / f"{name}.pub"], check=True, capture_output=True)
    return folder


@pytest.fixture
def strict(make_device, keys):
    """A device that trusts `ours`."""
    device = make_device("--trusted-key", keys / "ours.pub")
    device.boot()
    return device


@pytest.fixture
def signed(ferry, keys, image_file, tmp_path):
    def sign(name):
        out = tmp_path / f"signed-{name}.bin"
        ferry.ok("image", "sign", image_file(), "--key", keys / f"{name}.pem", "-o", out)
        return out
    return sign


def test_signed_update_is_taken(strict, signed):
    assert strict.update(signed("ours"), "--boot").code == 0
    assert strict.status()["running"] == "ota_1"


@pytest.mark.parametrize("name, code", [(None, "FERRY_ERR_SIGNATURE_NONE"),
                                        ("theirs", "FERRY_ERR_SIGNATURE_KEY")])
def test_other_updates_are_refused(strict, signed, image_file, name, code):
    promise = Promise(strict)
    result = strict.update(signed(name) if name else image_file(), "--allow-downgrade",
                           "--allow-other-project", "--allow-pending", "--json")
    assert result.code == 1 and result.json["code"] == code, result
    promise.kept()


def test_changed_bit_is_refused(strict, signed):
    promise = Promise(strict)
    path = signed("ours")
    data = bytearray(path.read_bytes())
    data[-4096 - 1] ^= 1  # in the padding, which only the signature covers
    path.write_bytes(data)
    result = strict.update(path, "--json")
    assert result.json["code"] == "FERRY_ERR_SIGNATURE_BAD", result
    promise.kept()


def test_keys_of_a_dump_are_given(ferry, strict, signed, image_file, keys, tmp_path):
    dump = tmp_path / "dump.bin"
    dump.write_bytes(strict.flash)
    digest = strict.facts["trusted_keys"][0]
    for option in (("--trusted-key", keys / "ours.pub"), ("--trusted-key-digest", digest)):
        result = ferry.refused("update", dump, image_file(), *option, "--json")
        assert result.json["code"] == "FERRY_ERR_SIGNATURE_NONE"
    ferry.ok("update", dump, signed("ours"), "--trusted-key-digest", digest)


@pytest.mark.parametrize("value", ["ours", ["00"], ["g" * 64], [1], ["00" * 32] * 4])
def test_broken_list_of_keys_is_refused(strict, image_file, value):
    facts = strict.facts
    facts["trusted_keys"] = value
    (strict.path / "device.json").write_text(json.dumps(facts))
    result = strict.update(image_file(), "--json")
    assert result.json["code"] == "FERRY_ERR_DEVICE_JSON" and "trusted_keys" in result.json["error"]


# Secure boot: the bootloader asks for the signature too.

def test_secure_boot_starts_only_what_a_key_signed(ferry, strict, signed, keys, tmp_path):
    dump, secure = tmp_path / "dump.bin", ("--trusted-key", keys / "ours.pub", "--secure-boot=on")
    dump.write_bytes(strict.flash)  # ota_0 is not signed
    status = ferry.ok("status", dump, *secure, "--json").json
    assert status["next"] is None and status["secure_boot"] is True
    assert "secure boot on" in ferry.ok("status", dump, *secure).out
    result = ferry.refused("device", "boot", dump, *secure, "--json")
    assert result.json["code"] == "FERRY_ERR_NO_BOOT"
    assert ferry.ok("device", "boot", dump, "--json").json["booted"] == "ota_0"
    assert strict.update(signed("ours"), "--boot").code == 0
    dump.write_bytes(strict.flash)
    assert ferry.ok("status", dump, *secure, "--json").json["next"] != "ota_0"
    # It does not go back to what would not boot, as it would without secure boot.
    result = ferry.refused("reject", dump, "--running=ota_1", *secure, "--json")
    assert result.json["code"] == "FERRY_ERR_ROLLBACK_NONE"
    ferry.ok("reject", dump, "--running=ota_1", "--json")


def test_secure_boot_is_a_fact_of_the_device(ferry, strict, signed, keys, tmp_path):
    table = tmp_path / "table.bin"
    table.write_bytes(images.table(strict.rows))
    new = ["device", "new", tmp_path / "secure", "--chip=esp32c3", "--flash-size=1MB",
           "--partitions", table, "--secure-boot=on"]
    result = ferry(*new)
    assert result.code == 2 and "--trusted-key" in result.err
    new += ["--trusted-key", keys / "ours.pub"]
    result = ferry.refused(*new, "--app", f"ota_0={signed('theirs')}", "--json")
    assert result.json["code"] == "FERRY_ERR_SIGNATURE_KEY"
    ferry.ok(*new, "--app", f"ota_0={signed('ours')}")
    path = tmp_path / "secure/device.json"
    facts = json.loads(path.read_text())
    assert facts["secure_boot"] is True
    assert ferry.ok("device", "boot", tmp_path / "secure", "--json").json["booted"] == "ota_0"
    for broken in ({"trusted_keys": []}, {"secure_boot": 1}):
        path.write_text(json.dumps({**facts, **broken}))
        result = ferry.refused("status", tmp_path / "secure", "--json")
        assert result.json["code"] == "FERRY_ERR_DEVICE_JSON"
