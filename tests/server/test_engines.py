"""The tests of the database on PostgreSQL (CTest runs them on SQLite), and random statements whose
trace must be the same on both."""

import subprocess

import pytest

SEEDS, STEPS = range(1, 7), 300


def run(program, *words):
    return subprocess.run([program, *map(str, words)], stdout=subprocess.PIPE, check=False,
                          text=True, timeout=100)


@pytest.mark.parametrize("name", ["test_db", "test_audit"])
def test_the_database_keeps_its_promises_on_postgres(name, programs, cluster):
    done = run(programs / name, cluster.where(cluster.new_database()))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_statements_answer_the_same(seed, programs, cluster, tmp_path):
    (tmp_path / "trace.db").touch()
    traces = [run(programs / "db_trace", where, seed, STEPS)
              for where in (f"sqlite:{tmp_path / 'trace.db'}",
                            cluster.where(cluster.new_database()))]
    assert [t.returncode for t in traces] == [0, 0]
    lines = [t.stdout.split("\n") for t in traces]
    assert lines[0] == lines[1]
    assert len(lines[0]) > STEPS * 3
    for ending in ("-> 0,", "-> 2,", "-> 5,"):  # done, a row that is there, refused: all happen
        assert any(line.startswith(ending) for line in lines[0])
