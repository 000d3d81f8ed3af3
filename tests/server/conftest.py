"""What the tests of the server share: the program, both databases, a server that runs."""

import os
import shutil
import tempfile
from pathlib import Path

import postgres
import pytest

ROOT = Path(__file__).resolve().parents[2]
FERRYD = ROOT / os.environ.get("FERRYD", "build/release/ferryd")


@pytest.fixture(scope="session")
def programs():
    """The folder of the C programs of tests/server, built beside ferryd."""
    folder = FERRYD.parent / "tests"
    if not (folder / "test_db").is_file():
        pytest.fail(f"{folder}/test_db is not built; run `make build`", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL that lives as long as the tests."""
    # A socket's path has little room, so not pytest's folder.
    folder = tempfile.mkdtemp(prefix="ferryd-pg-", dir="/tmp")
    started = None
    try:
        started = postgres.Cluster(folder)
        yield started
    finally:
        if started:
            started.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)
