"""What becomes a release, at both doors to the catalogue: the command and the admin API. What is
refused is refused with a sentence, and leaves nothing behind."""

import hashlib
import json
import re
import subprocess
import time

import images
import pytest
import raw
from ferryd import run
from operators import FERRY, Operator

GOOD = images.app(project="cat", version="1.0.0")
MOST = 16 << 20


@pytest.fixture(scope="module")
def operator(server):
    one = Operator(server)
    assert one.upload(GOOD).status == 200
    return one


def blobs(server):
    """What is kept. An upload's own file goes when its answer has been sent."""
    return sorted(path.name for path in (server.folder / "blobs").iterdir()
                  if not path.name.startswith("."))


def wait_for_no_uploads(server):
    until = time.monotonic() + 20
    while left := list((server.folder / "blobs").glob(".upload*")):
        assert time.monotonic() < until, f"uploads stay: {left}"
        time.sleep(0.02)


def merged():
    """What esptool's merge makes: bootloader, table and application in one file."""
    return images.dump({"ota_0": GOOD}, bootloader=images.app(no_descriptor=True), size=0x80000)


def flash_without_bootloader():
    return images.dump({"ota_0": GOOD})


REFUSED = {
    "wrong magic": (images.app(magic=0xE8), "begins with 0xe8"),
    "text": (b"#!/bin/sh\necho hello\n" * 10, "begins with 0x23"),
    "merged image": (merged(), "merged image"),
    "whole flash": (flash_without_bootloader(), "whole flash"),
    "bad checksum": (images.app(bad_checksum=True, with_hash=False), "checksum"),
    "bad hash": (images.app(bad_hash=True), "SHA-256"),
    "truncated": (images.app()[:-1], "ends|bytes"),
    "head alone": (images.app(truncate=20), "header alone"),
    "cut in a segment": (images.app(truncate=5000), "ends|bytes"),
    "missing descriptor": (images.app(no_descriptor=True), "descriptor"),
    "no version": (images.app(version=""), "no version"),
    "no project": (images.app(project=""), "no project"),
    "something behind it": (images.app() + b"x", "1 bytes follow the image"),
    "other bytes": (images.app(project="cat", version="1.0.0", seed=2), "a version of its own"),
    "no chip": (images.app(with_hash=False)[:12] + b"\x63\0" + images.app(with_hash=False)[14:],
                "no chip"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_refused_at_both_doors_alike(server, operator, tmp_path, fault):
    image, words = REFUSED[fault]
    before = blobs(server)
    reply = operator.upload(image)
    assert reply.status == 422 and reply.json["error"] == "refused"
    assert re.search(words, reply.json["message"]), reply
    path = tmp_path / "image.bin"
    path.write_bytes(image)
    done = run("release", "add", server.folder, path, "--json", check=False)
    assert done.returncode == 1
    assert reply.json["message"] in done.stderr
    assert blobs(server) == before


def test_empty_is_refused(operator):
    assert operator.upload(b"").status == 400


def test_same_again_is_known(server, operator):
    first = operator.upload(GOOD).json
    assert first["known"] and first["serial"] == operator.upload(GOOD).json["serial"]
    assert first["sha256"] in blobs(server)


def test_row_says_what_the_image_says(operator):
    image = images.app(project="facts", version="3.1.4", chip="esp32s3", secure_version=7)
    row = operator.upload(image).json
    assert (row["project"], row["version"], row["chip"]) == ("facts", "3.1.4", "esp32s3")
    assert (row["secure_version"], row["length"], row["keys"]) == (7, len(image), [])
    assert row["sha256"] == hashlib.sha256(image).hexdigest()
    shown = operator.get(f"/api/v1/releases/{row['serial']}")
    assert shown["sha256"] == row["sha256"] and shown["channels"] == ["stable"]
    assert operator.get(f"/api/v1/releases/{row['sha256'][:8]}")["serial"] == row["serial"]
    listed = operator.get("/api/v1/releases?project=facts")["releases"]
    assert [one["serial"] for one in listed] == [row["serial"]]


def test_unknown_channel_is_refused(server, operator):
    before = blobs(server)
    reply = operator.upload(images.app(version="8.0.0"), channel="nowhere")
    assert reply.status == 422 and "no channel 'nowhere'" in reply.json["message"]
    assert blobs(server) == before


def test_channel_demands_a_signature(server, operator, tmp_path):
    image, key = tmp_path / "app.bin", tmp_path / "key.pem"
    image.write_bytes(images.app(project="signed", version="1.0.0"))
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key],
                   check=True, capture_output=True)
    for name in ("ours", "theirs"):
        if name == "theirs":
            subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout",
                            "-out", key], check=True, capture_output=True)
        subprocess.run([FERRY, "image", "sign", image, "--key", key, "-o",
                        tmp_path / f"{name}.bin"], check=True, capture_output=True)
    # The first one tells whose signature it is; then the channel takes no other.
    ours = operator.upload((tmp_path / "ours.bin").read_bytes()).json
    assert len(ours["keys"]) == 1
    operator.post("/api/v1/channels", {"channel": "strict", "key": ours["keys"][0]})
    unsigned = operator.upload(image.read_bytes(), channel="strict")
    assert unsigned.status == 422 and "is unsigned" in unsigned.json["message"]
    theirs = operator.upload((tmp_path / "theirs.bin").read_bytes(), channel="strict")
    assert theirs.status == 422 and "is signed with others" in theirs.json["message"]
    assert operator.upload((tmp_path / "ours.bin").read_bytes(), channel="strict").status == 200
    damaged = bytearray((tmp_path / "ours.bin").read_bytes())
    damaged[100] ^= 1
    assert operator.upload(bytes(damaged), channel="strict").status == 422
    operator.post("/api/v1/channels/strict/key", {"key": "none"})
    image.write_bytes(images.app(project="signed", version="1.0.1"))
    assert operator.upload(image.read_bytes(), channel="strict").status == 200


