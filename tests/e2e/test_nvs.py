"""ferry nvs list, get, set, erase, check and keys: on devices, dumps and images."""
import json
import re
import struct

import images
import pytest

CSV = """key,type,encoding,value
wifi,namespace,,
ssid,data,string,my net
password,data,string,secret99
app,namespace,,
boots,data,u32,7
large,data,blob_fill(5000;0x5a),
mtls_auth,namespace,,
cert,data,string,CERTIFICATE
version,data,u64,18446744073709551615
"""
NVS_OFF = next(row[3] for row in images.TWO_SLOTS if row[0] == "nvs")


@pytest.fixture
def image(ferry, tmp_path):
    """A file that is an NVS partition."""
    (tmp_path / "in.csv").write_text(CSV)
    path = tmp_path / "nvs.bin"
    ferry.ok("nvs", "build", tmp_path / "in.csv", path, "--size", "0x4000")
    return path


@pytest.fixture
def dump(image, tmp_path):
    """A flash dump with that partition."""
    path = tmp_path / "flash.bin"
    path.write_bytes(images.dump({"nvs": image.read_bytes()}))
    return path


@pytest.fixture
def stored(device, image):
    """A virtual device with that partition."""
    device.put("nvs", image.read_bytes())
    return device


def entries(ferry, store, *options):
    """{(namespace, key): what list says of it}."""
    listed = ferry.ok("nvs", "list", store, "--json", *options).json["entries"]
    assert len({(e["namespace"], e["key"]) for e in listed}) == len(listed)
    return {(e["namespace"], e["key"]): e for e in listed}


def unchanged(store, work):
    """Runs work and insists that the file is as it was."""
    before = store.read_bytes()
    result = work()
    assert store.read_bytes() == before
    return result


def test_merged_image_is_a_store_too(ferry, image, tmp_path):
    """It ends anywhere and, for some chips, begins with the bootloader behind the flash's start."""
    boot = images.app(no_descriptor=True, size=9000, chip="esp32")
    app = images.app(chip="esp32")
    flash = images.dump({"ota_0": app, "nvs": image.read_bytes()}, chip="esp32")
    merged, before = tmp_path / "merged.bin", flash[0x1000 + len(boot):0x10000 + len(app)]
    merged.write_bytes(boot + before)
    assert entries(ferry, merged) == entries(ferry, image)
    ferry.ok("nvs", "set", merged, "app", "boots", "u32", "8")
    ferry.ok("nvs", "set", image, "app", "boots", "u32", "8")
    at = NVS_OFF - 0x1000
    after = merged.read_bytes()
    assert after[at:at + 0x4000] == image.read_bytes()
    assert after[:at] == (boot + before)[:at]
    assert after[at + 0x4000:] == (boot + before)[at + 0x4000:]


def test_list_on_image_dump_and_device(ferry, image, dump, stored):
    want = entries(ferry, image)
    assert {key: want[key]["type"] for key in want} == {
        ("wifi", "ssid"): "string", ("wifi", "password"): "string", ("app", "boots"): "u32",
        ("app", "large"): "blob", ("mtls_auth", "cert"): "string", ("mtls_auth", "version"): "u64"}
    assert want["app", "boots"]["value"] == 7 and want["app", "large"]["size"] == 5000
    assert want["app", "large"]["value"] == "5a" * 5000
    assert want["mtls_auth", "version"]["value"] == "18446744073709551615"
    assert entries(ferry, dump) == want == entries(ferry, stored.path)
    only = ferry.ok("nvs", "list", dump, "--namespace", "app").out
    assert "boots" in only and "ssid" not in only
    assert "6 keys in 3 namespaces" in ferry.ok("nvs", "list", image).out


def test_secrets_stay_hidden_until_asked_for(ferry, image):
    for said in (ferry.ok("nvs", "list", image).out, ferry.ok("nvs", "list", image, "--json").out):
        assert "secret99" not in said and "CERTIFICATE" not in said and "my net" in said
    assert "2 secret values hidden" in ferry.ok("nvs", "list", image).out
    hidden = entries(ferry, image)["wifi", "password"]
    assert hidden["value"] is None and hidden["hidden"]
    shown = ferry.ok("nvs", "list", image, "--show-secrets").out
    assert "secret99" in shown and "CERTIFICATE" in shown


