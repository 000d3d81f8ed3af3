"""scripts/check_includes.py bites: each row breaks one rule of the include table."""

import pytest


@pytest.fixture
def sources(tree):
    tree.copy("include", "core", "crypto", "agent")
    tree.passes("includes")
    return tree


def plant(tree, name, include):
    path = tree.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    old = path.read_text() if path.exists() else ""
    path.write_text(f"#include {include}\n{old}")


@pytest.mark.parametrize(("name", "include", "words"), [
    ("core/crc32.c", "<string.h>", "core may not include <string.h>"),
    ("core/crc32.c", "<stdlib.h>", "core may not include <stdlib.h>"),
    ("core/crc32.c", '"agent/manifest.h"', "core may not include agent/manifest.h"),
    ("core/partition.c", '"ferry/update.h"', "not on a lower floor"),
    ("core/image.c", '"ferry/partition.h"', "not on a lower floor"),
    ("core/new_noun.c", '"ferry/err.h"', "no place in FLOORS"),
    ("include/ferry/err.h", '"ferry/flash.h"', "not on a lower floor"),
    ("include/ferry/err.h", "<stdio.h>", "include/ferry may not include <stdio.h>"),
    ("crypto/portable.c", "<stdio.h>", "crypto may not include <stdio.h>"),
    ("agent/manifest.c", "<unistd.h>", "agent may not include <unistd.h>"),
    ("agent/manifest.c", "<curl/curl.h>", "(libcurl)"),
    ("agent/manifest.c", '"core/mem.h"', "agent may not include core/mem.h"),
    ("ports/posix/port.c", '"core/mem.h"', "ports/posix may not include core/mem.h"),
    ("ports/template/port.c", "<unistd.h>", "ports/template may not include <unistd.h>"),
    ("tests/e2e/look.c", '"core/mem.h"', "only tests/unit"),
    ("newroom/file.c", "<stdint.h>", "not in the include table"),
    ("core/crc32.c", '"nowhere.h"', "none of our files"),
])
def test_forbidden_include_is_found(sources, name, include, words):
    plant(sources, name, include)
    sources.finds("includes", name, words)


def test_another_port_is_found(sources):
    sources.write("ports/sim/sim_flash.h", "")
    plant(sources, "ports/posix/port.c", '"ports/sim/sim_flash.h"')
    sources.finds("includes", "ports/posix may not include ports/sim/sim_flash.h")


def test_private_header_of_another_room_is_found(sources):
    sources.write("agent/loop_private.h", "")
    plant(sources, "ports/posix/port.c", '"agent/loop_private.h"')
    sources.finds("includes", "agent/loop_private.h is private to agent")


def test_unit_tests_may_look_into_the_core(sources):
    plant(sources, "tests/unit/look.c", '"core/mem.h"')
    sources.passes("includes")
