"""scripts/check_idf.py bites."""

import pytest


@pytest.fixture
def project(tree):
    return tree.copy("CMakeLists.txt", "cmake", "include", "core", "agent", "crypto", "esp-idf",
                     "ports/esp-idf", "examples/esp-idf", "arduino", "tests/idf", "library.json",
                     "idf_component.yml", "docs/design/esp-idf.md")


# Each fault in a file of its own, so that one run of the check has to find all of them.
FAULTS = [
    ("ports/esp-idf/keeper_nvs.c", "nvs_commit(nvs)", "nvs_commit()",
     "ports/esp-idf/keeper_nvs.c as gnu17"),
    ("ports/esp-idf/wifi_station.c", "static void connect(void *ctx)\n{",
     "static int old(n) int n;\n{\n    return n;\n}\n"
     "static void connect(void *ctx)\n{\n    old(1);",
     "wifi_station.c as gnu2x"),
    ("examples/esp-idf/https_update/main/main.c", "&update,", "update,",
     "https_update/main/main.c as gnu17"),
    ("esp-idf/linker.lf.in", "lib@COMPONENT_NAME@.a", "libferry.a", "linker fragment is not for"),
    ("library.json", "+<core/boot.c>", "+<core/boots.c>", "library.json lacks core/boot.c"),
    ("esp-idf/ferry/idf_component.yml", "^1.7.18", "^1.7.19", "idf_component.yml differ"),
    ("arduino/Ferry.h", "nullptr", "0x5", "arduino/Ferry.h"),
    ("esp-idf/component.cmake", "IDF_VERSION_MAJOR LESS 6", "IDF_VERSION_MAJOR LESS 4",
     "cJSON of ESP-IDF 5"),
]

# What only what compiles can have too much of.
COSTS = [
    ("ports/esp-idf/update_esp.c", "static bool is_cancelled(void *ctx)\n{",
     "void *malloc(__SIZE_TYPE__);\nstatic bool is_cancelled(void *ctx)\n{\n"
     "    if (!malloc(1))\n        return true;", "update_esp.c calls malloc"),
    ("ports/esp-idf/http_esp.c", "    uint32_t silent_ms = 0;",
     "    volatile char big[2048];\n    big[0] = 0;\n    uint32_t silent_ms = big[0];",
     "bytes of stack, limit 2048"),
    ("ports/esp-idf/flash_esp.c", "static ferry_err sync(const struct ferry_flash *f)\n{",
     "int esp_rom_spiflash_unlock(void);\nstatic ferry_err sync(const struct ferry_flash *f)\n{\n"
     "    if (esp_rom_spiflash_unlock())\n        return FERRY_ERR_FLASH_IO;",
     "flash_esp.c calls esp_rom_spiflash_unlock"),
    ("ports/esp-idf/device_esp.c", "    esp_chip_info(&info);",
     "    void esp_partition_find(void);\n    esp_partition_find();\n    esp_chip_info(&info);",
     "ferry_esp_update calls esp_partition_find"),
    ("docs/design/esp-idf.md", "https_update: `ferry_esp_update` | ",
     "https_update: `ferry_esp_update` | 1 |\n| x | ", "grew from 1 to"),
]


def all_found(project, faults):
    for name, old, new, _ in faults:
        project.change(name, old, new)
    code, output = project.check("idf")
    assert code != 0
    for *_, words in faults:
        assert words in output, output


def test_the_tree_passes(project):
    project.passes("idf")


def test_planted_faults_are_found(project):
    all_found(project, FAULTS)


def test_planted_costs_are_found(project):
    all_found(project, COSTS)


def test_requirement_from_menuconfig_is_found(project):
    project.change("esp-idf/component.cmake", "REQUIRES ${ferry_requires}",
                   "REQUIRES ${ferry_requires} ${CONFIG_ESP_WIFI_ENABLED}")
    project.finds("idf", "the passes disagree about REQUIRES")


def test_project_before_the_guard_is_found(project):
    project.change("CMakeLists.txt", "cmake_minimum_required(VERSION 3.22)",
                   "cmake_minimum_required(VERSION 3.22)\nproject(early C)")
    code, output = project.check("idf")
    assert code != 0
    assert "not scriptable" in output
