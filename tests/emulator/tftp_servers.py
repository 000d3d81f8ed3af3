"""tftpd-hpa on a port of this machine, and a wire to it that loses datagrams or breaks. All on
loopback."""

import os
import select
import socket
import subprocess
import threading
import time

DAEMON = "/usr/sbin/in.tftpd"
HOST = "127.0.0.1"
MOST_BYTES = 65536


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Tftpd:
    """Debian's server of a folder. It changes its user and its root directory: it needs root."""

    def __init__(self, folder):
        folder.chmod(0o755)
        self.port = free_port()
        self.as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        self.process = subprocess.Popen(
            [*self.as_root, "timeout", "120", DAEMON, "--foreground", "--address",
             f"{HOST}:{self.port}", "--user", "root", "--secure", str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def __enter__(self):
        limit = time.monotonic() + 10
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > limit:
                self.stop()
                raise AssertionError(f"tftpd-hpa does not serve: {self.process.stderr.read()}")
        return self

    def __exit__(self, *_):
        self.stop()

    def answers(self):
        """Whether it says that it has no such file."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            client.sendto(b"\0\1no such file\0octet\0", (HOST, self.port))
            try:
                return client.recv(600).startswith(b"\0\5")
            except OSError:
                return False

    def stop(self):
        if self.process.poll() is None:
            subprocess.run([*self.as_root, "kill", str(self.process.pid)], check=False, timeout=10)
        self.process.wait(10)


class Wire:
    """A port that leads to a server's: keeps(n) says whether the nth datagram of a transfer gets
    through. Like a server it answers from a port of its own for each transfer."""

    def __init__(self, server_port, keeps):
        self.server, self.keeps = (HOST, server_port), keeps
        self.n = self.n_lost = 0
        self.door = self.bound()
        self.port = self.door.getsockname()[1]
        self.client = self.far = None
        self.near, self.up = self.bound(), self.bound()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    @staticmethod
    def bound():
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind((HOST, 0))
        return end

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join(10)
        for end in (self.door, self.near, self.up):
            end.close()

    def run(self):
        while not self.is_over.is_set():
            for end in select.select([self.door, self.near, self.up], [], [], 0.1)[0]:
                if end.fileno() >= 0:  # a new transfer may have closed it just now
                    self.carry(end, *end.recvfrom(MOST_BYTES))

    def carry(self, end, data, sender):
        if end is self.door and sender != self.client:  # a new transfer
            self.client, self.far, self.n = sender, None, 0
            self.near.close()
            self.up.close()
            self.near, self.up = self.bound(), self.bound()
        if end is self.up:
            self.far = sender
        self.n += 1
        if not self.keeps(self.n):
            self.n_lost += 1
        elif end is self.up:
            self.near.sendto(data, self.client)
        elif end is self.door:
            self.up.sendto(data, self.server)
        elif self.far:
            self.up.sendto(data, self.far)
