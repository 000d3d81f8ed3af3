"""A PostgreSQL of the tests' own: Debian's program, a cluster in a temporary folder, reached
through a Unix socket there. Nothing of it is left behind, and no other PostgreSQL is touched."""

import itertools
import os
import shutil
import subprocess
from pathlib import Path

TIME_LIMIT_S = 60


def programs():
    """The folder of the newest PostgreSQL that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                   key=lambda path: int(path.parts[4]))
    if not found:
        raise RuntimeError("no PostgreSQL: scripts/packages/test.txt names what tests need")
    return found[-1].parent


class Cluster:
    """A server with any number of databases; stopped by stop(), which start() undoes."""

    def __init__(self, folder):
        self.folder, self.bin = Path(folder), programs()
        self.data = self.folder / "data"
        self.numbers, self.given_back = itertools.count(1), []
        # It refuses to run as root.
        self.user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        self._run("initdb", "-D", self.data, "-U", "ferry", "-A", "trust", "--no-sync",
                  "-E", "UTF8", "--locale=C.UTF-8")
        # No data outlives the tests, so none needs to reach a disk.
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n"
                       "fsync = off\nmax_connections = 200\nshared_buffers = 32MB\n")
        self.start()

    def _run(self, program, *words):
        subprocess.run([*self.user, self.bin / program, *map(str, words)], check=True,
                       stdout=subprocess.DEVNULL, timeout=TIME_LIMIT_S, cwd="/")

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "start")

    def stop(self, how="fast"):
        """Ends it; how="immediate" is as good as a crash."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")

    def where(self, name):
        return f"postgres:host={self.folder} user=ferry dbname={name}"

    def sql(self, name, text):
        """What psql prints for it, a line a row."""
        return subprocess.run([self.bin / "psql", "-h", self.folder, "-U", "ferry", "-d", name,
                               "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text], check=True,
                              stdout=subprocess.PIPE, text=True, timeout=TIME_LIMIT_S).stdout

    def new_database(self):
        """An empty database; its name."""
        if self.given_back:
            return self.given_back.pop()
        name = f"test_{next(self.numbers)}"
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def give_back(self, name):
        """Empties a database that is used no more: a new one is a thousand files to remove."""
        self.sql(name, "SET client_min_messages = warning; DROP SCHEMA public CASCADE; "
                       "CREATE SCHEMA public")
        self.given_back.append(name)
