"""espsecure judges what ferry signs, and ferry what espsecure signs. Keys are openssl's, made anew
in every run."""

import random
import subprocess

import pytest
from conftest import VENV, tool

BLOCK, SECTOR = 1216, 4096
CRC = range(1196, 1200)
# scheme: how openssl makes the key, and where in a block the signature lies
SCHEMES = {
    "rsa3072": (("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"), range(812, 1196)),
    "p192": (("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-192"), range(101, 149)),
    "p256": (("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), range(101, 165)),
    "p384": (("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"), range(149, 245)),
}


def run(*words):
    done = subprocess.run([str(word) for word in words], check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


class Key:
    def __init__(self, folder, name, options):
        self.private, self.public = folder / f"{name}.pem", folder / f"{name}.pub"
        for words in (("genpkey", *options, "-out", self.private),
                      ("pkey", "-in", self.private, "-pubout", "-out", self.public)):
            code, said = run("openssl", *words)
            assert code == 0, said


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two of each scheme: keys["p256"][1]."""
    folder = tmp_path_factory.mktemp("keys")
    return {scheme: [Key(folder, f"{scheme}-{i}", options) for i in range(2)]
            for scheme, (options, _) in SCHEMES.items()}


@pytest.fixture(scope="session")
def image(demo):
    return demo / "demo-1.1.0.bin"


def espsecure_takes(key, image):
    code, _ = run(VENV / "espsecure", "verify-signature", "--version", "2",
                  "--keyfile", key.public, image)
    return code == 0


def ferry_takes(ferry, key, image):
    result = ferry("image", "verify", image, "--key", key.public)
    assert result.code in (0, 1), result
    return result.code == 0


def espsecure_signs(key, image, out, *options):
    tool("espsecure")("sign-data", "--version", "2", *options, "--keyfile", key.private,
                      "--output", out, image)
    return out


def ferry_signs(ferry, key, image, out, *options):
    ferry.ok("image", "sign", image, "--key", key.private, *options, "-o", out)
    return out


def flipped(image, at, out):
    data = bytearray(image.read_bytes())
    data[at] ^= 1 << random.Random(at).randrange(8)
    out.write_bytes(data)
    return out


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_ferry_signs_espsecure_accepts(ferry, keys, image, tmp_path, scheme):
    right, wrong = keys[scheme]
    signed = ferry_signs(ferry, right, image, tmp_path / "ours.bin")
    assert espsecure_takes(right, signed) and ferry_takes(ferry, right, signed)
    assert not espsecure_takes(wrong, signed) and not ferry_takes(ferry, wrong, signed)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_espsecure_signs_ferry_accepts(ferry, keys, image, tmp_path, scheme):
    right, wrong = keys[scheme]
    signed = espsecure_signs(right, image, tmp_path / "theirs.bin")
    assert ferry_takes(ferry, right, signed) and not ferry_takes(ferry, wrong, signed)
    verified = ferry.ok("image", "verify", signed, "--key", right.public, "--json").json
    assert verified["image_len"] == signed.stat().st_size and verified["esp_err"] == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_but_signature_and_crc_is_the_same(ferry, keys, image, tmp_path, scheme):
    key = keys[scheme][0]
    ours = ferry_signs(ferry, key, image, tmp_path / "ours.bin").read_bytes()
    theirs = espsecure_signs(key, image, tmp_path / "theirs.bin").read_bytes()
    assert len(ours) == len(theirs)
    start = len(ours) - SECTOR
    differ = {i - start for i in range(len(ours)) if ours[i] != theirs[i]}
    assert differ and differ <= {*SCHEMES[scheme][1], *CRC}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_flipped_bit_is_refused_by_both(ferry, keys, image, tmp_path, scheme):
    key = keys[scheme][0]
    signed = ferry_signs(ferry, key, image, tmp_path / "signed.bin")
    start = signed.stat().st_size - SECTOR
    signature = SCHEMES[scheme][1]
    places = (100, image.stat().st_size - 1, start - 1, start, start + 1, start + 20, start + 60,
              start + signature[0], start + signature[-1], start + CRC[0])
    for at in places:
        bad = flipped(signed, at, tmp_path / "bad.bin")
        assert not espsecure_takes(key, bad), at
        assert not ferry_takes(ferry, key, bad), at


@pytest.mark.parametrize("scheme", SCHEMES)
def test_key_digest_is_that_of_efuses(ferry, keys, image, tmp_path, scheme):
    key = keys[scheme][0]
    tool("espsecure")("digest-sbv2-public-key", "--keyfile", key.public,
                      "--output", tmp_path / "digest")
    digest = (tmp_path / "digest").read_bytes().hex()
    signed = espsecure_signs(key, image, tmp_path / "signed.bin")
    (found,) = ferry.ok("image", "info", signed, "--json").json["signatures"]
    assert found["key_digest"] == digest
    ferry.ok("image", "verify", signed, "--key-digest", digest)
    ferry.refused("image", "verify", signed, "--key-digest", digest[::-1])


def test_three_signatures_added_in_turns(ferry, keys, image, tmp_path):
    first, second, third = (keys[scheme][0] for scheme in ("rsa3072", "p256", "p384"))
    one = espsecure_signs(first, image, tmp_path / "one.bin")
    two = ferry_signs(ferry, second, one, tmp_path / "two.bin", "--append")
    three = espsecure_signs(third, two, tmp_path / "three.bin", "--append-signatures")
    assert three.stat().st_size == one.stat().st_size
    assert all(ferry_takes(ferry, key, three) for key in (first, second, third))
    full = ferry.refused("image", "sign", three, "--key", first.private, "--append",
                         "-o", tmp_path / "four.bin")
    assert "4" in full.err and "3" in full.err
    assert not (tmp_path / "four.bin").exists()


def test_several_keys_at_once_are_espsecures_blocks(ferry, keys, image, tmp_path):
    pair = keys["p256"]
    signed = tmp_path / "signed.bin"
    ferry.ok("image", "sign", image, *(f"--key={key.private}" for key in pair), "-o", signed)
    assert all(espsecure_takes(key, signed) and ferry_takes(ferry, key, signed) for key in pair)


def test_image_padded_for_signing_needs_no_more_padding(ferry, keys, demo, tmp_path):
    padded, signed = tmp_path / "padded.bin", tmp_path / "signed.bin"
    ferry.ok("image", "build", demo / "demo-1.1.0.elf", "--chip", "esp32c3", "--secure-pad-v2",
             "-o", padded)
    ferry_signs(ferry, keys["rsa3072"][0], padded, signed)
    assert signed.stat().st_size == padded.stat().st_size + SECTOR
    assert padded.stat().st_size % 0x10000 == 0
    assert ferry_takes(ferry, keys["rsa3072"][0], signed)


def test_what_cannot_be_signed_is_refused(ferry, keys, image, tmp_path):
    key, out = keys["p256"][0], tmp_path / "out.bin"
    signed = ferry_signs(ferry, key, image, tmp_path / "signed.bin")
    small, locked = tmp_path / "small.pem", tmp_path / "locked.pem"
    assert run("openssl", "genrsa", "-out", small, "2048")[0] == 0
    assert run("openssl", "ec", "-in", key.private, "-aes128", "-passout", "pass:word",
               "-out", locked)[0] == 0
    bad = flipped(image, 200, tmp_path / "bad.bin")
    for what, key_file in ((signed, key.private), (key.private, key.private), (bad, key.private),
                           (image, key.public), (image, small), (image, locked), (image, bad),
                           (image, tmp_path / "absent"), (tmp_path / "absent", key.private)):
        ferry.refused("image", "sign", what, "--key", key_file, "-o", out)
        assert not out.exists()
    assert ferry("image", "sign", image, "-o", out).code == 2
    assert ferry("image", "sign", image, "--key", key.private).code == 2
    assert ferry("image", "verify", image, "--key-digest", "12").code == 2


def test_unsigned_image_is_refused_where_keys_are_trusted(ferry, keys, image):
    result = ferry.refused("image", "verify", image, "--key", keys["p384"][0].public, "--json")
    assert result.json["code"] == "FERRY_ERR_SIGNATURE_NONE"
    assert result.json["esp_err"] == 0x2002 and result.json["image_len"] == 0
