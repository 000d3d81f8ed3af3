"""Self-tests of the checks: each copies what a check looks at, sees the check pass, plants one
fault and sees it found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Tree:
    """A copy of a part of the project that a test may damage."""

    def __init__(self, folder):
        self.root = folder

    def copy(self, *names):
        for name in names:
            source, target = ROOT / name, self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copy2(source, target)
        return self

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self, name, old, new):
        """Replaces the first `old`, which must be there."""
        path = self.root / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r} to plant a fault in"
        path.write_text(text.replace(old, new, 1))

    def check(self, name, *flags):
        """Runs scripts/check_NAME.py of the project on this tree: (exit code, output)."""
        script = ROOT / f"scripts/check_{name}.py"
        done = subprocess.run([sys.executable, script, *flags, self.root], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout

    def passes(self, name):
        code, output = self.check(name)
        assert code == 0, output

    def finds(self, name, *words):
        """The check fails, and one complaint names all these words."""
        code, output = self.check(name)
        assert code != 0, f"the fault went unnoticed:\n{output}"
        assert any(all(word in line for word in words) for line in output.splitlines()), output


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)
