#!/usr/bin/env python3
"""ferryd beside nginx, serving the same bytes with the same certificates in the same run.

What counts is what a server's own processes use of a processor (utime + stime) for a request, a
handshake or a megabyte. The servers have one core for themselves, the clients the others. Turns are
short and taken side by side; a ratio is the median of the turns' own ratios, so that what else the
machine does falls on both. ferryd reads the certificate's row at every request and asks its
database what the device should run; nginx answers 204 from its configuration. `nginx > constant`
is nginx before a server that allows everything without a look: the most that a server behind nginx
can reach.

Last comes a fleet: virtual devices of `ferry agent --fleet` enrol, update and confirm, all from one
address, at a ferryd with the settings that `init` wrote.

    scripts/bench_server.py [--build build/release] [--seconds 0.5] [--turns 15] [--fleet 1000]"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests/server"), str(ROOT / "tests/e2e")]
TICKS = os.sysconf("SC_CLK_TCK")
POLL = "/api/v1/manifest?project=p&chip=esp32c3&version=1&slot_bytes=1000000"
IMAGE_BYTES = 1_572_864
FLEET_IMAGE_BYTES = 200_000
FLEET_MOST_S = 300

NGINX = """
daemon off; master_process off; worker_processes 1; pid {work}/nginx.pid;
error_log stderr crit; worker_rlimit_nofile 10000;
events {{ worker_connections 8192; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
    ssl_certificate {state}/ca/server.pem; ssl_certificate_key {state}/ca/server.key;
    ssl_client_certificate {work}/clients.pem; ssl_verify_client on; ssl_verify_depth 2;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on; ssl_ecdh_curve X25519:P-256;
    {temps}
    server {{
        listen 127.0.0.1:{alone} ssl;
        location /api/v1/manifest {{ return 204; }}
        location /api/v1/firmware/ {{
            alias {state}/blobs/; default_type application/octet-stream;
        }}
    }}
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header Ferry-Client-Cert $ssl_client_escaped_cert;
    proxy_set_header Ferry-Client-Address $remote_addr;
    upstream ferryd {{ server unix:{state}/proxy.sock; keepalive 64; }}
    server {{
        listen 127.0.0.1:{before} ssl;
        location / {{ proxy_pass http://ferryd; }}
        location /blobs/ {{ internal; alias {state}/blobs/; }}
    }}
    upstream constant {{ server unix:{work}/constant.sock; keepalive 64; }}
    server {{
        listen 127.0.0.1:{constant} ssl;
        location / {{ proxy_pass http://constant; }}
        location /blobs/ {{ internal; alias {state}/blobs/; }}
    }}
}}
"""
# Allows everything, without a look: what passing requests on costs when the answer costs nothing.
CONSTANT = """
daemon off; master_process off; worker_processes 1; pid {work}/constant.pid;
error_log stderr crit; events {{ }}
http {{
    access_log off; keepalive_requests 1000000000;
    {temps}
    server {{
        listen unix:{work}/constant.sock;
        location / {{ add_header X-Accel-Redirect /blobs/{sha}; return 200; }}
    }}
}}
"""


def free_ports(n):
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [sock.getsockname()[1] for sock in socks]


def wait_for(port):
    for _ in range(100):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    sys.exit("bench: nginx does not start")


class Process:
    """A server and what it has used."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_s(self):
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_kb(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


class Bench:
    def __init__(self, args, work):
        os.environ["FERRYD"] = str(args.build / "ferryd")
        import ferryd
        self.args, self.work = args, work
        self.server = ferryd.Ferryd(work / "state", settings={
            "proxy_listen": "unix:proxy.sock", "proxy_accel": "/blobs/", "log_requests": "off",
            "requests_per_second": 0, "connections_per_address": 0, "connections": 8192,
            "idle_seconds": 60})
        import test_firmware
        image = random.Random(1).randbytes(IMAGE_BYTES)
        sha = test_firmware.add_release(self.server, image)
        self.firmware = f"/api/v1/firmware/{sha}.bin"
        blob = self.server.folder / "blobs" / sha
        # nginx asks for a file of that name.
        (blob.parent / f"{sha}.bin").hardlink_to(blob)
        assert hashlib.sha256(image).hexdigest() == sha
        self.server.start()
        self.device = self.server.enrol("bench")
        self.ports = dict(zip(("nginx", "nginx > ferryd", "nginx > constant"), free_ports(3)))
        self.constant = self.start_nginx("constant", CONSTANT, sha=sha)
        self.nginx = self.start_nginx(
            "nginx", NGINX, state=self.server.folder, alone=self.ports["nginx"],
            before=self.ports["nginx > ferryd"], constant=self.ports["nginx > constant"])
        wait_for(self.ports["nginx"])
        self.ports["ferryd"] = self.server.address("devices")[1]
        ferryd, nginx, constant = (Process(process.pid) for process in
                                   (self.server.process, self.nginx, self.constant))
        self.processes = {"ferryd": [ferryd], "nginx": [nginx],
                          "nginx > ferryd": [nginx, ferryd],
                          "nginx > constant": [nginx, constant]}

    def start_nginx(self, name, text, **facts):
        temps = " ".join(f"{kind}_temp_path {self.work}/{name}-{kind};" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        ca = self.server.folder / "ca"
        (self.work / "clients.pem").write_text((ca / "issuing.pem").read_text()
                                               + (ca / "root.pem").read_text())
        (self.work / f"{name}.conf").write_text(text.format(work=self.work, temps=temps, **facts))
        return subprocess.Popen(["nginx", "-p", self.work, "-c", self.work / f"{name}.conf"])

    def stop(self):
        for nginx in (self.nginx, self.constant):
            nginx.terminate()
            nginx.wait(10)
        self.server.stop()

    def client(self, mode, who, path, clients, seconds):
        """Of clients that poll all are connected when this returns; a line begins."""
        client = subprocess.Popen(
            [self.args.build / "bench/load_server", mode, str(self.ports[who]), self.device.cert,
             self.device.key, path, str(clients), str(seconds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if mode == "polls" and client.stdout.readline() != "ready\n":
            sys.exit(f"bench: {who}: {clients} clients cannot connect")
        return client

    def turn(self, mode, who, path, clients):
        """(what the client says, processor seconds of the server)"""
        client = self.client(mode, who, path, clients, self.args.seconds)
        before = sum(p.cpu_s() for p in self.processes[who])
        out, _ = client.communicate("go\n")
        used = sum(p.cpu_s() for p in self.processes[who]) - before
        said = json.loads(out)
        if said["failures"] or not said["requests"]:
            sys.exit(f"bench: {who}, {mode}: {said}")
        return said, used

    def turns(self, mode, who_all, path, clients, worth):
        """For each, of every turn, the rate and what a processor's second is good for; worth: what
        is counted of a turn."""
        turns = {who: [] for who in who_all}
        for _ in range(self.args.turns):
            for who in who_all:
                said, used = self.turn(mode, who, path, clients)
                turns[who].append((worth(said) / said["seconds"], worth(said) / used))
        return turns

    def idle_kb(self, who, n=1000):
        """Memory of n connections that do nothing, over what was there before."""
        process = self.processes[who][0]
        before = process.rss_kb()
        client = self.client("idle", who, POLL, n, 6)
        time.sleep(5)
        kb = process.rss_kb() - before
        said = json.loads(client.communicate()[0])
        if said["failures"]:
            sys.exit(f"bench: {who}, idle: {said}")
        return kb


def fleet(build, work, n):
    """What a server of its own, set up as `init` does it, takes in: all, or the bench ends."""
    import ferryd
    import images
    server = ferryd.Ferryd(work / "fleet").start()
    try:
        for name, image in (("app", images.app(version="1.0.0", size=FLEET_IMAGE_BYTES)),
                            ("updater", images.app("updater", "9.0.0", size=9000))):
            (work / f"{name}.bin").write_bytes(image)
        ferryd.run("release", "add", server.folder, work / "app.bin")
        token = ferryd.run("token", "new", server.folder, "--json", "--uses", n, "--url",
                           server.doors["devices"])
        done = subprocess.run(
            [build / "ferry", "agent", "--fleet", str(n), "--project", "demo", "--json",
             "--updater", work / "updater.bin", "--join", json.loads(token.stdout)["join"]],
            capture_output=True, text=True, check=False, timeout=FLEET_MOST_S)
        said = json.loads(done.stdout)
        used = Process(server.process.pid).cpu_s()
    finally:
        server.stop()
    if done.returncode or said["updated"] != n:
        sys.exit(f"bench: fleet: {said}")
    print(f"{f'{n} devices enrol, update, confirm':38} {'ferryd':15} {said['seconds']:9.1f} s     "
          f"{1000 * used / n:9.1f} ms CPU each, {said['failed']} failed")


def requests(said):
    return said["requests"]


def megabytes(said):
    return said["bytes"] / 1e6


def show(name, turns, unit):
    for who, own in turns.items():
        rate, each = (median(column) for column in zip(*own))
        ratio = median(one[1] / other[1] for one, other in zip(own, turns["nginx"]))
        cost = f"{1e6 / each:9.0f} us CPU each" if unit == "/s" else f"{each:9.0f} MB/s per core"
        print(f"{name:38} {who:15} {rate:9.0f} {unit:5} {cost} {ratio:6.2f} x nginx", flush=True)


@contextlib.contextmanager
def core_for(processes):
    """Meanwhile the last core is the servers', and the others everything else's."""
    cores = os.sched_getaffinity(0)
    last = max(cores)
    threads = [int(thread) for process in processes
               for thread in os.listdir(f"/proc/{process.pid}/task")]
    for thread in threads if len(cores) > 1 else ():
        os.sched_setaffinity(thread, {last})
    os.sched_setaffinity(0, cores - {last} or cores)
    yield
    os.sched_setaffinity(0, cores)


def measure(bench):
    memory = {who: bench.idle_kb(who) for who in ("ferryd", "nginx")}
    both, three = ("ferryd", "nginx"), ("ferryd", "nginx", "nginx > ferryd")
    four = (*three, "nginx > constant")
    show("polls, 32 connections kept, mTLS", bench.turns("polls", three, POLL, 32, requests), "/s")
    show("polls, a full handshake each, mTLS", bench.turns("fresh", both, POLL, 16, requests), "/s")
    show("polls, a resumed handshake each, mTLS",
         bench.turns("resumed", both, POLL, 16, requests), "/s")
    for clients in (50, 200):
        show(f"firmware of 1.5 MB, {clients} connections",
             bench.turns("polls", four, bench.firmware, clients, megabytes), "MB/s")
    for who, kb in memory.items():
        print(f"{'1,000 idle connections':38} {who:15} {kb / 1024:9.1f} MB more memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--fleet", type=int, default=1000)
    args = parser.parse_args()
    args.build = args.build.resolve()
    with tempfile.TemporaryDirectory(prefix="ferryd-bench-", dir="/tmp") as work:
        bench = Bench(args, Path(work))
        try:
            with core_for({p for each in bench.processes.values() for p in each}):
                measure(bench)
        finally:
            bench.stop()
        fleet(args.build, Path(work), args.fleet)


if __name__ == "__main__":
    main()
