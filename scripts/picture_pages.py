#!/usr/bin/env python3
"""The picture of ferryd's page in docs/server.md: a small fleet, looked at in Chromium.
Usage: build/venv/bin/python scripts/picture_pages.py [--build build/release]"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    args = parser.parse_args()
    os.environ["FERRYD"] = str((args.build / "ferryd").resolve())
    sys.path[:0] = [str(ROOT / "tests/server"), str(ROOT / "tests/e2e")]
    import fleet_of_states
    from chromium import Chromium
    from ferryd import Ferryd
    from operators import Operator
    with tempfile.TemporaryDirectory(prefix="ferryd-picture-", dir="/tmp") as work:
        server = Ferryd(Path(work) / "state").start()
        try:
            operator = Operator(server, "anna")
            fleet_of_states.fill(server, operator, 11)
            window = Chromium(Path(work) / "profile")
            try:
                window.look(960)
                window.go(server.doors["admin"] + "/login")
                window.type("#token", operator.token)
                window.click(".login button")
                assert window.arrives("/")
                window.picture(ROOT / "docs/images/devices.webp")
            finally:
                window.close()
        finally:
            server.stop()


main()
