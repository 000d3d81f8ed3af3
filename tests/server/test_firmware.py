"""Firmware in answers: whole, in parts, on conditions, over TLS and from a proxy's socket; what
esp_https_ota asks for is among it."""

import hashlib
import random
from pathlib import Path

import pytest

SIZE = 1_500_000
IMAGE = random.Random(9).randbytes(SIZE)
SHA = hashlib.sha256(IMAGE).hexdigest()
PATH, ETAG = f"/api/v1/firmware/{SHA}.bin", f'"{SHA}"'


def add_release(server, image):
    """A row and its blob; that they come with a real image is the catalogue's business."""
    sha = hashlib.sha256(image).hexdigest()
    (server.folder / "blobs" / sha).write_bytes(image)
    server.sql(f"INSERT INTO release VALUES ('{sha}', (SELECT 1 + count(*) FROM release), 'p', "
               f"'{sha[:8]}', 'esp32c3', 0, {len(image)}, 0, '', 0, 0)")
    return sha


@pytest.fixture(scope="module")
def server(new_server):
    one = new_server(settings={"proxy_listen": "unix:proxy.sock"})
    add_release(one, IMAGE)
    add_release(one, b"")
    yield one.start()
    assert one.stop() == 0


@pytest.fixture(scope="module")
def device(server):
    return server.enrol("firmware")


@pytest.fixture(params=["tls", "proxy"])
def get(request, server, device):
    """Asks for the image: mapped memory into TLS, or sendfile into a Unix socket."""
    def ask(headers=None, method="GET", path=PATH):
        if request.param == "tls":
            return server.request(method, path, device=device, headers=headers)
        passed = {"Ferry-Client-Cert": device.escaped_cert, **(headers or {})}
        return server.request(method, path, "proxy", headers=passed)
    return ask


def test_whole(get):
    reply = get()
    assert (reply.status, reply.body) == (200, IMAGE)
    assert reply.headers["ETag"] == ETAG
    assert reply.headers["Content-Length"] == str(SIZE)
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert reply.headers["Content-Type"] == "application/octet-stream"


def test_head_has_the_headers_alone(get):
    reply = get(method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Content-Length"] == str(SIZE) and reply.headers["ETag"] == ETAG


@pytest.mark.parametrize("text, first, last", [
    ("bytes=0-0", 0, 0), ("bytes=0-", 0, SIZE - 1), ("bytes=1000-1999", 1000, 1999),
    (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1), ("bytes=-5", SIZE - 5, SIZE - 1),
    (f"bytes=5-{1 << 70}", 5, SIZE - 1), (f"bytes=-{1 << 70}", 0, SIZE - 1),
])
def test_part(get, text, first, last):
    reply = get({"Range": text})
    assert (reply.status, reply.body) == (206, IMAGE[first:last + 1])
    assert reply.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert reply.headers["ETag"] == ETAG


@pytest.mark.parametrize("text", [f"bytes={SIZE}-", f"bytes={1 << 70}-", "bytes=-0"])
def test_part_outside_is_416(get, text):
    reply = get({"Range": text})
    assert (reply.status, reply.body) == (416, b"")
    assert reply.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("text", ["bytes=0-0,5-6", "bytes=5-4", "bytes=", "bytes=a-b", "lines=1-2"])
def test_what_is_no_single_range_is_passed_over(get, text):
    assert get({"Range": text}).status == 200


def test_conditions(get):
    assert get({"If-None-Match": ETAG}).status == 304
    assert get({"If-None-Match": f'"other", W/{ETAG}'}).status == 304
    assert get({"If-None-Match": '"other"'}).status == 200
    assert get({"If-Match": ETAG}).status == 200
    assert get({"If-Match": '"other"'}).status == 412
    assert get({"If-Range": ETAG, "Range": "bytes=0-9"}).status == 206
    assert get({"If-Range": '"other"', "Range": "bytes=0-9"}).status == 200
    assert get({"If-Range": "Sat, 01 Jan 2022 00:00:00 GMT", "Range": "bytes=0-9"}).status == 200


def test_empty_file(get):
    reply = get(path=f"/api/v1/firmware/{hashlib.sha256(b'').hexdigest()}.bin")
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize("name", [
    "0" * 64 + ".bin", SHA.upper() + ".bin", SHA[:63] + ".bin", "ferryd.db", SHA,
    f"{SHA}.bin.bin", f".{SHA}", f"..%5c{SHA}.bin"])
def test_other_names_are_not_there(get, name):
    assert get(path=f"/api/v1/firmware/{name}").status in (400, 404)


def test_link_in_the_folder_is_not_followed(server, get):
    sha = add_release(server, random.randbytes(100))
    blob = server.folder / "blobs" / sha
    blob.unlink()
    blob.symlink_to("../ca/issuing.key")
    assert get(path=f"/api/v1/firmware/{sha}.bin").status == 404


def test_esp_https_ota_pattern(server, device):
    """HEAD, then a part, then the rest from where it broke, on one connection."""
    with server.connect("devices", device) as sock:
        assert server.request("HEAD", PATH, sock=sock).status == 200
        got = server.request("GET", PATH, sock=sock, headers={"Range": "bytes=0-0"}).body
        while len(got) < SIZE:
            part = server.request("GET", PATH, sock=sock,
                                  headers={"Range": f"bytes={len(got)}-{len(got) + 399_999}"})
            assert part.status == 206
            got += part.body
        assert got == IMAGE
        beyond = server.request("GET", PATH, sock=sock, headers={"Range": f"bytes={SIZE}-"})
        assert beyond.status == 416


def test_bytes_into_tls_are_lent_from_one_mapping(server, device):
    """The library would read a file in small pieces, for each connection anew."""
    for _ in range(2):
        assert server.request("GET", PATH, device=device).body == IMAGE
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert sum(SHA in line for line in maps.splitlines()) == 1


def test_withdrawn_file_is_sent_to_its_end(server, device):
    """Who is in the middle of it is not cut off by an unlink."""
    image = random.Random(10).randbytes(SIZE)
    sha = add_release(server, image)
    with server.connect("devices", device) as sock:
        sock.sendall(f"GET /api/v1/firmware/{sha}.bin HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        got = sock.recv(1000)
        (server.folder / "blobs" / sha).unlink()
        while len(got) < SIZE:
            got += sock.recv(65536)
        assert got.split(b"\r\n\r\n", 1)[1][:SIZE] == image[:len(got.split(b"\r\n\r\n", 1)[1])]
