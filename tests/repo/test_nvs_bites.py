"""The power test of NVS catches what it is there to catch: each fault is planted in a copy of the
core, and the sweep over the copy must fail. A fault that cannot be planted any more fails too."""

import pytest
from planted import Program

FAULTS = {
    "a blob's index is written before its chunks": [
        (
            "core/nvs_blob.c",
            "    ferry_err err = find_room(s, size);\n    if (!err)\n"
            "        err = add_chunks(s, &e, data, size, &n);\n",
            "    struct ferry_nvs_entry x;\n"
            "    ferry_err err = find_room(s, size);\n"
            "    const bool early = size > 32 && size < room(s) / 2;\n"
            "    ferry_nvs_entry_begin(&x, want->ns, FERRY_NVS_BLOB_INDEX, want->key);\n"
            "    ferry_nvs_entry_put_index(&x, size, 1, first_chunk);\n"
            "    if (!err && early)\n        err = ferry__nvs_add_here(s, &x, NULL);\n"
            "    if (!err)\n        err = add_chunks(s, &e, data, size, &n);\n"
            "    if (early)\n        return err;\n",
        ),
    ],
    "the page is erased before its entries are copied": [
        (
            "core/nvs_pages.c",
            "    if (!err)\n        err = ferry__nvs_copy_page(s, victim, victim);\n",
            "    static uint8_t kept[4096];\n"
            "    if (!err)\n        err = ferry__nvs_read(s, victim, 0, kept, sizeof(kept));\n"
            "    if (!err)\n        err = ferry__nvs_erase_page(s, victim);\n"
            "    const uint32_t at = s->pages[victim].index * 4096u;\n"
            "    if (!err)\n"
            "        err = ferry_region_prog(&s->region, at, kept, sizeof(kept));\n"
            "    s->pages[victim].state = NVS_FREEING;\n"
            "    if (!err)\n        err = ferry__nvs_copy_page(s, victim, victim);\n",
        ),
    ],
    "a page whose header is blank is taken for blank": [
        (
            "core/nvs_mount.c",
            "err = ferry__nvs_is_blank(s, page, 0, FERRY_NVS_PAGE_BYTES, &blank);",
            "blank = true;",
        ),
    ],
    "an entry's state is set before its bytes stand, and a mount trusts it": [
        (
            "core/nvs_raw.c",
            "    ferry_err err = write_units(s, page, p->next_free, units, n);\n    if (!err)\n"
            "        err = ferry__nvs_set_state(s, page, p->next_free, n, "
            "FERRY_NVS_ENTRY_WRITTEN);\n",
            "    ferry_err err = ferry__nvs_set_state(s, page, p->next_free, n,\n"
            "                                         FERRY_NVS_ENTRY_WRITTEN);\n"
            "    if (!err)\n        err = write_units(s, page, p->next_free, units, n);\n",
        ),
        (
            "core/nvs_mount.c",
            "    *torn = err == FERRY_ERR_NVS_DATA;\n    return *torn ? FERRY_OK : err;\n",
            "    *torn = false;\n    return err == FERRY_ERR_NVS_DATA ? FERRY_OK : err;\n",
        ),
    ],
    "the old value is erased before the new one stands": [
        (
            "core/nvs.c",
            "    err = ferry__nvs_add(s, e, value);\n    if (err == FERRY_ERR_NVS_FULL)\n"
            "        return ferry__nvs_full(s, e->span);\n",
            "    if (!found)\n        err = ferry__nvs_erase_found(s, &old, s->purge);\n"
            "    if (!err)\n        err = ferry__nvs_add(s, e, value);\n"
            "    if (err == FERRY_ERR_NVS_FULL)\n"
            "        return ferry__nvs_full(s, e->span);\n    if (!found)\n        return err;\n",
        ),
    ],
    "a blob's new chunks have the numbers of the old": [
        (
            "core/nvs_blob.c",
            "first_chunk = (uint8_t)(~index_first(&old.entry) & NVS_VERSION_BIT);",
            "first_chunk = (uint8_t)index_first(&old.entry);",
        ),
    ],
    "a mount compares chunks of a blob without their number": [
        (
            "core/nvs_find.c",
            "want->chunk = e->type == FERRY_NVS_BLOB ? e->chunk : NVS_KEYS;",
            "want->chunk = e->type == FERRY_NVS_BLOB ? NVS_ALL : NVS_KEYS;",
        ),
    ],
    "a replaced value of another page stays": [
        ("core/nvs_mount.c", "    err = erase_replaced(s);\n", "    err = FERRY_OK;\n"),
    ],
    "a copy that was interrupted is not finished": [
        (
            "core/nvs_mount.c",
            "        if (s->pages[i].state == NVS_FREEING) {\n"
            "            err = finish_copy(s, i);\n",
            "        if (s->pages[i].state == NVS_FREEING) {\n"
            "            err = ferry__nvs_release(s, i);\n",
        ),
    ],
    "chunks without an index stay": [
        ("core/nvs_blob.c", "    return err ? err : clean(s, true);\n", "    return err;\n"),
    ],
    "what lies behind the last entry is written over": [
        (
            "core/nvs_mount.c",
            "return !err && active ? skip_to_blank(s, page) : err;",
            "return active || err ? err : FERRY_OK;",
        ),
        ("core/nvs_mount.c", "static ferry_err skip_to_blank(", "ferry_err skip_to_blank("),
    ],
    "erasing a blob begins with its chunks": [
        (
            "core/nvs_blob.c",
            "    const ferry_err err = ferry__nvs_erase_units(s, c->page, c->at, c->entry.span, "
            "purge);\n",
            "    if (c->entry.type == FERRY_NVS_BLOB_INDEX && index_chunks(&c->entry) > 1) {\n"
            "        const ferry_err first = erase_chunks(s, &c->entry, purge);\n"
            "        if (first)\n            return first;\n    }\n"
            "    const ferry_err err = ferry__nvs_erase_units(s, c->page, c->at, c->entry.span, "
            "purge);\n",
        ),
    ],
}

# The sweep brings a CRC of its own, and needs little beside NVS.
SWEEP = Program("test_power_nvs", "tests/power/test_power_nvs.c", "tests/power/nvs_store.c",
                "tests/power/nvs_audit.c", "tests/support/fast_crc32.c", "crypto/openssl_xts.c",
                words=("--seeds", "5", "--steps", "40", "--second-every", "8"),
                core=lambda name: name.startswith("nvs") or name in ("bytes.c", "err.c", "flash.c"))


def test_core_as_it_is_passes(tmp_path):
    SWEEP.passes(tmp_path)


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_caught(tmp_path, fault):
    SWEEP.catches(tmp_path, FAULTS[fault])
