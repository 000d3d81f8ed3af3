"""Thirty devices in every state that there is, and a few releases: what the pages are looked at
with."""

import json
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
        if state == "confirmed":
            report(server, device, {**said, "state": "installed"})
        if state == "downloading":
            report(server, device, {**said, "state": "confirmed",
                                    "version": releases[1]["version"]})
            reply = server.request("GET", f"/api/v1/firmware/{releases[2]['sha256']}.bin",
                                   device=device, headers={"Range": "bytes=0-999"})
            assert reply.status == 206, reply
        else:
            report(server, device, said)
    operator.post(f"/api/v1/devices/{names[3]}/revoke")
    now = int(time.time())
    for i, name in enumerate(names):
        ago = SEEN_S[i % 8]
        server.sql(f"UPDATE device_state SET seen = {now - ago}, began = {now - 2 * ago} "
                   f"WHERE device = '{name}'")
    return names


def report(server, device, said):
    reply = server.request("POST", "/api/v1/report", device=device, body=json.dumps(said))
    assert reply.status == 204, reply
