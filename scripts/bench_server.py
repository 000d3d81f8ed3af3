#!/usr/bin/env python3
"""ferryd beside nginx, serving the same bytes with the same certificates in the same run.

What counts is what a server's own processes use of a processor (nanoseconds of schedstat) for a
request, a handshake or a megabyte. The servers have one core for themselves, the clients the
others. Whoever is measured runs at the same time as nginx, on the same core with clients of its
own, so that what else the machine does falls on both within milliseconds; a ratio is the median of
several turns. ferryd reads the certificate's row at every request and asks its database what the
device should run; nginx answers 204 from its configuration. `nginx > ferryd` is another nginx
before it, by the lines of packaging/nginx, and `nginx > constant` one before a server that allows
everything without a look: the most that a server behind nginx can reach.

Last comes a fleet: virtual devices of `ferry agent --fleet` enrol, update and confirm, all from one
address, at a ferryd with the settings that `init` wrote.

    scripts/bench_server.py [--build build/release] [--seconds 2] [--turns 9] [--fleet 1000]"""

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
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests/server"), str(ROOT / "tests/e2e")]
POLL = "/api/v1/manifest?project=p&chip=esp32c3&version=1&slot_bytes=1000000"
IMAGE_BYTES = 1_572_864
FLEET_IMAGE_BYTES = 200_000
FLEET_MOST_S = 300

NGINX = """
daemon off; master_process off; worker_processes 1; pid {work}/{name}.pid;
error_log stderr crit; worker_rlimit_nofile 10000;
events {{ worker_connections 8192; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
    ssl_certificate {state}/ca/server.pem; ssl_certificate_key {state}/ca/server.key;
    ssl_trusted_certificate {state}/ca/clients.pem; ssl_verify_client optional_no_ca;
    ssl_verify_depth 2;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on; ssl_ecdh_curve X25519:P-256;
    {temps}
    map $ssl_client_verify $ferry_client_cert {{
        SUCCESS serial=$ssl_client_serial; default $ssl_client_escaped_cert;
    }}
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header Ferry-Client-Cert $ferry_client_cert;
    proxy_set_header Ferry-Client-Address $remote_addr;
    upstream behind {{ server unix:{socket}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{port} ssl;
{locations}
    }}
}}
"""
ALONE = """
        location /api/v1/manifest {{ return 204; }}
        location /api/v1/firmware/ {{
            alias {state}/blobs/; default_type application/octet-stream;
        }}"""
BEFORE = """
        location / {{ proxy_pass http://behind; }}
        location /blobs/ {{ internal; alias {state}/blobs/; }}"""
# Allows everything, without a look: what passing requests on costs when the answer costs nothing.
CONSTANT = """
daemon off; master_process off; worker_processes 1; pid {work}/{name}.pid;
error_log stderr crit; events {{ }}
http {{
    access_log off; keepalive_requests 1000000000;
    {temps}
    server {{
        listen unix:{socket};
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
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

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
        self.started = []
        self.ports = {"ferryd": self.server.address("devices")[1]}
        self.processes = {"ferryd": [Process(self.server.process.pid)]}
        socket_path = work / "constant.sock"
        constant = self.start_nginx("constant", CONSTANT, sha=sha, socket=socket_path)
        self.start_front("nginx", ALONE, socket_path, [])
        self.start_front("nginx > ferryd", BEFORE, self.server.folder / "proxy.sock",
                         self.processes["ferryd"])
        self.start_front("nginx > constant", BEFORE, socket_path, [constant])

    def start_front(self, who, locations, socket_path, behind):
        """An nginx that ends TLS; behind: the processes that it asks."""
        state = self.server.folder
        [self.ports[who]] = free_ports(1)
        front = self.start_nginx(f"front-{len(self.started)}", NGINX, state=state,
                                 port=self.ports[who], socket=socket_path,
                                 locations=locations.format(state=state))
        wait_for(self.ports[who])
        self.processes[who] = [front, *behind]

    def start_nginx(self, name, text, **facts):
        temps = " ".join(f"{kind}_temp_path {self.work}/{name}-{kind};" for kind in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.work / f"{name}.conf").write_text(text.format(name=name, work=self.work, temps=temps,
                                                            **facts))
        self.started.append(
            subprocess.Popen(["nginx", "-p", self.work, "-c", self.work / f"{name}.conf"]))
        return Process(self.started[-1].pid)

    def stop(self):
        for nginx in self.started:
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

    def cpu_s(self, who):
        return sum(process.cpu_s() for process in self.processes[who])

    def turn(self, who_all, mode, path, clients, worth):
        """What a processor's second is good for, of each, all at the same time; worth: what is
        counted of what a client says."""
        load = {who: self.client(mode, who, path, clients, self.args.seconds) for who in who_all}
        before = {who: self.cpu_s(who) for who in who_all}
        for client in load.values():
            client.stdin.write("go\n")
            client.stdin.flush()
        made = {}
        for who, client in load.items():
            said = json.loads(client.communicate()[0])
            if said["failures"] or not said["requests"]:
                sys.exit(f"bench: {who}, {mode}: {said}")
            made[who] = worth(said)
        return {who: made[who] / (self.cpu_s(who) - before[who]) for who in who_all}

    def turns(self, who, *load):
        return [self.turn(("nginx", who), *load) for _ in range(self.args.turns)]

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


def show(name, bench, load, who_all, unit):
    """A line for each, and the quartiles of its turns' ratios."""
    for who in who_all:
        turns = bench.turns(who, *load)
        own, nginx = (median(turn[one] for turn in turns) for one in (who, "nginx"))
        low, ratio, high = quantiles([turn[who] / turn["nginx"] for turn in turns], n=4)
        each = f", {1e6 / own:5.0f} us each; nginx {1e6 / nginx:5.0f}" if unit == "/s" else \
            f"; nginx {nginx:6.0f}"
        print(f"{name:38} {who:17} {own:7.0f} {unit} per core{each}: "
              f"{ratio:.2f} x ({low:.2f} to {high:.2f})", flush=True)


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
    one, two = ("ferryd",), ("ferryd", "nginx > ferryd")
    show("polls, 32 connections kept, mTLS", bench, ("polls", POLL, 32, requests), two, "/s")
    show("polls, a full handshake each, mTLS", bench, ("fresh", POLL, 16, requests), one, "/s")
    show("polls, a resumed handshake each, mTLS", bench, ("resumed", POLL, 16, requests), one, "/s")
    for clients in (50, 200):
        show(f"firmware of 1.5 MB, {clients} connections", bench,
             ("polls", bench.firmware, clients, megabytes), (*two, "nginx > constant"), "MB/s")
    for who, kb in memory.items():
        print(f"{'1,000 idle connections':38} {who:15} {kb / 1024:9.1f} MB more memory")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--turns", type=int, default=9)
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
