"""Fixtures for everything that runs the `ferry` command: e2e and interop."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FERRY = Path(os.environ.get("FERRY", "build/release/ferry"))
TIME_LIMIT_S = 60


class Result:
    """How a run of ferry ended."""

    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        """The one JSON object on stdout."""
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\nstdout:\n{self.out}\nstderr:\n{self.err}"


class Ferry:
    """The command under test: ferry("status", device) -> Result."""

    path = FERRY if FERRY.is_absolute() else ROOT / FERRY

    def __init__(self, *before):
        self.before = [str(word) for word in before]  # a command that runs it

    def __call__(self, *words, stdin=None, cwd=None, env=None):
        return Result(subprocess.run(
            [*self.before, str(self.path), *map(str, words)], check=False, cwd=cwd, input=stdin,
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIME_LIMIT_S,
            env=None if env is None else {**os.environ, **env}))

    def ok(self, *words, **options):
        """Runs and insists on exit 0."""
        result = self(*words, **options)
        assert result.code == 0, result
        return result

    def refused(self, *words, **options):
        """Runs and insists on exit 1 with a reason."""
        result = self(*words, **options)
        assert result.code == 1 and result.err.strip(), result
        return result

    def start(self, *words, **options):
        """Starts it and returns the Popen, for tests that interrupt or race it."""
        return subprocess.Popen([str(self.path), *map(str, words)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture(scope="session")
def ferry():
    command = Ferry()
    if not command.path.is_file():
        pytest.fail(f"{command.path} is not built; run `make build`", pytrace=False)
    return command
