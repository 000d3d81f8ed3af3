"""Thirty devices in every state that there is, and a few releases: what the pages are looked at
with."""

import json
import sqlite3
import time

STATES = ["confirmed"] * 4 + ["idle", "downloading", "installed", "failed", "rolled_back",
                              "needs_release", "no_rollback"]
REASONS = {"failed": "download cut 5 times at 612352 of 1048576 bytes", "rolled_back": "watchdog",
           "needs_release": "the key is lost; release me", "no_rollback":
           "the bootloader was built without rollback"}
SEEN_S = [5, 40, 200, 1800, 5000, 50000, 3 * 86400, 40 * 86400]


def fill(server, operator, devices=30):
    """By what devices and operators send; only the times are set afterwards."""
    operator.post("/api/v1/channels", {"channel": "beta"})
    releases = [operator.release(project="pump-controller", version=version, size=20000 + 4096 * i,
                                 seed=i) for i, version in enumerate(("1.4.0", "1.4.1"))]
    releases.append(operator.release(project="pump-controller", version="2.0.0-rc1+build.4711",
                                     channel="beta", public=1, size=90000))
    operator.post(f"/api/v1/releases/{releases[0]['serial']}/withdraw")
    names = []
    for i in range(devices):
        name = f"pump-{i:02}" if i % 7 else f"hall-3.line-{i:02}:controller-of-the-cooling-pump"
        names.append(name)
        device = server.enrol(name)
        state = STATES[i % len(STATES)]
        release = releases[1 + i % 2]
        if i == devices - 1:
            continue  # never heard of again
        said = {"state": state, "version": release["version"], "sha": release["sha256"],
                "serial": release["serial"], "project": "pump-controller", "chip": "esp32c3",
                "slot_bytes": 0x1E0000, "wear_percent": i % 60, "reason": REASONS.get(state, "")}
        for before in (["downloading", "installed"] if state == "confirmed" else []):
            report(server, device, {**said, "state": before})
        report(server, device, said)
    operator.post(f"/api/v1/devices/{names[3]}/revoke")
    if (server.folder / "ferryd.db").exists():
        with sqlite3.connect(server.folder / "ferryd.db", timeout=30) as db:
            for i, name in enumerate(names):
                db.execute("UPDATE device_state SET seen = ?, began = ? WHERE device = ?",
                           (time.time() - SEEN_S[i % 8], time.time() - 2 * SEEN_S[i % 8], name))
        db.close()
    return names


def report(server, device, said):
    reply = server.request("POST", "/api/v1/report", device=device, body=json.dumps(said))
    assert reply.status == 204, reply
