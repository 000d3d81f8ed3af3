"""Clients that take their time: each phase of a connection has an end, and whoever comes in the
meantime is served."""

import socket
import threading
import time

import pytest
import raw
import test_firmware

DRIBBLERS = 600
SETTINGS = {"handshake_seconds": 2, "header_seconds": 2, "idle_seconds": 2, "least_rate": 1000,
            "public_listen": "127.0.0.1:0", "stop_seconds": 1}


@pytest.fixture(scope="module")
def server(new_server):
    one = new_server(settings=SETTINGS).start()
    yield one
    assert one.stop() == 0


def opened(server, door, n):
    return [socket.create_connection(server.address(door)) for _ in range(n)]


def still_open(socks):
    n = 0
    for sock in socks:
        sock.setblocking(False)
        try:
            n += sock.recv(4096) != b""
        except BlockingIOError:
            n += 1
        except OSError:
            pass
    return n


def becomes(condition, seconds=10):
    """Whether it is true soon: the watch cuts within a second, on a busy machine a little later."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def n_cut(server, phase):
    return server.metrics()[f'ferryd_deadlines_total{{phase="{phase}"}}']


def send_all(socks, data):
    """To each that still takes it."""
    for sock in socks:
        try:
            sock.send(data)
        except OSError:
            pass


def dribble(socks, seconds, data):
    """One byte a second each; the time of each of the requests that are made meanwhile."""
    end = time.monotonic() + seconds
    for byte in data:
        send_all(socks, bytes([byte]))
        yield
        if time.monotonic() > end:
            return
        time.sleep(0.5)


def test_600_sockets_that_dribble_a_head_are_cut_while_others_are_served(server):
    socks = opened(server, "public", DRIBBLERS)
    slowest = 0
    for _ in dribble(socks, 3, b"GET / HTTP/1.1\r\nHost: x\r\nX-A: aaaaaaaaaaaaaaaaa"):
        begin = time.monotonic()
        assert server.request("GET", "/healthz", "admin").status == 200
        assert server.request("GET", "/public/none.json", "public").status == 404
        assert server.request("GET", "/api/v1/cacerts").status == 200
        slowest = max(slowest, time.monotonic() - begin)
    assert becomes(lambda: still_open(socks) == 0)
    assert slowest < 5
    assert becomes(lambda: n_cut(server, "head") >= DRIBBLERS)
    for sock in socks:
        sock.close()


def test_600_half_open_handshakes_are_cut(server):
    socks = opened(server, "devices", DRIBBLERS)
    for sock in socks:
        sock.send(b"\x16")
    time.sleep(0.5)
    assert server.request("GET", "/api/v1/cacerts").status == 200
    assert becomes(lambda: still_open(socks) == 0)
    assert becomes(lambda: n_cut(server, "handshake") >= DRIBBLERS)
    for sock in socks:
        sock.close()


def test_head_after_a_handshake_has_its_own_time(server):
    with server.connect("devices") as sock:
        begin = time.monotonic()
        _, closed = raw.send(sock, b"GET / HTTP/1.1\r\nHost:", 10)
    assert closed and 1.5 < time.monotonic() - begin < 5


def test_idle_connection_is_closed(server):
    with server.connect("public") as sock:
        raw.exchange(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        begin = time.monotonic()
        _, closed = raw.send(sock, b"", 10)
    assert closed and 1.5 < time.monotonic() - begin < 4


def test_second_head_that_dribbles_is_cut_too(server):
    """The library's own timeout would begin anew with each byte."""
    with server.connect("public") as sock:
        raw.exchange(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        begin = time.monotonic()
        for _ in dribble([sock], 20, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 60):
            if not still_open([sock]):
                break
    assert time.monotonic() - begin < 7


def test_body_below_the_least_rate_is_cut(server):
    """Its grace is idle_seconds; a byte every half second is less than 1000 a second."""
    with server.connect("devices") as sock:
        sock.sendall(b"POST /api/v1/enroll HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
                     b"Content-Length: 4000\r\n\r\n")
        begin = time.monotonic()
        try:
            while time.monotonic() - begin < 10:
                sock.sendall(b"x")
                time.sleep(0.3)
        except OSError:
            pass
        assert time.monotonic() - begin < 6
    assert becomes(lambda: n_cut(server, "body") >= 1)


def test_body_within_the_rate_takes_longer_than_any_timeout(server):
    with server.connect("devices") as sock:
        sock.sendall(b"POST /api/v1/enroll HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"
                     b"Content-Length: 4000\r\n\r\n")
        for _ in range(5):
            time.sleep(0.5)
            sock.sendall(b"x" * 800)
        answer = raw.exchange(sock, b"")
    assert raw.statuses(answer) in ([400], [401])


@pytest.mark.parametrize("piece", [100_000, 0])
def test_answer_that_is_read_too_slowly_is_given_up(new_server, piece):
    """With the library's timeout alone, some progress would be enough for ever."""
    one = new_server(settings={"least_rate": 100_000_000, "idle_seconds": 1})
    image = bytes(16_000_000)
    path = f"/api/v1/firmware/{test_firmware.add_release(one, image)}.bin"
    one.start()
    try:
        device = one.enrol("slow")
        with one.connect("devices", device) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            until = time.monotonic() + 6
            while one.metrics()["ferryd_connections"] > 1:  # more than this question's
                assert time.monotonic() < until
                time.sleep(0.1)
                if piece:
                    sock.recv(piece)
        assert one.metrics()['ferryd_deadlines_total{phase="answer"}'] == 1
    finally:
        assert one.stop() == 0


def test_connections_of_one_address_are_limited(new_server):
    one = new_server(settings={**SETTINGS, "connections_per_address": 20}).start()
    try:
        socks = opened(one, "devices", 40)
        time.sleep(0.3)
        assert still_open(socks) == 20
    finally:
        assert one.stop() == 0


def test_too_many_requests_are_answered_429_with_a_time(new_server):
    one = new_server(settings={"requests_per_second": 1, "burst": 5}).start()
    try:
        replies = [one.request("GET", "/api/v1/cacerts") for _ in range(8)]
        assert [r.status for r in replies[:5]] == [200] * 5
        assert replies[-1].status == 429
        assert int(replies[-1].headers["Retry-After"]) >= 1
        assert replies[-1].json["error"] == "rate"
    finally:
        assert one.stop() == 0


def test_full_house_sheds_and_goes_on(new_server):
    """Beyond shed_pct of the connections everybody is asked to come back, at different times."""
    one = new_server(settings={
        "public_listen": "127.0.0.1:0", "connections": 40, "shed_pct": 50}).start()
    try:
        socks = opened(one, "public", 25)
        replies = [one.request("GET", "/public/x.json", "public") for _ in range(3)]
        assert [r.status for r in replies] == [429] * 3
        assert all(30 <= int(r.headers["Retry-After"]) < 90 for r in replies)
        assert one.request("GET", "/healthz", "admin").status == 200
        for sock in socks:
            sock.close()
        time.sleep(0.2)
        assert one.request("GET", "/public/x.json", "public").status == 404
        assert becomes(lambda: one.metrics()["ferryd_shed_total"] == 3)
    finally:
        assert one.stop() == 0


def test_50_clients_at_once_are_all_answered(server):
    statuses = []

    def ask():
        with server.connect("devices") as sock:
            for _ in range(5):
                statuses.append(server.request("GET", "/api/v1/cacerts", sock=sock).status)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 250
