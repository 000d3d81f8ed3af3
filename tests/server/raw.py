"""HTTP byte by byte: what a library would never send."""

import re


def send(sock, data, wait_s=2.0):
    """Sends bytes and reads until the peer closes or says nothing for wait_s: what came, and
    whether it closed."""
    got = b""
    sock.settimeout(wait_s)
    try:
        sock.sendall(data)
        while piece := sock.recv(65536):
            got += piece
    except TimeoutError:
        return got, False
    except OSError:
        pass
    return got, True


def exchange(sock, data):
    """Sends a request and reads one answer with a Content-Length."""
    got = b""
    sock.sendall(data)
    while b"\r\n\r\n" not in got:
        got += sock.recv(65536) or b"\r\n\r\n"
    length = re.search(rb"Content-Length: (\d+)", got)
    end = got.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
    while len(got) < end and (piece := sock.recv(65536)):
        got += piece
    return got


def statuses(answer):
    """The statuses of the answers in a stream."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
