"""Fixtures for programs on the emulated machine."""

import subprocess

import pytest
from board import Board
from machine import ROOT, Machine, new_flash, run_script


@pytest.fixture(autouse=True)
def power():
    """No machine outlives its test, also when that fails."""
    yield
    Machine.kill_all()


@pytest.fixture(scope="session")
def programs(ferry, tmp_path_factory):
    """Boot ROM, bootloader and the sample app's releases."""
    folder = tmp_path_factory.mktemp("bare")
    run_script(ROOT, "firmware/bare/build.sh", folder, env={"FERRY": str(ferry.path)})
    return folder


@pytest.fixture
def board(ferry, programs, tmp_path):
    """A machine that left the factory with release 1.0.0."""
    return Board(ferry, programs, tmp_path)


@pytest.fixture(scope="session")
def esptool():
    def call(*words):
        done = subprocess.run([ROOT / "build/venv/bin/esptool", *map(str, words)], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60)
        assert done.returncode == 0, done.stdout
        return done.stdout
    return call


@pytest.fixture
def blank_flash(tmp_path):
    return new_flash(tmp_path / "blank.img")
