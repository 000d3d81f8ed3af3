#!/usr/bin/env python3
"""The fleet's demo: ferryd is made and started, a virtual device enrols, gets release 1.0.0 and
boots it; 1.1.0 is rolled out over mutual TLS while the link is cut twice; 1.2.0 crashes, is rolled
back and reported. The application knows nothing of all this. Follows scripts/demo.sh, whose
firmware it takes; leaves build/demo-fleet/, and the web page open for DEMO_STAY seconds (900; 0:
it is closed at the end)."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/server"))
from cut_link import Link  # noqa: E402

FOLDER = ROOT / "build/demo-fleet"
BUILD = Path(os.environ.get("FERRY", ROOT / "build/release/ferry")).absolute().parent
IMAGES = ROOT / "build/demo/www"
STATE, DEVICE, PID = FOLDER / "server", FOLDER / "device", FOLDER / "ferryd.pid"
STAY_S = int(os.environ.get("DEMO_STAY", "900"))
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
TABLE = """\
# The updater in factory, the application in ota_0; what the device knows of its server apart.
nvs,       data, nvs,     0x9000,  0x4000
otadata,   data, ota,     0xd000,  0x2000
phy_init,  data, phy,     0xf000,  0x1000
updater,   app,  factory, 0x10000, 1M
app,       app,  ota_0,   ,        1M
ferry_nvs, data, nvs,     ,        0x8000
"""


def colour(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def say(text):
    print(colour(2, f"\n# {text}"), flush=True)


def shorter(line):
    """A report is told by its state and version; the rest of its JSON is long."""
    match = re.match(r"(\s*reported: )(\{.*\})$", line)
    if not match:
        return line
    report = json.loads(match[2])
    words = [report["state"], report.get("version", "")]
    if "reason" in report:
        words.append(f"({report['reason']})")
    return match[1] + " ".join(filter(None, words))


def run(program, *words):
    """Shows the command as one would type it, runs it, shows and returns what it said."""
    print(colour(1, f"$ {program} {' '.join(map(str, words))}"), flush=True)
    done = subprocess.run([BUILD / program, *map(str, words)], cwd=FOLDER, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    for line in done.stdout.splitlines():
        print(shorter(line), flush=True)
    if done.returncode:
        sys.exit(f"demo: {program} ended with {done.returncode}")
    return done.stdout


def insist(condition, complaint):
    if not condition:
        sys.exit(f"demo: {complaint}")


def end_former():
    """Ends the server that an earlier demo left running."""
    try:
        os.kill(int(PID.read_text()), signal.SIGTERM)
        time.sleep(0.5)
    except (OSError, ValueError):
        pass


def make_server():
    token = re.search(r"admin token\s+(\S+)", run("ferryd", "init", "server", "--host",
                                                  "127.0.0.1"))[1]
    with open(STATE / "ferryd.conf", "a", encoding="ascii") as settings:
        settings.write("devices_listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\n")
    return token


def serve():
    """Starts ferryd with the time it may stay; the addresses of its doors."""
    print(colour(1, "$ ferryd serve server &"), flush=True)
    with open(FOLDER / "ferryd.log", "wb") as log:
        process = subprocess.Popen(
            ["timeout", str(STAY_S + 120), BUILD / "ferryd", "serve", "server", "--json"],
            cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            start_new_session=True)
    PID.write_text(str(process.pid))
    line = process.stdout.readline()
    insist(line, f"ferryd did not start: {(FOLDER / 'ferryd.log').read_text()}")
    doors = json.loads(line)["doors"]
    print(f"devices  {doors['devices']}\nadmin    {doors['admin']}")
    return process, doors


def address_of(door):
    host, port = door.rsplit("/", 1)[-1].rsplit(":", 1)
    return host, int(port)


def enrol(url):
    say("A token for one device. The device makes its key itself; the application never sees it.")
    said = run("ferryd", "token", "new", "server", "--device", "pump-17", "--url", url)
    (FOLDER / "join").write_text(re.search(r"^ferry1:.*$", said, re.M)[0])
    run("ferry", "enroll", "device", "@join", "--project", "ferry-demo")
    (FOLDER / "join").unlink()


def live(*options):
    return run("ferry", "agent", "device", "--pace", "20", "--poll", "10", *options)


def page(path):
    """A page, as a browser that has logged in gets it."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.open(f"{DOORS['admin']}/login", f"token={TOKEN}".encode(), timeout=10).close()
    with browser.open(DOORS["admin"] + path, timeout=10) as answer:
        return answer.read().decode()


def make_device():
    (FOLDER / "partitions.csv").write_text(TABLE)
    shutil.copy(IMAGES / "updater-1.0.0.bin", FOLDER / "updater.bin")
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        shutil.copy(IMAGES / f"demo-{version}.bin", FOLDER / f"app-{version}.bin")
    run("ferry", "device", "new", "device", "--chip", "esp32c3", "--flash-size", "4MB",
        "--partitions", "partitions.csv", "--app", "updater=updater.bin")


def updates(link):
    say("Release 1.0.0 into the catalogue; the device finds, verifies and boots it.")
    run("ferryd", "release", "add", "server", "app-1.0.0.bin")
    insist("hands over to 1.0.0" in live("--starts", "1"), "1.0.0 was not started")

    say("Release 1.1.0. The link breaks twice on the way; the download goes on where it stopped.")
    run("ferryd", "release", "add", "server", "app-1.1.0.bin")
    link.cuts[:] = [150_000, 300_000]
    said = live("--starts", "2")
    insist(not link.cuts, "the link was not cut twice")
    insist("1.1.0 is confirmed" in said, "1.1.0 was not confirmed")
    ranges = (FOLDER / "ferryd.log").read_text().count("status=206")
    insist(ranges >= 2, f"the server saw {ranges} resumed downloads; two were due")
    print(colour(2, f"  the server's log: {ranges} requests for the rest of the file (206)"))

    say("Release 1.2.0 crashes. After three crashes it is bad; the last good one comes back.")
    run("ferryd", "release", "add", "server", "app-1.2.0.bin")
    said = live("--starts", "5", "--crashes", "1.2.0")
    insist("1.2.0 is bad" in said and "goes back to 1.1.0" in said, "1.2.0 was not rolled back")
    run("ferryd", "device", "show", "server", "pump-17")
    insist("1.2.0 crashed" in page("/devices/pump-17"), "the crash was not reported")


if not (IMAGES / "updater-1.0.0.bin").is_file():
    sys.exit("demo: build/demo/www has no firmware: run scripts/demo.sh first")
end_former()
shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir(parents=True)
say("An update server: authority, certificates, database, in one folder.")
TOKEN = make_server()
SERVER, DOORS = serve()
LINK = Link(address_of(DOORS["devices"]))
try:
    say("A virtual ESP32-C3 whose factory slot holds the updater, and whose app slot is empty.")
    make_device()
    enrol(LINK.url)
    updates(LINK)
    insist("pump-17" in page("/"), "the page does not show the device")
finally:
    LINK.close()
    if sys.exc_info()[0] or not STAY_S:
        SERVER.terminate()
if STAY_S:
    say("The fleet's page, for a quarter of an hour:")
    print(f"  {DOORS['admin']}    token {TOKEN}\n  to end it: kill $(cat {PID.relative_to(ROOT)})")
