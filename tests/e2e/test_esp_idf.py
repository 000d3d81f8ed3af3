"""The layouts of the projects in examples/esp-idf, judged by ferry itself."""

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


def test_room_is_left_where_the_migration_adds_a_partition(ferry, tmp_path):
    table = (EXAMPLES / "reflash_migrate" / "partitions.csv").read_text()
    (tmp_path / "new.csv").write_text(table + "storage, data, spiffs, , 0x80000,\n")
    ferry.ok("partitions", "check", tmp_path / "new.csv", "--flash-size=4MB")
