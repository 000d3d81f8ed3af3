"""A server of esp-hal-ota's sample protocol that does as its script says.

    with TcpServer(plays) as server: update(server.url)

`plays` are functions play(connection), one a connection in turn, the last one for all that follow;
the builders below make them. Only loopback; every wait ends when the server is closed."""

import contextlib
import socket
import struct
import threading
import zlib

CHUNK = 8192
WAIT_S = 10


def head(data, size=None, crc=None):
    return struct.pack("<II", len(data) if size is None else size,
                       zlib.crc32(data) if crc is None else crc)


def chunks(connection, data, answers=None):
    """Sends data as the original server does, and notes the answers."""
    for at in range(0, len(data), CHUNK):
        connection.sendall(data[at:at + CHUNK])
        answer = connection.recv(1)
        if answers is not None:
            answers.append(answer)
        if not answer:
            return


def honest(data, answers=None, **lies):
    def play(connection):
        connection.sendall(head(data, **lies))
        chunks(connection, data, answers)
    return play


def stops_after(data, n):
    """The line is lost after n bytes of the file."""
    def play(connection):
        connection.sendall(head(data))
        chunks(connection, data[:n // CHUNK * CHUNK])
        connection.sendall(data[n // CHUNK * CHUNK:n])
    return play


def sends(raw, silence=None):
    """Any bytes, while the answers are passed over, as closing with unread ones would reset the
    line; then, with an event, silence until it is set."""
    def play(connection):
        connection.sendall(raw)
        if silence is not None:
            silence.wait(WAIT_S)
            return
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(100):
            pass
    return play


class TcpServer:
    def __init__(self, *plays, family=socket.AF_INET):
        self.plays, self.n_connections = list(plays), 0
        self.socket = socket.create_server(
            ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family)
        self.socket.settimeout(0.2)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve)

    @property
    def url(self):
        host, port = self.socket.getsockname()[:2]
        return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"

    def _serve(self):
        while not self.over.is_set():
            try:
                connection, _ = self.socket.accept()
            except TimeoutError:
                continue
            connection.settimeout(WAIT_S)
            play = self.plays[min(self.n_connections, len(self.plays) - 1)]
            self.n_connections += 1
            with connection, contextlib.suppress(OSError):
                play(connection)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(WAIT_S)
        self.socket.close()
