"""Requests that two parsers could read differently: each is answered 4xx or cut, and nothing else;
whoever comes next is served. Over plain http and over TLS, at doors of different kinds."""

import pytest
import raw

HOST = b"Host: x\r\n"
GET, POST = b"GET PATH HTTP/1.1\r\n" + HOST, b"POST / HTTP/1.1\r\n" + HOST

MALFORMED = {
    "two lengths":
        POST + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "the same length twice":
        POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length and chunks": POST +
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "gzip and chunks":
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "xchunked and length": POST +
        b"Content-Length: 3\r\nTransfer-Encoding: xchunked\r\n\r\nabc",
    "two encodings": POST +
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "blank before the colon": GET + b"Foo : b\r\n\r\n",
    "tab before the colon": GET + b"Foo\t: b\r\n\r\n",
    "folded line": GET + b"Foo: b\r\n c\r\n\r\n",
    "folded last line": b"GET PATH HTTP/1.1\r\nFoo: b\r\n" + HOST[:-2] + b"\r\n\ty\r\n\r\n",
    "blank line first field": b"GET PATH HTTP/1.1\r\n Foo: b\r\n" + HOST + b"\r\n",
    "bare line feeds": b"GET PATH HTTP/1.1\nHost: x\n\n",
    "one bare line feed in the first line": b"GET PATH HTTP/1.1\n" + HOST + b"\r\n",
    "one bare line feed in a field": b"GET PATH HTTP/1.1\r\nFoo: b\n" + HOST + b"\r\n",
    "one bare line feed at the end": b"GET PATH HTTP/1.1\r\nHost: x\r\n\n",
    "bare carriage return": GET + b"Foo: a\rb\r\n\r\n",
    "no host": b"GET PATH HTTP/1.1\r\n\r\n",
    "no host but others": b"GET PATH HTTP/1.1\r\nFoo: b\r\n\r\n",
    "two hosts": GET + b"Host: y\r\n\r\n",
    "NUL in a value": GET + b"Foo: a\0b\r\n\r\n",
    "NUL in the last value": b"GET PATH HTTP/1.1\r\nFoo: b\r\nHost: x\0y\r\n\r\n",
    "NUL in a name": GET + b"Fo\0o: a\r\n\r\n",
    "NUL in the path": b"GET PATH\0x HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL after the version": b"GET PATH HTTP/1.1\0\r\n" + HOST + b"\r\n",
    "length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "length in hex": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "empty length": POST + b"Content-Length: \r\n\r\n",
    "list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "length beyond 64 bits":
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "length of 2^64": POST + b"Content-Length: 18446744073709551616\r\n\r\n",
    "64 KB of one field": GET + b"Foo: " + b"a" * 65536 + b"\r\n\r\n",
    "10 KB of fields":
        GET + b"".join(b"F%d: %s\r\n" % (i, b"a" * 500) for i in range(20)) + b"\r\n",
    "65 fields": GET + b"A: b\r\n" * 64 + b"\r\n",
    "3 KB of path": b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL and a bare line feed": b"GET PATH HTTP/1.1\r\nHost: x\0#\n\n",
    "escaped NUL": b"GET PATH%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "escaped NUL in an argument": b"GET PATH?a=%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "broken escape": b"GET PATH%4 HTTP/1.1\r\n" + HOST + b"\r\n",
    "byte beyond ASCII in the path": b"GET /\xe9 HTTP/1.1\r\n" + HOST + b"\r\n",
    "carriage return behind the version": b"GET PATH HTTP/1.1\r\r\n" + HOST + b"\r\n",
    "escaped slash": b"GET /..%2fetc HTTP/1.1\r\n" + HOST + b"\r\n",
    "climbing path": b"GET /a/../PATH HTTP/1.1\r\n" + HOST + b"\r\n",
    "escaped climbing path": b"GET /%2e%2e/etc HTTP/1.1\r\n" + HOST + b"\r\n",
    "two blanks": b"GET  PATH HTTP/1.1\r\n" + HOST + b"\r\n",
    "blank at the end": b"GET PATH HTTP/1.1 \r\n" + HOST + b"\r\n",
    "blank in the path": b"GET PATH x HTTP/1.1\r\n" + HOST + b"\r\n",
    "whole address": b"GET http://x/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "star": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT x:1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "version 0.9": b"GET PATH\r\n\r\n",
    "version 1.2": b"GET PATH HTTP/1.2\r\n" + HOST + b"\r\n",
    "version 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no method": b" PATH HTTP/1.1\r\n" + HOST + b"\r\n",
    "field without a colon": GET + b"Foo\r\n\r\n",
    "field without a name": GET + b": b\r\n\r\n",
    "line feed in a chunk's extension": POST +
        b"Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200 + b"\r\n\r\n",
}

DOORS = {"admin": b"/healthz", "devices": b"/api/v1/cacerts"}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_request_is_refused(server, door, name):
    with server.connect(door) as sock:
        answer, closed = raw.send(sock, MALFORMED[name].replace(b"PATH", DOORS[door]), 5)
    assert closed
    assert all(400 <= status < 500 or status == 505 for status in raw.statuses(answer)), answer


@pytest.mark.parametrize("door", DOORS)
def test_malformed_request_ends_its_connection(server, door):
    """What follows it could be anybody's."""
    attack = MALFORMED["length and chunks"] + GET + b"\r\n"
    with server.connect(door) as sock:
        answer, _ = raw.send(sock, attack.replace(b"PATH", DOORS[door]), 1)
    assert raw.statuses(answer) in ([], [400])


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("size", [0, 100, 1000, 4000, 7000, 7900])
@pytest.mark.parametrize("pieces", [1, 7])
def test_good_request_of_any_size_is_answered(server, door, size, pieces):
    """The gate looks at where the library's parser left the head; wherever that is."""
    fields = b"".join(b"F%d:  %s \r\n" % (i, b"a" * (size // 20)) for i in range(20 if size else 0))
    request = b"GET " + DOORS[door] + b"?a=b%20c&d HTTP/1.1\r\n" + HOST + fields + b"\r\n"
    with server.connect(door) as sock:
        for turn in range(3):  # the buffer is not where it was
            step = -(-len(request) // pieces)
            for at in range(0, len(request) - step, step):
                sock.sendall(request[at:at + step])
            at = (len(request) - 1) // step * step
            answer = raw.exchange(sock, request[at:])
            assert raw.statuses(answer) == [200], (turn, answer[:300])


def test_pipelined_requests_are_answered_in_turn(server):
    one = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    with server.connect("admin") as sock:
        assert raw.statuses(raw.send(sock, one * 20, 0.5)[0]) == [200] * 20


def test_server_lives_on_and_counts_them(server):
    before = server.metrics()["ferryd_malformed_total"]
    with server.connect("admin") as sock:
        raw.send(sock, MALFORMED["two hosts"].replace(b"PATH", DOORS["admin"]), 5)
    assert server.request("GET", "/healthz", "admin").status == 200
    assert server.metrics()["ferryd_malformed_total"] == before + 1
