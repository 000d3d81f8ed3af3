"""Images of random programs: `ferry image build` and esptool's elf2image give the same bytes, or
both refuse."""

import contextlib
import io
import random

import pytest
from elf_maker import LAYOUTS, RISCV, Section, descriptor, elf, random_program
from esptool.cmds import elf2image
from esptool.targets import CHIP_DEFS
from esptool.util import FatalError

SEED = 20260101
CASES = 50  # a chip
MODES = ("qio", "qout", "dio", "dout")
SIZES = ("1MB", "2MB", "4MB", "8MB", "16MB", "32MB", "64MB", "128MB")


def as_words(options):
    """esptool's keywords as the options of either command line."""
    words = []
    for key, value in options.items():
        if key == "append_digest":
            words.append("--dont-append-digest")
        elif value is True:
            words.append(f"--{key.replace('_', '-')}")
        else:
            words.append(f"--{key.replace('_', '-')}={value}")
    return words


def theirs(program, chip, options):
    """The image, or None where esptool refuses or breaks down."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return elf2image(program, chip, None, **options)
        except (FatalError, AssertionError):
            return None


def ours(ferry, folder, program, chip, options):
    source, image = folder / "app.elf", folder / "app.bin"
    source.write_bytes(program)
    image.unlink(missing_ok=True)
    result = ferry("image", "build", source, "--chip", chip, "-o", image, *as_words(options))
    assert result.code in (0, 1), result
    assert (result.code == 0) == image.is_file(), result
    return image.read_bytes() if image.is_file() else None


def random_options(rnd, chip):
    o = {"flash_mode": rnd.choice(MODES), "flash_size": rnd.choice(SIZES)}
    maybe = {
        "flash_freq": rnd.choice((*CHIP_DEFS[chip].FLASH_FREQUENCY, "80m", "12m")),
        "min_rev_full": rnd.randrange(400),
        "max_rev_full": rnd.randrange(65536),
        "min_rev": rnd.randrange(256),
        "elf_sha256_offset": rnd.choice((0xB0, 0xB0, 0x20, 0x120, 0x400000)),
        "use_segments": True,
        "secure_pad": True,
        "secure_pad_v2": True,
        "append_digest": False,
        "ram_only_header": True,
        "pad_to_size": rnd.choice(("1KB", "3KB", "4KB", "64KB", "1MB")),
        "flash_mmu_page_size": rnd.choice(("8KB", "16KB", "32KB", "64KB")),
    }
    o.update({k: v for k, v in maybe.items() if rnd.random() < 0.12})
    if "append_digest" in o or "ram_only_header" in o:
        o.pop("pad_to_size", None)  # esptool 5.3.1 destroys the image; its own test below
    return o


@pytest.mark.parametrize("chip", LAYOUTS)
def test_random_programs_give_the_same_bytes(ferry, tmp_path, chip):
    n_images = 0
    for case in range(CASES):
        rnd = random.Random(f"{SEED} {chip} {case}")
        program, options = random_program(rnd, chip), random_options(rnd, chip)
        want = theirs(program, chip, options)
        got = ours(ferry, tmp_path, program, chip, options)
        assert got == want, f"case {case}: {as_words(options)}"
        n_images += want is not None
    assert n_images > CASES / 10, "nearly every program was refused: the test tests nothing"


def c3_program(rodata_bytes, ram_bytes, text_at=0x42010020):
    return elf(RISCV, 0x40380000, [
        Section(".flash.appdesc", 0x3C000020, descriptor()),
        Section(".flash.rodata", 0x3C000120, bytes(range(256)) * (rodata_bytes // 256)),
        Section(".iram0.text", 0x40380000, b"\x13\0\0\0" * (ram_bytes // 4)),
        Section(".flash.text", text_at, b"\x13\0\0\0" * 64)])


@pytest.mark.parametrize("ram_bytes", [0x400, 0xFEF8, 0xFEFC, 0xFF00, 0x10000, 0x1FF00])
def test_gap_before_code_is_filled_with_ram(ferry, tmp_path, ram_bytes):
    """Around the length that fills the gap exactly. 8 bytes short is what no builder can fill."""
    program = c3_program(0, ram_bytes)
    want = theirs(program, "esp32c3", {})
    assert ours(ferry, tmp_path, program, "esp32c3", {}) == want


def test_gap_that_no_filler_fits_is_explained(ferry, tmp_path):
    # Data ends at 0x120; behind this RAM the file is at 0xfff0, and code belongs at 0x10000.
    source = tmp_path / "app.elf"
    source.write_bytes(c3_program(0, 0xFEC8, text_at=0x42010000))
    assert theirs(source.read_bytes(), "esp32c3", {}) is None
    result = ferry.refused("image", "build", source, "--chip=esp32c3", "-o", tmp_path / "app.bin")
    assert "8 bytes" in result.err and ".flash.text" in result.err


def test_padding_without_digest_keeps_the_image(ferry, tmp_path):
    """Here esptool 5.3.1 fills from byte 2 on; ferry fills behind the image."""
    plain = ours(ferry, tmp_path, c3_program(256, 1024), "esp32c3", {"append_digest": False})
    padded = ours(ferry, tmp_path, c3_program(256, 1024), "esp32c3",
                  {"append_digest": False, "pad_to_size": "64KB"})
    assert padded == plain + b"\xff" * (-len(plain) % 0x10000)


def test_images_of_random_programs_are_verified(ferry, esptool, tmp_path):
    """Both tools accept what either builds."""
    image = tmp_path / "app.bin"
    for n, ram_bytes in enumerate((4, 0x400, 0x10000, 0x24000)):
        program = c3_program(0x1000 * n, ram_bytes)
        image.write_bytes(theirs(program, "esp32c3", {}))
        assert ferry.ok("image", "verify", image, "--chip=esp32c3", "--json").json["esp_err"] == 0
        ours(ferry, tmp_path, program, "esp32c3", {"secure_pad_v2": True})
        said = esptool("image-info", image)
        assert said.count("(valid)") == 2, said


@pytest.mark.parametrize("n", [0, 4, 20, 51, 52, 84, 200])
def test_elf_that_ends_early_is_refused(ferry, tmp_path, n):
    source = tmp_path / "app.elf"
    source.write_bytes(c3_program(256, 64)[:n])
    ferry.refused("image", "build", source, "--chip=esp32c3", "-o", tmp_path / "app.bin")
    assert not (tmp_path / "app.bin").exists()


def test_damaged_elf_is_refused_or_built_but_never_crashes(ferry, tmp_path):
    whole = c3_program(256, 64)
    source = tmp_path / "app.elf"
    rnd = random.Random(SEED)
    for _ in range(200):
        damaged = bytearray(whole)
        for _ in range(rnd.randrange(1, 8)):
            # Mostly in the headers, at both ends of the file.
            at = rnd.choice((rnd.randrange(200), -1 - rnd.randrange(280)))
            damaged[at] = rnd.choice((0, 0xFF, rnd.randrange(256)))
        source.write_bytes(damaged)
        result = ferry("image", "build", source, "--chip=esp32c3", "-o", tmp_path / "app.bin")
        assert result.code in (0, 1), result
