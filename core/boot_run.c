/* core/boot_run.c - one power-on, executed: the decision of core/boot.c with its writes.
 * Writes are Espressif's own, erase and then 32 bytes in place, and their failures are ignored as
 * the bootloader ignores them: what comes next matters more than otadata. */
#include "ferry/boot.h"

#include "core/mem.h"

struct run {
    struct ferry_device *dev;
    const struct ferry_boot_hooks *hooks;
    struct ferry_boot_report *report;
    struct ferry_region otadata;
    bool otadata_ok;
    bool before_known;
};

static ferry_err secure_version(void *ctx, int slot, uint32_t *out)
{
    const struct run *r = ctx;
    if (r->hooks->secure_version)
        return r->hooks->secure_version(r->hooks->ctx, slot, out);
    struct ferry_app_desc desc;
    const ferry_err err = ferry_device_desc(r->dev, slot, &desc);
    if (!err)
        *out = desc.secure_version;
    return err;
}

static void raise_secure_version(struct run *r, int slot)
{
    uint32_t version = 0;
    if (slot == FERRY_SLOT_NONE || !r->dev->policy->anti_rollback ||
        secure_version(r, slot, &version) || version <= r->report->secure_version)
        return;
    if (r->hooks->raise_secure_version && !r->hooks->raise_secure_version(r->hooks->ctx, version)) {
        r->report->secure_version = version;
        r->report->secure_version_raised = true;
    }
}

static ferry_err read_entries(struct run *r, struct ferry_otadata e[2])
{
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t bytes[FERRY_OTADATA_BYTES];
        const ferry_err err =
            ferry_region_read(&r->otadata, i * FERRY_OTADATA_STRIDE, bytes, sizeof(bytes));
        if (err)
            return err;
        ferry_otadata_decode(bytes, &e[i]);
    }
    return FERRY_OK;
}

static void write_entry(struct run *r, uint32_t i, const struct ferry_otadata *e)
{
    uint8_t bytes[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(e, bytes);
    const uint32_t off = i * FERRY_OTADATA_STRIDE;
    ferry_err err = ferry_region_erase(&r->otadata, off, FERRY_OTADATA_STRIDE, false);
    if (!err)
        err = ferry_region_prog(&r->otadata, off, bytes, sizeof(bytes));
    if (!err)
        err = ferry_region_sync(&r->otadata);
    (void)err; // see the head of this file
    r->report->after[i] = *e;
}

/* Reads, decides and makes the writes due before loading. */
static void select_and_write(struct run *r, struct ferry_boot *b,
                             const struct ferry_boot_versions *versions)
{
    struct ferry_otadata entries[2];
    memset(entries, 0xff, sizeof(entries));
    r->otadata_ok = !ferry_device_otadata(r->dev, &r->otadata) && !read_entries(r, entries);
    memcpy(r->report->after, entries, sizeof(entries));
    if (!r->before_known)
        memcpy(r->report->before, entries, sizeof(entries));
    r->before_known = true;
    ferry_boot_select(b, r->dev, versions, entries, r->otadata_ok);
    for (uint8_t i = 0; i < b->n_writes; i++)
        write_entry(r, b->writes[i], &b->entries[b->writes[i]]);
    raise_secure_version(r, b->raise_from);
}

/* The pin erases what the bootloader was built to erase, then everything is decided again: an
 * entry that the first pass made PENDING is aborted by the second unless otadata went too. */
static void factory_reset(struct run *r, struct ferry_boot *b,
                          const struct ferry_boot_versions *versions)
{
    ferry_err err = FERRY_OK;
    if (r->hooks->factory_reset)
        err = r->hooks->factory_reset(r->hooks->ctx, r->dev);
    if (!err && r->otadata_ok)
        err = ferry_region_erase(&r->otadata, 0, r->otadata.size_bytes, false);
    (void)err; // see the head of this file
    select_and_write(r, b, versions);
}

static ferry_err load(struct run *r, int slot)
{
    if (r->hooks->load)
        return r->hooks->load(r->hooks->ctx, r->dev, slot);
    return ferry_device_verify(r->dev, slot);
}

static ferry_err try_all(struct run *r, struct ferry_boot *b)
{
    struct ferry_boot_report *rep = r->report;
    for (int slot = ferry_boot_next(b); slot != FERRY_SLOT_NONE; slot = ferry_boot_next(b)) {
        rep->tried[rep->n_tried] = (int8_t)slot;
        rep->results[rep->n_tried] = load(r, slot);
        if (rep->results[rep->n_tried++])
            continue;
        struct ferry_otadata entry0;
        if (ferry_boot_loaded(b, slot, &entry0)) {
            write_entry(r, 0, &entry0);
            raise_secure_version(r, slot);
        }
        rep->booted = slot;
        r->dev->running = slot;
        return FERRY_OK;
    }
    r->dev->running = FERRY_SLOT_NONE;
    return ferry_fail(&r->dev->fault, FERRY_ERR_NO_BOOT, rep->n_tried, 0, 0);
}

ferry_err ferry_boot_run(struct ferry_device *d, enum ferry_boot_hold hold,
                         const struct ferry_boot_hooks *hooks, struct ferry_boot_report *report)
{
    static const struct ferry_boot_hooks no_hooks;
    struct run r = {.dev = d, .hooks = hooks ? hooks : &no_hooks, .report = report};
    const struct ferry_boot_versions versions = {secure_version, &r};
    memset(report, 0, sizeof(*report));
    report->booted = FERRY_SLOT_NONE;
    report->secure_version = d->policy->secure_version;
    struct ferry_boot b;
    select_and_write(&r, &b, &versions);
    if (hold == FERRY_HOLD_FACTORY_RESET)
        factory_reset(&r, &b, &versions);
    if (hold == FERRY_HOLD_TEST_APP)
        ferry_boot_hold_test(&b);
    report->why = b.why;
    report->selected = b.start;
    return try_all(&r, &b);
}