def test_larger_than_the_smallest_slot_known(server, operator):
    """The device that has it is named; once it is revoked, its word counts no more."""
    device = server.enrol("small-slot")
    said = {"state": "idle", "project": "tight", "chip": "esp32c3", "slot_bytes": 8192}
    assert server.request("POST", "/api/v1/report", device=device,
                          body=json.dumps(said)).status == 204
    image = images.app(project="tight", version="1.0.0", size=9000)
    reply = operator.upload(image)
    assert reply.status == 422
    assert "small-slot, holds 8192" in reply.json["message"]
    assert operator.upload(images.app(project="tight", version="0.9", size=4000)).status == 200
    assert operator.upload(images.app(project="tight", version="1.0.0", size=9000,
                                      chip="esp32s3")).status == 200
    operator.post("/api/v1/devices/small-slot/revoke")
    assert operator.upload(image).status == 200


def test_largest_and_one_byte_more(server, operator):
    """16 MB are taken whole; one byte more is refused by its head alone."""
    size = MOST - len(images.app(project="big", size=4096)) + 4096
    image = images.app(project="big", version="1.0.0", size=size)
    assert len(image) == MOST
    assert operator.upload(image).json["length"] == MOST
    with server.connect("admin") as sock:
        answer = raw.exchange(sock, f"POST /api/v1/releases HTTP/1.1\r\nHost: x\r\nAuthorization: "
                              f"Bearer {operator.token}\r\nContent-Length: {MOST + 1}\r\n\r\n"
                              .encode())
    assert raw.statuses(answer) == [413] and str(MOST).encode() in answer
    wait_for_no_uploads(server)


def test_upload_that_ends_early_leaves_nothing(server, operator):
    with server.connect("admin") as sock:
        sock.sendall(b"POST /api/v1/releases HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
                     b"Authorization: Bearer " + operator.token.encode() + b"\r\n\r\n"
                     + GOOD[:5000])
    wait_for_no_uploads(server)


def test_upload_needs_an_operator(server):
    for headers in ({}, {"Authorization": "Bearer " + "x" * 32}):
        reply = server.request("POST", "/api/v1/releases", "admin", body=GOOD, headers=headers)
        assert reply.status == 401
    assert server.request("POST", "/api/v1/releases", "devices", body=GOOD).status == 404
