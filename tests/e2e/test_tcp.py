"""`ferry update DEVICE tcp://...`: esp-hal-ota's sample protocol, from servers good and bad."""

import socket
import threading
import zlib

import images
import pytest
from conftest import Promise
from tcp_server import CHUNK, TcpServer, head, honest, sends, stops_after

SIZE = 150000


@pytest.fixture
def app():
    return images.app(version="2.0.0", size=SIZE, seed=2)


def test_update_from_the_sample_server(device, app):
    answers = []
    with TcpServer(honest(app, answers)) as server:
        result = device.update(server.url, "--json")
    assert result.code == 0, result
    assert result.json["version"] == "2.0.0" and result.json["length"] == len(app)
    assert result.json["authenticated"] is False
    assert "unauthenticated" in result.err
    assert answers == [b"\0"] * -(-len(app) // CHUNK)
    assert device.part("ota_1")[:len(app)] == app
    assert device.boot()["booted"] == "ota_1"


def test_over_ipv6(device, app):
    try:
        server = TcpServer(honest(app), family=socket.AF_INET6)
    except OSError as error:
        pytest.fail(f"this machine has no IPv6 loopback: {error}")
    with server:
        assert device.update(server.url).code == 0
    assert device.boot()["booted"] == "ota_1"


def test_lost_link_is_tried_again_and_compared_from_the_start(device, app):
    """The protocol has no offsets: what is there already comes again and is compared."""
    with TcpServer(stops_after(app, 100000), honest(app)) as server:
        result = device.update(server.url, "--json")
    assert result.code == 0, result
    assert result.json["retries"] == 1 and server.n_connections == 2
    assert "closed the connection early" in result.err and "trying again" in result.err
    assert device.part("ota_1")[:len(app)] == app


def test_next_command_goes_on_where_the_last_one_stopped(device, app):
    with TcpServer(stops_after(app, 100000)) as server:
        first = device.update(server.url, "--json", "--retries=0")
    assert first.code == 1 and first.json["can_go_on"] is True
    with TcpServer(honest(app)) as server:
        second = device.update(server.url, "--json")
    assert second.code == 0, second
    assert second.json["went_on_at"] == 65536
    assert device.part("ota_1")[:len(app)] == app


def test_another_file_of_the_same_length_is_noticed(device, app):
    other = images.app(version="2.0.1", size=SIZE, seed=3)
    assert len(other) == len(app)
    with TcpServer(stops_after(app, 100000), honest(other)) as server:
        result = device.update(server.url, "--json")
    assert result.code == 0, result
    assert "the file is another one than before" in result.err
    assert device.part("ota_1")[:len(other)] == other


def test_size_above_the_slot_is_refused_before_the_first_erase(device, app):
    before = device.flash
    with TcpServer(honest(app, size=0x60001)) as server:
        result = device.update(server.url)
    assert result.code == 1 and "393,217" in result.err and "393,216" in result.err
    assert device.flash == before


@pytest.mark.parametrize("size", [0x10000000, 0xFFFFFFFF])
def test_absurd_sizes_are_refused(device, app, size):
    promise = Promise(device)
    with TcpServer(honest(app, size=size)) as server:
        assert device.update(server.url).code == 1
    promise.kept()


def lies(app):
    return {
        "size 0": (sends(head(app, size=0)), "0 bytes"),
        "wrong crc": (honest(app, crc=0x12345678),
                      f"has CRC32 {zlib.crc32(app):08x}; 12345678 was promised"),
        "head cut": (sends(head(app)[:5]), "closed the connection early"),
        "nothing": (sends(b""), "closed the connection early"),
        "short": (stops_after(app, 70000), f"70,000 bytes of {len(app):,} came"),
        "not an image": (honest(b"<html>" * 5000), "not an ESP application image"),
        "one byte more": (sends(head(app) + app + b"x"), f"sent {len(app) + 1:,} bytes"),
        "size too small": (sends(head(app, size=len(app) - 32) + app), "announced"),
    }


@pytest.mark.parametrize("name", lies(bytes(99)).keys())
def test_server_that_lies(device, app, name):
    play, words = lies(app)[name]
    promise = Promise(device)
    with TcpServer(play) as server:
        result = device.update(server.url, "--retries=0")
    assert result.code == 1, result
    assert words in result.err, result
    promise.kept()


@pytest.mark.parametrize("sent", ["nothing", "half a head", "half a chunk"])
def test_silent_server(device, app, sent):
    promise = Promise(device)
    raw = {"nothing": b"", "half a head": head(app)[:4], "half a chunk": head(app) + app[:5000]}
    over = threading.Event()
    with TcpServer(sends(raw[sent], silence=over)) as server:
        result = device.update(server.url, "--stall-timeout=1", "--retries=0")
        over.set()
    assert result.code == 1 and "stopped answering" in result.err, result
    assert "1000 ms" in result.err
    promise.kept()


def test_drip_of_single_bytes_is_no_life_sign(device, app):
    """The limit counts for a whole chunk."""
    over = threading.Event()

    def drip(connection):
        connection.sendall(head(app))
        for byte in app:
            if over.wait(0.2):
                return
            connection.sendall(bytes([byte]))

    with TcpServer(drip) as server:
        result = device.update(server.url, "--stall-timeout=1", "--retries=0")
        over.set()
    assert result.code == 1 and "a chunk was not there" in result.err, result


def test_server_that_keeps_the_line_open_is_not_waited_for(device, app):
    over = threading.Event()

    def stays(connection):
        honest(app)(connection)
        over.wait(20)

    with TcpServer(stays) as server:
        result = device.update(server.url, "--stall-timeout=10")
        over.set()
    assert result.code == 0, result


def test_nobody_listens(device):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = device.update(f"tcp://127.0.0.1:{port}", "--retries=0")
    assert result.code == 1 and "cannot connect" in result.err and "refused" in result.err


@pytest.mark.parametrize("address, words", [
    ("tcp://127.0.0.1:0", "from 1 to 65535"), ("tcp://127.0.0.1:65536", "from 1 to 65535"),
    ("tcp://127.0.0.1:x", "from 1 to 65535"), ("tcp://", "the host is missing"),
    ("tcp://[::1", "ends in ]"), ("tcp://127.0.0.1:1/app.bin", "and nothing else"),
    ("tcp://bench@127.0.0.1:1", "the host is missing or is none"),
])
def test_bad_addresses_are_explained(device, address, words):
    result = device.update(address)
    assert result.code == 1 and words in result.err, result


def test_promises_of_the_command_line_and_the_server_must_agree(device, app):
    with TcpServer(honest(app)) as server:
        crc = device.update(server.url, "--crc32=00000001")
        length = device.update(server.url, "--length=77")
    assert crc.code == 1 and "00000001 was promised" in crc.err
    assert length.code == 1 and "77" in length.err
