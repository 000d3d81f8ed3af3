"""What the tests of the server share: the program, both databases, a server that runs."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import postgres
import pytest
from ferryd import Ferryd

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/e2e"))  # images.py, the builder of images
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


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def engine(request):
    """Everything that has a server runs on both."""
    return request.param


@pytest.fixture(scope="module")
def databases(engine, request):
    """The PostgreSQL that makes this engine's databases; None for SQLite, which needs nobody."""
    return request.getfixturevalue("cluster") if engine == "postgres" else None


@pytest.fixture(scope="module")
def new_server(databases, tmp_path_factory):
    """Makes servers of this engine, not started yet; the words are ferryd.Ferryd's. They are
    stopped in the end, if a test has not; killed ones would not say what they covered."""
    made = []

    def make(*init_options, **how):
        made.append(Ferryd(tmp_path_factory.mktemp("server") / "state", *init_options,
                           cluster=databases, **how))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        if databases:
            databases.give_back(one.database)


@pytest.fixture(scope="module")
def server(new_server):
    """A ferryd that runs."""
    one = new_server().start()
    yield one
    assert one.stop() == 0, one.log.read_text()[-2000:]