@pytest.mark.parametrize("key,secret", [
    ("privKey", True), ("wifi_pass", True), ("api-token", True), ("sta.psk", True), ("PIN", True),
    ("ssid", False), ("boots", False)])
def test_which_keys_are_secret(ferry, image, key, secret):
    ferry.ok("nvs", "set", image, "names", key, "u8", 1)
    assert bool(entries(ferry, image)["names", key].get("hidden")) == secret


def test_get_prints_or_writes_the_value(ferry, image, tmp_path):
    assert ferry.ok("nvs", "get", image, "wifi", "password").out == "secret99\n"
    assert ferry.ok("nvs", "get", image, "app", "boots", "--type", "u32").out == "7\n"
    assert ferry.ok("nvs", "get", image, "app", "large").out == "5a" * 5000 + "\n"
    ferry.ok("nvs", "get", image, "app", "large", "--out", tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == b"\x5a" * 5000
    ferry.ok("nvs", "get", image, "mtls_auth", "cert", "-o", tmp_path / "cert")
    assert (tmp_path / "cert").read_bytes() == b"CERTIFICATE"
    said = ferry.ok("nvs", "get", image, "wifi", "ssid", "--json").json
    assert said["value"] == "my net" and said["type"] == "string" and said["size"] == 7


@pytest.mark.parametrize("words,reason", [
    (["wifi", "nothing"], "no key wifi/nothing"), (["nowhere", "ssid"], "no namespace nowhere"),
    (["app", "boots", "--type", "u8"], "app/boots is of type u32, not u8")])
def test_get_says_what_is_not_there(ferry, image, words, reason):
    assert reason in ferry.refused("nvs", "get", image, *words).err
    assert ferry.refused("nvs", "get", image, *words, "--json").json["ok"] is False


VALUES = [
    ("u8", "255", 255), ("i8", "-128", -128), ("u16", "0xffff", 65535), ("i16", "-40", -40),
    ("u32", "4294967295", 4294967295), ("i32", "-2147483648", -2147483648), ("i64", "-5", -5),
    ("u64", "18446744073709551615", "18446744073709551615"), ("float", "1.5", 1.5),
    ("double", "-2.25e-3", -0.00225), ("string", "", ""), ("string", "text:@x", "@x"),
    ("string", "héllo", "héllo"), ("blob", "00ff", "00ff"), ("blob", "", ""),
    ("blob", "hex:AB", "ab"), ("blob", "base64:AAEC", "000102")]


@pytest.mark.parametrize("kind,word,value", VALUES)
def test_set_and_get_agree(ferry, stored, kind, word, value):
    said = ferry.ok("nvs", "set", stored.path, "new", "key_x", kind, word, "--json").json
    assert said["changed"] and said["type"] == kind
    assert ferry.ok("nvs", "get", stored.path, "new", "key_x", "--json").json["value"] == value
    again = unchanged(stored.path / "flash.bin", lambda: ferry.ok(
        "nvs", "set", stored.path, "new", "key_x", kind, word, "--json"))
    assert not again.json["changed"]
    ferry.ok("nvs", "check", stored.path)


def test_set_takes_files_and_standard_input(ferry, image, tmp_path):
    (tmp_path / "cert.pem").write_text("-----BEGIN-----\nabc\n")
    ferry.ok("nvs", "set", image, "app", "pem", "string", f"@{tmp_path / 'cert.pem'}")
    assert ferry.ok("nvs", "get", image, "app", "pem").out == "-----BEGIN-----\nabc\n\n"
    ferry.ok("nvs", "set", image, "app", "piped", "blob", "-", stdin="abc")
    assert ferry.ok("nvs", "get", image, "app", "piped").out == "616263\n"


def test_set_touches_nothing_but_its_partition(ferry, stored):
    before = stored.flash
    ferry.ok("nvs", "set", stored.path, "app", "boots", "string", "another type")
    after = stored.flash
    assert after[:NVS_OFF] == before[:NVS_OFF]
    assert after[NVS_OFF + 0x4000:] == before[NVS_OFF + 0x4000:]
    assert entries(ferry, stored.path)["app", "boots"]["value"] == "another type"


REFUSED = [
    (["app", "k", "u8", "256"], "256 is out of range for u8; the limit is 255"),
    (["app", "k", "i8", "-129"], "-129 is out of range for i8; the limit is -128"),
    (["app", "k", "u64", "-1"], "-1 is out of range for u64; the limit is 0"),
    (["app", "k", "float", "nan"], "not a number that float can hold"),
    (["app", "k", "float", "1e39"], "out of range for float"),
    (["app", "k", "blob", "abc"], "3 hex digits are no whole number of bytes"),
    (["app", "k", "blob", "base64:A"], "incomplete"),
    (["app", "k", "blob", "@missing"], "missing"),
    (["app", "k" * 16, "u8", "1"], "1 to 15 characters, not 16"),
    (["n" * 16, "k", "u8", "1"], "1 to 15 characters, not 16"),
    (["app", "k", "string", "x" * 4000], "the value is 4,001 bytes; 4,000 are possible"),
    (["app", "k", "blob", "00" * 12001], "12,001 bytes; 12,000 are possible"),
    (["app", "k", "blob", "00" * 11000], "the NVS partition is full"),
]


@pytest.mark.parametrize("words,reason", REFUSED, ids=[reason for _, reason in REFUSED])
def test_a_refused_set_changes_nothing(ferry, image, words, reason):
    said = unchanged(image, lambda: ferry.refused("nvs", "set", image, *words))
    assert reason in said.err, said


def test_a_refused_set_makes_no_namespace(ferry, image):
    unchanged(image, lambda: ferry.refused("nvs", "set", image, "fresh", "k", "blob", "00" * 20000))
    assert "fresh" not in ferry.ok("nvs", "list", image).out


def test_erase_a_key_a_namespace_and_everything(ferry, image):
    ferry.ok("nvs", "erase", image, "wifi", "ssid")
    assert ("wifi", "ssid") not in entries(ferry, image)
    unchanged(image, lambda: ferry.refused("nvs", "erase", image, "wifi", "ssid"))
    ferry.ok("nvs", "erase", image, "app")
    assert {ns for ns, _ in entries(ferry, image)} == {"wifi", "mtls_auth"}
    ferry.ok("nvs", "erase", image, "--all")
    assert image.read_bytes() == b"\xff" * 0x4000
    assert not entries(ferry, image, "--image")
    ferry.ok("nvs", "set", image, "app", "boots", "u8", 1, "--image")
    assert entries(ferry, image)["app", "boots"]["value"] == 1


def test_purge_leaves_nothing_readable(ferry, image):
    assert b"secret99" in image.read_bytes()
    ferry.ok("nvs", "erase", image, "wifi", "password")
    assert b"secret99" in image.read_bytes()
    ferry.ok("nvs", "erase", image, "wifi", "--purge")
    assert b"secret99" not in image.read_bytes() and b"my net" not in image.read_bytes()


def test_which_partition_is_meant(ferry, tmp_path, image):
    other = [row if row[0] != "vfs" else ("store", images.DATA, 2, row[3], 0x4000)
             for row in images.TWO_SLOTS]
    path = tmp_path / "flash.bin"
    path.write_bytes(images.dump({"store": image.read_bytes()}, other))
    assert not entries(ferry, path)
    assert ("app", "boots") in entries(ferry, path, "--partition", "store")
    said = ferry.refused("nvs", "list", path, "--partition", "shop").err
    assert "no partition 'shop'" in said and "nvs, store" in said
    said = ferry.refused("nvs", "list", path, "--partition", "ota_0").err
    assert "'ota_0' is not of type data, subtype nvs" in said
    alone = [("settings", *row[1:]) if row[0] == "nvs" else row for row in images.TWO_SLOTS]
    path.write_bytes(images.dump({"settings": image.read_bytes()}, alone))
    assert ("app", "boots") in entries(ferry, path)
    none = [row for row in images.TWO_SLOTS if row[0] != "nvs"]
    path.write_bytes(images.dump({}, none))
    assert "has no NVS partition" in ferry.refused("nvs", "list", path).err


def test_what_is_no_store_is_refused(ferry, tmp_path):
    path = tmp_path / "blank.bin"
    path.write_bytes(b"\xff" * 0x4000)
    assert "--image" in ferry.refused("nvs", "list", path).err
    path.write_bytes(b"\xff" * 0x3fff)
    assert "16,383" in ferry.refused("nvs", "list", path).err
    assert "No such file" in ferry.refused("nvs", "list", tmp_path / "missing").err
    assert ferry("nvs", "list", path, "--table-offset", "x").code == 2


@pytest.mark.parametrize("flags,reason", [(1, "flag encrypted"), (2, "the partition table says")])
def test_flags_of_the_partition_are_minded(ferry, dump, flags, reason):
    flash = bytearray(dump.read_bytes())
    table = bytearray(images.table(md5=False))
    struct.pack_into("<I", table, 28, flags)  # nvs is the first row
    flash[0x8000:0x8C00] = table
    dump.write_bytes(flash)
    said = unchanged(dump, lambda: ferry.refused("nvs", "set", dump, "app", "boots", "u8", 1))
    assert reason in said.err
    unchanged(dump, lambda: ferry.refused("nvs", "erase", dump, "--all"))
    assert ferry("nvs", "get", dump, "app", "boots").code == (1 if flags == 1 else 0)


@pytest.fixture
def keys(ferry, tmp_path):
    path = tmp_path / "keys.bin"
    ferry.ok("nvs", "keys", "new", path)
    return path


@pytest.fixture
def encrypted(ferry, image, keys, tmp_path):
    path = tmp_path / "encrypted.bin"
    ferry.ok("nvs", "build", tmp_path / "in.csv", path, "--size", "0x4000", "--encrypt",
             "--keys", keys)
    return path


def test_an_encrypted_store_is_as_good_as_a_plain_one(ferry, image, encrypted, keys, tmp_path):
    assert entries(ferry, encrypted, "--keys", keys) == entries(ferry, image)
    ferry.ok("nvs", "set", encrypted, "wifi", "ssid", "string", "other net", "--keys", keys)
    assert b"other net" not in encrypted.read_bytes()
    ferry.ok("nvs", "check", encrypted, "--keys", keys)
    ferry.ok("nvs", "decrypt", encrypted, tmp_path / "plain.bin", "--keys", keys)
    assert ferry.ok("nvs", "get", tmp_path / "plain.bin", "wifi", "ssid").out == "other net\n"


def test_the_device_brings_its_own_keys(ferry, tmp_path, encrypted, keys):
    rows = [*images.TWO_SLOTS[:-1], ("nvs_keys", images.DATA, 4, 0xD0000, 0x1000)]
    path = tmp_path / "flash.bin"
    path.write_bytes(images.dump({"nvs": encrypted.read_bytes(), "nvs_keys": keys.read_bytes()},
                                 rows))
    assert entries(ferry, path)["app", "boots"]["value"] == 7
    ferry.ok("nvs", "set", path, "app", "boots", "u32", 8)
    assert ferry.ok("nvs", "get", path, "app", "boots").out == "8\n"


def test_encrypted_is_never_taken_for_damaged(ferry, encrypted, image, keys, tmp_path):
    ferry.ok("nvs", "keys", "new", tmp_path / "others.bin")
    for options in ([], ["--keys", tmp_path / "others.bin"]):
        for words in (["list", encrypted], ["get", encrypted, "app", "boots"],
                      ["set", encrypted, "app", "boots", "u8", 1], ["erase", encrypted, "app"]):
            said = unchanged(encrypted, lambda w=words, o=options: ferry.refused("nvs", *w, *o))
            assert "no entry is readable" in said.err
    said = unchanged(image, lambda: ferry.refused("nvs", "list", image, "--keys", keys))
    assert "is not encrypted" in said.err


def test_key_files_that_are_none(ferry, encrypted, keys, tmp_path):
    good = keys.read_bytes()
    bad = tmp_path / "bad.bin"
    for content, reason in [
            (b"\xff" * 4096, "blank"), (good[:60], "shorter than 68"), (good + b"x", "longer than"),
            (good[:10] + b"?" + good[11:], "do not match their CRC")]:
        bad.write_bytes(content)
        assert reason in ferry.refused("nvs", "list", encrypted, "--keys", bad).err
        assert reason in ferry.refused("nvs", "keys", "show", bad).err
    bad.write_bytes(b"short")
    said = ferry.refused("nvs", "keys", "new", tmp_path / "new.bin", "--hmac-key", bad)
    assert "32 bytes" in said.err and not (tmp_path / "new.bin").exists()
    said = ferry.ok("nvs", "keys", "new", tmp_path / "new.bin", "--new-hmac-key",
                    tmp_path / "hmac.bin")
    ferry.ok("nvs", "keys", "new", tmp_path / "same.bin", "--hmac-key", tmp_path / "hmac.bin")
    assert (tmp_path / "new.bin").read_bytes() == (tmp_path / "same.bin").read_bytes()
    assert (tmp_path / "new.bin").read_bytes()[:8].hex() not in said.out
    assert ferry("nvs", "keys", "make", tmp_path / "x").code == 2




def test_check_finds_nothing_in_a_good_store(ferry, image):
    said = ferry.ok("nvs", "check", image)
    assert "Nothing is wrong." in said.out
    facts = ferry.ok("nvs", "check", image, "--json").json
    assert facts["findings"] == [] and facts["pages"]["total"] == 4 and facts["damaged"] == 0


DAMAGE = [
    # what is changed (offset and bytes), what check says, whether it is damage
    ((4, b"\x01"), "header does not match its CRC", True),
    ((0, b"\x11\x22\x33\x44"), "is none that NVS has", True),
    ((64 + 8, b"\x00"), "entry is damaged: it does not match its CRC", True),
    ((64 + 32 * 2, b"\x00"), "the value of 'ssid' does not match its CRC", True),
    ((32, b"\xa9"), "01, which nothing writes", True),
    ((0x3000 - 64, b"\x00"), "not blank", False),
    ((0, struct.pack("<I", 0xFFFFFFF8)), "being emptied", False),
]


@pytest.mark.parametrize("change,words,is_damage", DAMAGE, ids=[d[1] for d in DAMAGE])
def test_check_explains(ferry, image, change, words, is_damage):
    off, new = change
    data = image.read_bytes()
    # The second page is still active, the third and fourth are blank.
    if words == "not blank":
        off = 0x2000 + 100
    image.write_bytes(data[:off] + new + data[off + len(new):])
    said = unchanged(image, lambda: ferry("nvs", "check", image))
    assert said.code == (1 if is_damage else 0) and words in said.out, said
    assert re.search(r"0x[0-9a-f]+ \(page \d", said.out) and "a mount" in said.out
    facts = json.loads(ferry("nvs", "check", image, "--json").out)
    found = [f for f in facts["findings"] if words in f["what"]]
    assert found and all(f["mount"] and f["page"] == off // 4096 for f in found)
    assert facts["ok"] != is_damage


def test_check_explains_a_blob_that_lost_a_chunk(ferry, image):
    data = bytearray(image.read_bytes())
    at = data.index(b"large")
    number = (at % 4096 - 64) // 32
    data[at // 4096 * 4096 + 32 + number // 4] &= ~(3 << 2 * (number % 4)) & 0xFF
    image.write_bytes(data)
    said = ferry.refused("nvs", "check", image)
    assert "'large' is a blob of which chunks are missing" in said.out


def test_a_header_cut_short_is_only_a_trace(ferry, image):
    data = bytearray(image.read_bytes())
    data[0x2000:0x2010] = b"\xfe\xff\xff\xff\x02\x00\x00\x00\xfe" + b"\xff" * 7
    image.write_bytes(data)
    assert "header was never finished" in ferry.ok("nvs", "check", image).out
    data[0x2100] = 0
    image.write_bytes(data)
    assert "does not match its CRC" in ferry.refused("nvs", "check", image).out


def test_check_adds_the_partition_to_addresses(ferry, dump):
    data = bytearray(dump.read_bytes())
    data[NVS_OFF + 4] ^= 1
    dump.write_bytes(data)
    found = ferry.refused("nvs", "check", dump, "--json").json["findings"]
    assert [f["offset"] for f in found][0] == NVS_OFF


def test_a_store_cut_while_writing_is_only_a_trace(ferry, image):
    data = bytearray(image.read_bytes())
    free = next(i for i in range(126) if data[0x1000 + 32 + i // 4] >> 2 * (i % 4) & 3 == 3)
    at = 0x1000 + 64 + 32 * free
    data[at:at + 4] = b"\x01\x01\x01\xff"
    image.write_bytes(data)
    said = ferry.ok("nvs", "check", image)
    assert "begun but never marked written" in said.out and "Nothing is lost" in said.out
    ferry.ok("nvs", "set", image, "app", "boots", "u32", 8)
    assert "Nothing is wrong" in ferry.ok("nvs", "check", image).out
