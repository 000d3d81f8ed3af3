"""What ferry doctor says is to be done, done: each command in a remedy is taken as it is printed,
with files in place of its APP.bin and the like, and the finding must be gone afterwards."""
import re
import shlex
import shutil
import sys
from pathlib import Path

import images
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "doctor"))
import patients
from patients import PATIENTS

COMMAND = re.compile(r"ferry (?:confirm|doctor|image|nvs|partitions|reflash|reject|slots|update) "
                     r".*?(?= \(or|, | if it| if not| shows| finishes|; |$)")
LOOKS_ONLY = ("ferry nvs check", "ferry reflash status")
LEAVES_IT = "another slot"  # what runs is not written over


class Ward:
    """A patient, and the files that remedies name."""

    def __init__(self, ferry, folder, patient):
        self.ferry, self.folder, self.patient = ferry, folder, patient
        self.dump = folder / "bob's dump.bin"  # a name that a shell would take apart
        self.dump.write_bytes(patient.build())
        self.options = list(patient.options)
        app = images.app(version="9.0.0", seed=7, secure_version=3)
        (folder / "APP.bin").write_bytes(app)
        (folder / "BOOTLOADER.bin").write_bytes(
            patients.bootloader(size_code={0x100000: 0, 0x200000: 1}[len(self.dump.read_bytes())]))
        (folder / "MERGED.bin").write_bytes(patients.RAW_MERGED)
        (folder / "FILE").write_bytes(images.dump({"ota_0": app}, bootloader=patients.bootloader()))
        (folder / "table.bin").write_bytes(images.table())
        ferry.ok("partitions", "build", folder / "table.bin", "-o", folder / "TABLE.csv")

    def findings(self, path):
        result = self.ferry("doctor", path, *self.options, "--json", cwd=self.folder)
        return {f["id"]: f for f in result.json["findings"]}

    def follow(self, remedy):
        """Runs its commands; the file that they left better, or None."""
        commands = COMMAND.findall(remedy)
        for command in commands:
            if command.startswith(LOOKS_ONLY):
                return None
            words = shlex.split(command.replace("OFFSET", "0xd000"))[1:]
            result = self.ferry(*words, cwd=self.folder)
            assert result.code == 0, (command, result)
        copy = self.folder / "COPY.bin"
        return copy if copy.exists() else self.dump if commands else None


SICK = [p for p in PATIENTS if p.finds and p.app is None]


@pytest.mark.parametrize("patient", SICK, ids=lambda p: p.name)
def test_remedy_that_is_a_command_helps(ferry, tmp_path, patient):
    ward = Ward(ferry, tmp_path, patient)
    broken = ward.dump.read_bytes()
    for name, finding in ward.findings(ward.dump).items():
        ward.dump.write_bytes(broken)
        (tmp_path / "COPY.bin").unlink(missing_ok=True)
        if finding["repair"]:
            continue  # tests/e2e/test_doctor.py
        left = ward.follow(finding["remedy"])
        if not left:
            continue
        after = ward.findings(left)
        assert name not in after or finding["slot"] != after[name]["slot"] or \
            LEAVES_IT in finding["remedy"], (finding["remedy"], after)


def test_enough_of_them_are_commands(ferry, tmp_path):
    ids = []
    for patient in SICK:
        ward = Ward(ferry, tmp_path, patient)
        ids += [name for name, finding in ward.findings(ward.dump).items()
                if COMMAND.search(finding["remedy"])]
    assert len(ids) >= 60 and len(set(ids)) >= 30, sorted(set(ids))


def test_app_that_is_too_big_gets_a_table_that_holds_it(ferry, tmp_path):
    rows = [("nvs", images.DATA, 2, 0x9000, 0x4000), ("otadata", images.DATA, 0, 0xD000, 0x2000),
            ("ota_0", images.APP, 0x10, 0x10000, 0x100000),
            ("ota_1", images.APP, 0x11, 0x110000, 0x100000)]
    dump, app = tmp_path / "dump.bin", tmp_path / "APP.bin"
    dump.write_bytes(images.dump({"ota_0": images.app()}, rows, size=4 << 20,
                                 bootloader=patients.bootloader(size_code=2)))
    app.write_bytes(images.app(version="2.0.0", size=0x110000))
    finding, = ferry("doctor", dump, "--app", app, "--json").json["findings"]
    command, = COMMAND.findall(finding["remedy"])
    ferry.ok(*shlex.split(command)[1:], cwd=tmp_path)
    assert ferry.ok("doctor", tmp_path / "COPY.bin", "--app", app, "--json").json["findings"] == []
    ferry.ok("update", tmp_path / "COPY.bin", app)


def test_merged_image_for_an_app_has_one_in_it(ferry, tmp_path):
    merged = tmp_path / "firm ware.bin"
    merged.write_bytes(images.dump({"ota_0": images.app()}, bootloader=patients.bootloader()))
    dump = shutil.copy(merged, tmp_path / "dump.bin")
    finding, = ferry("doctor", dump, "--app", merged, "--json").json["findings"]
    command, = COMMAND.findall(finding["remedy"])
    ferry.ok(*shlex.split(command)[1:], cwd=tmp_path)
    ferry.ok("update", dump, tmp_path / "firm ware-ota_0.bin", "--allow-downgrade")
