"""A C test program built over a copy of the core, to see that it notices faults planted there. Used
by test_*_bites.py: each names the program, what it is made of, and the faults."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "crypto", "include", "ports/sim", "tests/support", "tests/power", "tests/unit")
INCLUDES = ("include", ".", "ports/sim", "tests/support", "tests/power")
CRYPTO = ("crypto/openssl.c", "crypto/openssl_verify.c")


class Program:
    """A test program: its sources beside the flash model, the arguments it is run with, and which
    files of the core it needs (`core`: a function of the file's name; all of them unless said)."""

    def __init__(self, name, *sources, words=(), core=lambda name: True, optimise="-O2"):
        self.name, self.words = name, words
        self.sources = (*sources, "ports/sim/sim_flash.c")
        self.core, self.optimise = core, optimise

    def run(self, folder, faults=()):
        """Builds it in `folder` with faults (file, old text, new text) planted, and runs it."""
        for room in ROOMS:
            shutil.copytree(ROOT / room, folder / room)
        for name, old, new in faults:
            text = (folder / name).read_text()
            assert text.count(old) == 1, f"{name} has no longer one place that says: {old}"
            (folder / name).write_text(text.replace(old, new))
        core = [path for path in sorted((folder / "core").glob("*.c")) if self.core(path.name)]
        subprocess.run(["gcc", "-std=c11", self.optimise, *(f"-I{folder / i}" for i in INCLUDES),
                        *(folder / source for source in self.sources), *core,
                        "-lcrypto", "-o", folder / self.name], check=True)
        return subprocess.run([folder / self.name, *self.words], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)

    def passes(self, folder):
        result = self.run(folder / "tree")
        assert result.returncode == 0, result.stdout[-2000:]
        assert result.stdout.splitlines()[-1].endswith(" 0 failed")

    def catches(self, folder, faults):
        result = self.run(folder / "tree", faults)
        assert result.returncode == 1, "it noticed nothing"
        assert not result.stdout.splitlines()[-1].endswith(" 0 failed")
