"""Reads an NVS partition, plain or encrypted, as ESP-IDF's code would once it is mounted.

Built from the format facts (docs/formats.md "NVS") and nothing of ferry's, so that what ferry
writes is read by other eyes. Anything that is not whole is an error here, not something to repair.
"""
import struct
import zlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

PAGE, UNIT, UNITS = 4096, 32, 126
ACTIVE, FULL = 0xFFFFFFFE, 0xFFFFFFFC
NUMBERS = {0x01: "<B", 0x11: "<b", 0x02: "<H", 0x12: "<h", 0x04: "<I", 0x14: "<i", 0x08: "<Q",
           0x18: "<q", 0x24: "<f", 0x28: "<d"}
STRING, BLOB_V1, CHUNK, INDEX = 0x21, 0x41, 0x42, 0x48


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF)


def _units(image, key):
    """(sequence number, place, state, plain bytes) of every entry of the pages in use."""
    for off in range(0, len(image), PAGE):
        page = image[off:off + PAGE]
        state, seq = struct.unpack_from("<II", page)
        if state == 0xFFFFFFFF:
            assert page == b"\xff" * PAGE, "a page without header that is not blank"
            continue
        assert state in (ACTIVE, FULL), hex(state)
        assert struct.unpack_from("<I", page, 28)[0] == crc(page[4:28]), "header CRC"
        for i in range(UNITS):
            at = 64 + i * UNIT
            unit = page[at:at + UNIT]
            bits = page[32 + i // 4] >> 2 * (i % 4) & 3
            if key and bits == 2:
                tweak = struct.pack("<I12x", off + at)
                unit = Cipher(algorithms.AES(key), modes.XTS(tweak)).decryptor().update(unit)
            yield seq, i, bits, unit


def _entries(image, key):
    """(namespace, type, chunk, name, data, value) of every whole entry, oldest page first."""
    units = sorted(_units(image, key), key=lambda u: (u[0], u[1]))
    i = 0
    while i < len(units):
        seq, place, bits, unit = units[i]
        i += 1
        if bits != 2:
            continue
        ns, kind, span, chunk = unit[:4]
        assert struct.unpack_from("<I", unit, 4)[0] == crc(unit[:4] + unit[8:]), "entry CRC"
        behind = units[i:i + span - 1]
        assert all(u[2] == 2 and u[0] == seq for u in behind), "a value that is not whole"
        i += span - 1
        value = b"".join(u[3] for u in behind)
        if kind in (STRING, BLOB_V1, CHUNK):
            size, _, want = struct.unpack_from("<HHI", unit, 24)
            value = value[:size]
            assert len(value) == size and crc(value) == want, (place, "value CRC")
        yield ns, kind, chunk, unit[8:24].split(b"\0")[0].decode(), unit[24:], value


def read(image, key=None):
    """{(namespace, key): value}: a number, text, or bytes."""
    names, values, chunks, indices = {}, {}, {}, {}
    for ns, kind, chunk, name, data, value in _entries(image, key):
        if ns == 0:
            assert data[0] not in names, "two namespaces of one number"
            names[data[0]] = name
        elif kind == CHUNK:
            assert (ns, name, chunk) not in chunks, "a chunk twice"
            chunks[ns, name, chunk] = value
        elif kind == INDEX:
            indices[ns, name] = struct.unpack_from("<IBB", data)
        else:
            assert (ns, name) not in values, "a key twice"
            values[ns, name] = (struct.unpack_from(NUMBERS[kind], data)[0] if kind in NUMBERS
                                else value[:-1].decode() if kind == STRING else value)
    for (ns, name), (size, count, start) in indices.items():
        blob = b"".join(chunks.pop((ns, name, start + i)) for i in range(count))
        assert len(blob) == size and (ns, name) not in values
        values[ns, name] = blob
    assert not chunks, "chunks without index"
    return {(names[ns], name): value for (ns, name), value in values.items()}
