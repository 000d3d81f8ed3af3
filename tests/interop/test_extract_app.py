"""`ferry image extract` against mp-image-tool-esp32, and back into what both tools accept."""

from conftest import BOOTLOADER_OFF, TABLE_OFF, from_bootloader

CHIP = ("--chip", "esp32")


def extracted(ferry, source, folder, *words):
    out = folder / "extracted.bin"
    ferry.ok("image", "extract", source, "-o", out, *words)
    return out


def test_app_of_a_release_is_the_same(ferry, micropython, tmp_path):
    """micropython.app is what `mp-image-tool-esp32 --extract-app` made of the same file."""
    got = extracted(ferry, micropython.combined, tmp_path)
    assert got.read_bytes() == micropython.app.read_bytes()


def test_app_of_a_whole_flash_is_the_same(ferry, micropython, tmp_path):
    got = extracted(ferry, micropython.flash, tmp_path, *CHIP)
    assert got.read_bytes() == micropython.app.read_bytes()


def test_esptool_accepts_what_was_extracted(ferry, esptool, micropython, tmp_path):
    for words in ((), ("--partition", "bootloader")):
        said = esptool("image-info", extracted(ferry, micropython.combined, tmp_path, *words))
        assert said.count("(valid)") == 1 + ("Validation hash" in said) and "invalid" not in said


def test_parts_merged_again_are_the_release(ferry, mp_image_tool, micropython, tmp_path):
    """Taken apart, put together: the same bytes, which the other tool reads."""
    out = tmp_path / "again.bin"
    names = {"bootloader": BOOTLOADER_OFF, "table": TABLE_OFF, "factory": 0x10000}
    words = []
    for name, offset in names.items():
        path = tmp_path / f"{name}.bin"
        ferry.ok("image", "extract", micropython.combined, "--partition", name, "-o", path)
        words += [hex(offset), path]
    ferry.ok("image", "merge", *CHIP, "-t", hex(BOOTLOADER_OFF), "-o", out, *words)
    assert out.read_bytes() == micropython.combined.read_bytes()
    assert "factory" in mp_image_tool("--check-app", out)


def test_merged_by_names_both_tools_read_it(ferry, esptool, mp_image_tool, micropython, tmp_path):
    out, app = tmp_path / "flash.bin", tmp_path / "app.bin"
    table = tmp_path / "parts.csv"
    table.write_text("nvs, data, nvs, 0x9000, 0x5000\notadata, data, ota, 0xe000, 0x2000\n"
                     "ota_0, app, ota_0, 0x10000, 0x1a0000\nota_1, app, ota_1, , 0x1a0000\n"
                     "vfs, data, fat, , 0x80000\n")
    ferry.ok("image", "merge", *CHIP, "-o", out, "--flash-size=4MB", "--pad-to-size=4MB",
             "--bootloader", micropython.bootloader, "--table", table,
             "--app", f"ota_1={micropython.app}")
    said = mp_image_tool("--check-app", from_bootloader(out, tmp_path))
    assert "ota_1" in said and "Hash confirmed" in said
    got = extracted(ferry, out, tmp_path)  # ota_0 is empty, so ota_1 is what boots
    assert got.read_bytes() == micropython.app.read_bytes()
    app.write_bytes(out.read_bytes()[BOOTLOADER_OFF:TABLE_OFF])
    assert "4MB" in esptool("image-info", app)
