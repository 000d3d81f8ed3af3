"""The projects in examples/esp-idf: their layouts, judged by ferry itself, and what an editor and
idf.py find them by."""

import json
import re
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "esp-idf"
TABLES = sorted(EXAMPLES.glob("*/partitions.csv"))


def test_every_example_has_a_layout():
    assert len(TABLES) == len(list(EXAMPLES.glob("*/CMakeLists.txt"))) == 5


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.parent.name)
def test_layout_is_sound_and_fits_its_flash(ferry, table):
    defaults = (table.parent / "sdkconfig.defaults").read_text()
    assert "CONFIG_ESPTOOLPY_FLASHSIZE_4MB=y" in defaults
    assert 'CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="partitions.csv"' in defaults
    ferry.ok("partitions", "check", table, "--flash-size=4MB")


def test_updater_s_slot_for_the_app_grows_with_the_flash(ferry, tmp_path):
    """As its README says: one number, and nothing is in the way."""
    table = (EXAMPLES / "updater" / "partitions.csv").read_text()
    readme = (EXAMPLES / "updater" / "README.md").read_text()
    size = re.search(r"for 8 MB to (0x[0-9a-f]+)", readme)[1]
    (tmp_path / "new.csv").write_text(table.replace("0x280000", size))
    ferry.ok("partitions", "check", tmp_path / "new.csv", "--flash-size=8MB")
    shown = ferry.ok("partitions", "show", tmp_path / "new.csv", "--json").json
    assert {p["label"]: p["size"] for p in shown["partitions"]}["ota_1"] == int(size, 16)


def test_room_is_left_where_the_migration_adds_a_partition(ferry, tmp_path):
    table = (EXAMPLES / "reflash_migrate" / "partitions.csv").read_text()
    (tmp_path / "new.csv").write_text(table + "storage, data, spiffs, , 0x80000,\n")
    ferry.ok("partitions", "check", tmp_path / "new.csv", "--flash-size=4MB")


@pytest.mark.parametrize("project", [table.parent for table in TABLES], ids=lambda path: path.name)
def test_project_finds_ferry_beside_it(project):
    text = (project / "CMakeLists.txt").read_text()
    where = re.search(r'EXTRA_COMPONENT_DIRS "\$\{CMAKE_CURRENT_LIST_DIR\}/([^"]+)"', text)[1]
    assert (project / where / "ferry" / "CMakeLists.txt").is_file()
    assert f"project({project.name})" in text


def test_dev_container_holds_the_whole_tree_and_a_supported_release():
    """From its folder a project reaches the component, and idf.py is one of 5.1 to 6.x."""
    container = json.loads((EXAMPLES / ".devcontainer" / "devcontainer.json").read_text())
    mount = dict(part.split("=") for part in container["workspaceMount"].split(","))
    inside = Path(container["workspaceFolder"]).relative_to(mount["target"])
    outside = mount["source"].replace("${localWorkspaceFolder}", str(EXAMPLES))
    assert Path(outside, inside).resolve() == EXAMPLES
    release = re.fullmatch(r"espressif/idf:release-v(\d+)\.(\d+)", container["image"])
    assert (5, 1) <= (int(release[1]), int(release[2])) < (7, 0)
    assert "--privileged" in container["runArgs"]  # it sees the serial ports


def test_updater_s_modules_are_files_of_their_own():
    """Wi-Fi, updates, NVS and https, each beside the others and not inside of them."""
    port = EXAMPLES.parents[1] / "ports" / "esp-idf"
    for module in ("wifi_station", "update_esp", "store_esp", "http_esp", "agent_esp", "key_psa"):
        assert (port / f"{module}.c").is_file() and (port / f"{module}.h").is_file()
    main = (EXAMPLES / "updater" / "main" / "main.c").read_text()
    assert "wifi_station.h" in main and "agent_esp.h" in main
