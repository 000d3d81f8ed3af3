"""A backup made while the server works, restored on either engine: the same rows and files, and a
server that its devices know. What is damaged, cut or foreign is refused before anything is made."""

import hashlib
import io
import json
import random
import re
import shutil
import subprocess
import tarfile
import threading
import time

import ferryd
import images
import pytest

DEVICES = 4
URL = "--url=https://localhost:1"


def contents(path):
    """Name to bytes of every file; of rows in any order, since a table has none."""
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            if not member.isfile():
                continue
            data = tar.extractfile(member).read()
            if member.name.startswith("rows/"):
                names, _, rows = data.partition(b"\n")
                data = names + b"\n" + b"\n".join(sorted(rows.split(b"\n")))
            found[member.name] = data
    return found


def report(server, device, state):
    return server.request("POST", "/api/v1/report", device=device, headers={
        "Content-Type": "application/json"}, body=json.dumps(
            {"state": state, "version": "1.0.0", "reason": "tab\t, line\n and back\\slash"}))


@pytest.fixture(scope="module")
def fleet(new_server, tmp_path_factory):
    """A server with devices and a release; the backup was made while more enrolled."""
    work = tmp_path_factory.mktemp("fleet")
    server = new_server().start()
    devices = [server.enrol(f"pump-{i}", URL) for i in range(DEVICES)]
    (work / "app.bin").write_bytes(images.app(size=200000))
    ferryd.run("release", "add", server.folder, work / "app.bin")
    ferryd.run("user", "add", server.folder, "watcher", "--read-only")
    for device in devices:
        assert report(server, device, "idle").status == 204
    more = threading.Thread(target=lambda: [server.enrol(f"late-{i}", URL) for i in range(DEVICES)])
    more.start()
    ferryd.run("backup", server.folder, work / "all.tar")
    more.join()
    yield server, devices, work / "all.tar"
    server.stop()


@pytest.fixture
def into(databases):
    """The words for `restore` that choose the engine; the database is a new one."""
    if not databases:
        return []
    return ["--database", databases.where(databases.new_database())]


def where_of(kind, folder, cluster):
    return "sqlite:ferryd.db" if kind == "sqlite" else cluster.where(cluster.new_database())


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_restored_server_is_the_same_on_either_engine(target, fleet, cluster, tmp_path):
    server, devices, backup = fleet
    state, again = tmp_path / "restored", tmp_path / "again.tar"
    ferryd.run("restore", backup, state, "--database", where_of(target, state, cluster))
    done = json.loads(ferryd.run("audit", "verify", state, "--json").stdout)
    assert done["ok"] and done["entries"] >= DEVICES
    ferryd.run("backup", state, again)
    before, after = contents(backup), contents(again)
    for name in ("backup.txt", "SHA256SUMS"):
        before.pop(name), after.pop(name)
    setting = after.pop("files/ferryd.conf").decode()
    assert f"database = {target}:" in setting
    kept = [line for line in before.pop("files/ferryd.conf").decode().splitlines()
            if not line.startswith("database ")]
    assert [line for line in setting.splitlines() if not line.startswith("database ")] == kept
    assert before == after

    restored = ferryd.Ferryd.__new__(ferryd.Ferryd)
    restored.__dict__.update(server.__dict__, folder=state, process=None, log=tmp_path / "log")
    restored.start()
    try:
        for device in devices:
            assert report(restored, device, "idle").status == 204
        restored.enrol("new-one", URL)
    finally:
        assert restored.stop() == 0


