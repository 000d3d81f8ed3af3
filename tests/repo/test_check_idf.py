"""scripts/check_idf.py bites."""

import pytest


@pytest.fixture
def project(tree):
    return tree.copy("CMakeLists.txt", "cmake", "include", "core", "agent", "crypto", "esp-idf",
                     "ports/esp-idf", "examples/esp-idf", "arduino", "tests/idf", "library.json",
                     "idf_component.yml", "docs/design/esp-idf.md")


def test_the_tree_passes(project):
    project.passes("idf")


@pytest.mark.parametrize(("name", "old", "new", "words"), [
    ("ports/esp-idf/keeper_nvs.c", "nvs_commit(nvs)", "nvs_commit()",
     ["ports/esp-idf/keeper_nvs.c as gnu17"]),
    ("ports/esp-idf/wifi_station.c", "static void connect(void *ctx)",
     "static void connect(ctx) void *ctx;", ["wifi_station.c as gnu2x"]),
    ("examples/esp-idf/https_update/main/main.c", "&update,", "update,",
     ["https_update/main/main.c"]),
    ("esp-idf/component.cmake", "IDF_VERSION_MAJOR LESS 6", "IDF_VERSION_MAJOR LESS 4",
     ["cJSON of ESP-IDF 5"]),
    ("esp-idf/component.cmake", "REQUIRES ${ferry_requires}",
     "REQUIRES ${ferry_requires} ${CONFIG_ESP_WIFI_ENABLED}", ["disagree about REQUIRES"]),
    ("esp-idf/linker.lf.in", "lib@COMPONENT_NAME@.a", "libferry.a", ["linker fragment"]),
    ("library.json", "+<core/boot.c>", "+<core/boots.c>", ["library.json lacks core/boot.c"]),
    ("esp-idf/ferry/idf_component.yml", "^1.7.18", "^1.7.19", ["idf_component.yml differ"]),
    ("arduino/Ferry.h", "nullptr", "0x5", ["arduino/Ferry.h"]),
    ("ports/esp-idf/update_esp.c", "static bool is_cancelled(void *ctx)\n{",
     "void *malloc(__SIZE_TYPE__);\nstatic bool is_cancelled(void *ctx)\n{\n"
     "    if (!malloc(1))\n        return true;", ["update_esp.c calls malloc"]),
    ("ports/esp-idf/http_esp.c", "uint32_t silent_ms = 0;",
     "volatile char big[2048];\n    big[0] = 0;\n    uint32_t silent_ms = 0;",
     ["bytes of stack, limit 2048"]),
])
def test_a_planted_fault_is_found(project, name, old, new, words):
    project.change(name, old, new)
    project.finds("idf", *words)


def test_project_before_the_guard_is_found(project):
    project.change("CMakeLists.txt", "cmake_minimum_required(VERSION 3.22)",
                   "cmake_minimum_required(VERSION 3.22)\nproject(early C)")
    code, output = project.check("idf")
    assert code != 0
    assert "not scriptable" in output


def test_growth_is_found(project):
    path = project.root / "docs/design/esp-idf.md"
    text = path.read_text().split("`ferry_esp_update` | ")
    path.write_text(text[0] + "`ferry_esp_update` | 1" + text[1])
    project.passes("idf")
    path.write_text(text[0] + "`ferry_esp_update` | 100 |" + text[1].split("|", 1)[1])
    project.finds("idf", "grew from 100")
