"""Random parts: `ferry image merge` and esptool's merge-bin give the same bytes, or both refuse."""

import contextlib
import io
import random
import struct

import pytest
from esptool.cmds import elf2image, merge_bin
from esptool.targets import CHIP_DEFS
from elf_maker import LAYOUTS, random_program

SEED = 20260202
CASES = 40  # a chip
MODES = ("keep", "qio", "qout", "dio", "dout")
SIZES = ("keep", "1MB", "2MB", "4MB", "8MB", "16MB", "32MB", "64MB", "128MB")


def quietly(call, *args, **options):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return call(*args, **options)


def random_image(rnd, chip):
    """An image of a random program that could be laid out, with or without SHA-256."""
    while True:
        try:
            return quietly(elf2image, random_program(rnd, chip), chip, None,
                           append_digest=rnd.random() < 0.7)
        except Exception:  # esptool refuses in several ways; another one then
            continue


def random_bootloader(rnd, chip):
    image = random_image(rnd, chip)
    return rnd.choice((image, image, image, image + rnd.randbytes(rnd.randrange(5000)),
                       image[:rnd.randrange(len(image) - 40)], rnd.randbytes(3000), b"",
                       image[:40] + bytes([image[40] ^ 1]) + image[41:],  # checksum is wrong now
                       image[:23] + b"\2" + image[24:]))


def random_parts(rnd, chip):
    """(address, bytes) in order; each begins in a sector of its own."""
    parts, at = [], CHIP_DEFS[chip].BOOTLOADER_FLASH_OFFSET
    if rnd.random() < 0.8:
        parts.append((at, random_bootloader(rnd, chip)))
    for _ in range(rnd.randrange(0 if parts else 1, 5)):
        end = parts[-1][0] + len(parts[-1][1]) if parts else at
        at = -(-end // 4096) * 4096 + rnd.choice((0, 0, 4096, 0x10000, rnd.randrange(0x8000)))
        parts.append((at, rnd.randbytes(rnd.choice((0, 1, 100, 3072, rnd.randrange(0x9000))))))
    return parts


def random_options(rnd, chip):
    return {"flash_mode": rnd.choice(MODES), "flash_size": rnd.choice(SIZES),
            "flash_freq": rnd.choice(("keep", *CHIP_DEFS[chip].FLASH_FREQUENCY))}


def ours(ferry, folder, chip, parts, options):
    words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    for i, (address, content) in enumerate(parts):
        (folder / f"part{i}").write_bytes(content)
        words += [hex(address), folder / f"part{i}"]
    out = folder / "out.bin"
    out.unlink(missing_ok=True)
    result = ferry("image", "merge", "--chip", chip, "-o", out, *words)
    assert result.code in (0, 1), result
    return (out.read_bytes() if out.is_file() else None), result


@pytest.mark.parametrize("chip", LAYOUTS)
def test_random_parts_give_the_same_bytes(ferry, tmp_path, chip):
    n_patched = 0
    for case in range(CASES):
        rnd = random.Random(f"{SEED} {chip} {case}")
        parts, options = random_parts(rnd, chip), random_options(rnd, chip)
        end = parts[-1][0] + len(parts[-1][1])
        size = options["flash_size"]
        if size != "keep" and int(size[:-2]) << 20 < end:
            options["flash_size"] = "64MB"  # ferry refuses what lies behind the flash
        if rnd.random() < 0.3:
            options["target_offset"] = rnd.choice((0, parts[0][0], parts[0][0] // 2))
        if rnd.random() < 0.2:
            options["pad_to_size"] = rnd.choice(("4MB", "8MB")) if end <= 4 << 20 else "16MB"
        want = quietly(merge_bin, parts, chip, None, **options)
        rnd.shuffle(parts)
        got, said = ours(ferry, tmp_path, chip, parts, options)
        assert got == want, f"case {case}: {options}\n{said}"
        n_patched += "no whole image" not in said.err and "no part begins" not in said.err
    assert n_patched > CASES / 4, "hardly a bootloader was an image: the test tests nothing"


def test_overlaps_are_refused_by_both(ferry, esptool, tmp_path):
    """esptool looks for them only on its command line."""
    rnd = random.Random(SEED)
    n_refused = 0
    for case in range(12):
        parts = [(4096 * rnd.randrange(4) + rnd.choice((0, 1, 4095)),
                  rnd.randbytes(rnd.choice((1, 4095, 4096, 4097)))) for _ in range(2)]
        got, _ = ours(ferry, tmp_path, "esp32", parts, {})
        words = [word for i, (at, _) in enumerate(parts)
                 for word in (hex(at), tmp_path / f"part{i}")]
        theirs = tmp_path / "theirs.bin"
        theirs.unlink(missing_ok=True)
        with contextlib.suppress(AssertionError):
            esptool("--chip", "esp32", "merge-bin", "-o", theirs, *words)
        want = theirs.read_bytes() if theirs.is_file() else None
        assert got == want, f"case {case}: {[(hex(at), len(data)) for at, data in parts]}"
        n_refused += want is None
    assert 0 < n_refused < 12


def test_esptool_accepts_the_bootloader_whose_flash_was_set(ferry, esptool, tmp_path):
    chip = "esp32c3"
    image = random_image(random.Random(SEED), chip)
    (tmp_path / "boot.bin").write_bytes(image)
    out = tmp_path / "out.bin"
    ferry.ok("image", "merge", "--chip", chip, "-o", out, "--flash-mode=dout", "--flash-size=8MB",
             "--flash-freq=20m", "0", tmp_path / "boot.bin")
    said = esptool("image-info", out)
    assert "8MB" in said and "20m" in said and "DOUT" in said and "(invalid" not in said
    assert struct.unpack_from("<I", image, 4) == struct.unpack_from("<I", out.read_bytes(), 4)