def test_what_was_unpacked_by_hand_can_be_checked_by_sha256sum(fleet, tmp_path):
    with tarfile.open(fleet[2]) as tar:
        tar.extractall(tmp_path, filter="data")
        names = {m.name for m in tar if m.isfile()} - {"SHA256SUMS"}
    sums = dict(reversed(line.split("  ")) for line in
                (tmp_path / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
                    for name in names}
    assert any(name.startswith("files/blobs/") for name in names)


def refused(words, *command):
    done = ferryd.run(*command, check=False)
    assert done.returncode == 1 and words in done.stderr, done


def test_nothing_is_replaced(fleet, cluster, tmp_path):
    server, _, backup = fleet
    refused("is there already", "backup", server.folder, backup)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").touch()
    refused("is not empty", "restore", backup, tmp_path / "full")
    used = cluster.where(cluster.new_database())
    ferryd.run("restore", backup, tmp_path / "one", "--database", used)
    refused("is not empty", "restore", backup, tmp_path / "two", "--database", used)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full", "one"]


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_killed_restore_leaves_no_half_server(target, fleet, cluster, tmp_path):
    state, where = tmp_path / "state", where_of(target, tmp_path, cluster)
    for i in range(12):
        process = subprocess.Popen([ferryd.FERRYD, "restore", fleet[2], state, "--database", where],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.006 * i)
        process.kill()
        process.wait()
        if state.exists():
            break
        shutil.rmtree(tmp_path / "state.restoring", ignore_errors=True)
        done = ferryd.run("restore", fleet[2], state, "--database", where, check=False)
        if done.returncode:  # killed between PostgreSQL's commit and the folder's name
            assert target == "postgres" and "is not empty" in done.stderr
        else:
            shutil.rmtree(state)
        where = where_of(target, tmp_path, cluster)
    else:
        ferryd.run("restore", fleet[2], state, "--database", where)
    assert json.loads(ferryd.run("audit", "verify", state, "--json").stdout)["ok"]
    listed = json.loads(ferryd.run("device", "list", state, "--json").stdout)["devices"]
    assert {f"pump-{i}" for i in range(DEVICES)} <= {row["device"] for row in listed}


def test_a_damaged_backup_is_refused_and_leaves_nothing(fleet, tmp_path):
    data, dice = fleet[2].read_bytes(), random.Random(9)
    with tarfile.open(fleet[2]) as tar:
        places = [(m.offset_data, m.size) for m in tar if m.isfile() and m.size]
    for _ in range(12):
        offset, size = dice.choice(places)
        at = offset + dice.randrange(size)
        bad = tmp_path / "bad.tar"
        bad.write_bytes(data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1:])
        refused("backup", "restore", bad, tmp_path / "made")
    for cut in (0, 100, 512, len(data) // 2, places[-1][0] - 512):
        bad.write_bytes(data[:cut])
        refused("backup", "restore", bad, tmp_path / "made")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.tar"]


def forge(path, change):
    """Writes a backup of one's own making, with sums that are right. change(entries) edits the
    list of [name, bytes]; a name that ends in / is a folder's."""
    entries = [["backup.txt", b"format 1\nferryd 0\nschema 1\n"]]
    change(entries)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in entries
                   if not name.endswith("/"))
    with tarfile.open(path, "w") as tar:
        for name, data in [*entries, ["SHA256SUMS", sums.encode()]]:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o600
            if name.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, 0o700
            tar.addfile(info, io.BytesIO(data))


@pytest.mark.parametrize("words, change", [
    ("does not belong into a backup", lambda e: e.append(["files/../../evil", b"x"])),
    ("does not belong into a backup", lambda e: e.append(["/etc/evil", b"x"])),
    ("does not belong into a backup", lambda e: e.append(["files/.hidden", b"x"])),
    ("versions up to", lambda e: e[0].__setitem__(1, b"format 1\nferryd 9\nschema 999\n")),
    ("knows format 1", lambda e: e[0].__setitem__(1, b"format 2\nferryd 9\nschema 1\n")),
    ("is no backup of ferryd", lambda e: e.pop()),
    ("does not know", lambda e: e.append(["rows/sqlite_master/000001", b"name\n"])),
    ("no line of column names", lambda e: e.append(["rows/audit/1", b"seq) VALUES (1); --\n"])),
    ("a row in the backup is none", lambda e: e.append(["rows/audit/000001", b"seq\nx7\n"])),
    ("a row in the backup is none", lambda e: e.append(["rows/audit/000001", b"seq\ni7"])),
    ("INTO audit (seq)", lambda e: e.append(["rows/audit/000001", b"seq\ni7\n"])),  # and no at
])
def test_a_forged_backup_is_refused_and_leaves_nothing(words, change, into, tmp_path):
    forge(tmp_path / "forged.tar", change)
    refused(words, "restore", tmp_path / "forged.tar", tmp_path / "made", *into)
    assert [p.name for p in tmp_path.iterdir()] == ["forged.tar"]
    restore_oldest(tmp_path, into)  # which a database that is not empty would refuse


