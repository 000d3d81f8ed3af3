"""An emulated machine: QEMU's sifive_u or virt with a flash file, its console, its power switch.

The flash is a plain file of 32 MB. Killing the process is a power cut: what was written is in the
file, what was under way may be there in part.

On sifive_u the machine goes on while a thread of the emulator writes to the file, so a kill also
loses what that thread has in hand, which on a busy host may be much. Nobody has to guess what that
was: the emulator keeps a record of each write that it takes on and of its end.
"""

import os
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QEMU = "qemu-system-riscv32"
FLASH_BYTES = 32 << 20
WAIT_S = 30  # for one answer; the machine is rarely busy for half a second
POLL_S = 0.001
IN_RECORD = re.compile(rb"thread_pool_(submit|complete)\S* .*?req (0x[0-9a-f]+).*\n")


class Silence(AssertionError):
    """The console did not say what was waited for."""


def sifive_u(flash):
    """A machine with a SPI NOR flash that keeps NOR's rules."""
    return ["-M", "sifive_u", "-semihosting-config", "enable=on,target=native",
            "-drive", f"if=mtd,format=raw,file={flash}"]


def virt(flash, network=""):
    """A machine with a network, and its flash on a disk. network: more of QEMU's user network, such
    as "tftp=FOLDER" for its own server."""
    return ["-M", "virt", "-global", "virtio-mmio.force-legacy=false",
            "-drive", f"if=none,id=flash,format=raw,file={flash}",
            "-device", "virtio-blk-device,drive=flash",
            "-netdev", ",".join(filter(None, ["user,id=network", network])),
            "-device", "virtio-net-device,netdev=network"]


class Machine:
    """One power-on. What the machine has said so far is in `said`. A reset ends it, unless it
    restarts by itself: then it only ends by a kill."""

    powered = set()  # the machines that nobody has switched off

    def __init__(self, kernel, flash, kind=sifive_u, restarts=False):
        if not shutil.which(QEMU):
            raise FileNotFoundError(f"{QEMU} is not installed; `make setup` installs it")
        self.said, self.at = b"", 0
        self.record = os.fdopen(os.memfd_create("record"), "rb")
        fd = self.record.fileno()
        self.process = subprocess.Popen(
            # It dies with the thread that started it.
            ["setpriv", "--pdeathsig", "KILL",
             QEMU, *kind(flash), "-m", "128M", "-bios", "none", "-display", "none",
             "-monitor", "none", "-serial", "stdio", "-kernel", str(kernel),
             *([] if restarts else ["-no-reboot"]),
             # One thread writes to the file, or a kill could lose a write and keep a later one.
             "-object", "main-loop,id=main-loop,thread-pool-max=1",
             "-trace", "thread_pool_*", "-D", f"/proc/self/fd/{fd}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
            pass_fds=[fd])
        os.set_blocking(self.process.stdout.fileno(), False)
        self.powered.add(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def listen(self, seconds):
        """Takes what the console says within that time; False once it has closed."""
        fd = self.process.stdout.fileno()
        if not select.select([fd], [], [], max(0, seconds))[0]:
            return True
        piece = os.read(fd, 65536)
        self.said += piece
        return bool(piece)

    def expect(self, pattern, wait_s=WAIT_S):
        """The match of a pattern in what was said since the last match."""
        end = time.monotonic() + wait_s
        while True:
            match = re.search(pattern, self.said[self.at:])
            if match:
                self.at += match.end()
                return match
            if not self.listen(end - time.monotonic()) or time.monotonic() > end:
                raise Silence(f"{pattern!r} was not said, but:\n"
                              f"{self.said.decode(errors='replace')}")

    def send(self, data):
        """Sends bytes, or a line of text."""
        data = data if isinstance(data, bytes) else data.encode() + b"\n"
        while data:
            data = data[self.process.stdin.write(data):]

    def ask(self, line):
        """Sends a command; its answer, up to the next prompt."""
        self.send(line)
        return self.expect(rb"(?s)(.*?)(?:^|\n)> ")[1].decode().replace("\r", "")

    def end(self, wait_s=WAIT_S):
        """Waits for the machine to end by itself; its exit code, 0 after a reset."""
        limit = time.monotonic() + wait_s
        while self.listen(limit - time.monotonic()):
            if time.monotonic() > limit:
                raise Silence(f"the machine does not end:\n{self.said.decode(errors='replace')}")
        code = self.process.wait(wait_s)
        assert code or not self.in_hand(), "a reset has lost what the machine wrote before"
        return code

    def moment(self):
        """Now, as a place in the record: what the machine has written by now stands before it."""
        return os.fstat(self.record.fileno()).st_size

    def in_hand(self, moment=None):
        """How many writes the emulator had taken on by that moment, or by now, and has not told the
        end of. Without any the file has what the machine wrote until then, whatever comes."""
        return self.count_in_hand(self.record_bytes(), moment)

    def record_bytes(self):
        return os.pread(self.record.fileno(), self.moment(), 0)

    @staticmethod
    def count_in_hand(record, moment=None):
        begun = {}
        for line in IN_RECORD.finditer(record):
            if line[1] == b"submit":
                begun[line[2]] = line.start()
            else:
                begun.pop(line[2], None)
        return sum(moment is None or start < moment for start in begun.values())

    def settle(self):
        """Waits until the file has what the machine wrote."""
        now, limit = self.moment(), time.monotonic() + WAIT_S
        while self.in_hand(now):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise Silence("what the machine wrote does not reach the file")
            time.sleep(POLL_S)

    def kill(self):
        """Cuts the power. What the record says of the end stays."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.powered.discard(self)

    @classmethod
    def kill_all(cls):
        for machine in list(cls.powered):
            machine.kill()


def new_flash(path):
    """A blank flash: all 0xff."""
    with open(path, "wb") as file:
        for _ in range(FLASH_BYTES >> 20):
            file.write(b"\xff" * (1 << 20))
    return path


def run_script(root, script, *words, env=None):
    """Runs a script of a tree and insists that it succeeds."""
    done = subprocess.run([root / script, *map(str, words)], check=False, cwd=root, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240,
                          env={**os.environ, **(env or {})})
    assert done.returncode == 0, done.stdout


def compile_program(output, *words, root=ROOT, port="sifive-u"):
    """Compiles a program for the machine from sources of the project; it is its first code."""
    run_script(root, f"ports/{port}/compile.sh", "0x80000000", "0x100000", output, *words)
    return output


def tree_with_fault(folder, *faults):
    """A copy of what firmware is made of, with faults planted: (file, old text, new text)."""
    for room in ("include", "core", "agent", "crypto", "ports", "firmware", "tests", "cmake"):
        shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("vectors"))
    for name, old, new in faults:
        text = (folder / name).read_text()
        assert text.count(old) == 1, f"{name} has this fault's place {text.count(old)} times: {old}"
        (folder / name).write_text(text.replace(old, new))
    return folder
