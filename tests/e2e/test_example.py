"""The library in one page, examples/host_update, does what the README says of it."""
import subprocess

import images


def host_update(ferry, *words):
    program = ferry.path.parent / "examples/host_update/host_update"
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60)


def test_example_updates_a_flash_dump(ferry, device, image_file, tmp_path):
    dump = tmp_path / "dump.bin"
    dump.write_bytes(device.flash)
    done = host_update(ferry, dump, image_file())
    assert (done.returncode, done.stdout) == (0, "ok\n"), done
    assert ferry("status", dump, "--json").json["next"] == "ota_1"


def test_example_refuses_a_damaged_image(ferry, device, image_file, tmp_path):
    dump = tmp_path / "dump.bin"
    dump.write_bytes(device.flash)
    done = host_update(ferry, dump, image_file(bad_hash=True))
    assert done.returncode == 1 and "SHA-256 does not match" in done.stdout, done
    assert images.partition(dump.read_bytes(), "ota_0") == device.part("ota_0")
    assert ferry("status", dump, "--json").json["next"] == "ota_0"


def test_example_says_how_it_is_used(ferry):
    assert host_update(ferry).returncode == 2