def restore_oldest(folder, into):
    forge(folder / "old.tar", lambda e: e.append(["files/ferryd.conf", b"\n"]))
    ferryd.run("restore", folder / "old.tar", folder / "new", *into)


def test_an_older_backup_is_brought_up_to_date(into, tmp_path):
    restore_oldest(tmp_path, into)
    for command in (("audit", "verify"), ("device", "list"), ("release", "list")):
        assert json.loads(ferryd.run(*command, tmp_path / "new", "--json").stdout)["ok"]


def test_rows_of_before_a_step_are_carried_over_it(fleet, into, tmp_path):
    """Steps 10 and 11 gave a table a column each: a backup of before them, restored, has rows
    without these."""
    new = {"device_state": b"coming", "operator": b"is_read_only"}
    with tarfile.open(fleet[2]) as tar:
        kept = [[m.name, tar.extractfile(m).read()] if m.isfile() else [f"{m.name}/", b""]
                for m in tar if m.name != "SHA256SUMS"]
    for entry in kept:
        if entry[0] == "backup.txt":
            entry[1] = re.sub(rb"schema \d+", b"schema 9", entry[1])
        table = entry[0].split("/")[1] if entry[0].startswith("rows/") else None
        if table in new and not entry[0].endswith("/"):
            rows = [row.split(b"\t") for row in entry[1].splitlines()]
            at = rows[0].index(new[table])
            entry[1] = b"".join(b"\t".join(row[:at] + row[at + 1:]) + b"\n" for row in rows)
    forge(tmp_path / "nine.tar", lambda e: e.__setitem__(slice(None), kept))
    ferryd.run("restore", tmp_path / "nine.tar", tmp_path / "new", *into)
    listed = json.loads(ferryd.run("device", "list", tmp_path / "new", "--json").stdout)["devices"]
    said = {row["device"]: row["report"] for row in listed}
    assert all((said[f"pump-{i}"]["state"], said[f"pump-{i}"]["coming"]) == ("idle", "")
               for i in range(DEVICES))
    # Who was an operator before there were read-only ones was a full one.
    users = json.loads(ferryd.run("user", "list", tmp_path / "new", "--json").stdout)["operators"]
    assert {u["operator"]: u["read_only"] for u in users} == {"admin": False, "watcher": False}
    assert json.loads(ferryd.run("audit", "verify", tmp_path / "new", "--json").stdout)["ok"]


def test_a_link_in_a_backup_is_refused(tmp_path):
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        info = tarfile.TarInfo("files/blobs")
        info.type, info.linkname = tarfile.SYMTYPE, "/tmp"
        tar.addfile(info)
    refused("does not belong", "restore", tmp_path / "link.tar", tmp_path / "made")


def test_a_changed_audit_log_is_told_and_a_damaged_blob_too(fleet, tmp_path):
    server, _, _ = fleet
    copy = tmp_path / "state"
    shutil.copytree(server.folder, copy)
    blob = next((copy / "blobs").iterdir())
    blob.write_bytes(b"x" + blob.read_bytes()[1:])
    refused("are not what their names say", "backup", copy, tmp_path / "out.tar")
    assert (tmp_path / "out.tar").is_file()
