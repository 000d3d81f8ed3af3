/* host/vdevice.c - opening, making and storing virtual devices. */
#include "vdevice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_json.h"

static ferry_err fail(struct ferry_vdevice *v, ferry_err err, uint32_t value, uint32_t limit)
{
    return ferry_fail(&v->fault, err, value, limit, 0);
}

/** What has stood in v->detail until now becomes part of the sentence. */
static ferry_err fail_about(struct ferry_vdevice *v, ferry_err err, const char *file)
{
    v->about = (struct ferry_about){.file = file, .detail = v->detail[0] ? v->detail : NULL};
    return fail(v, err, 0, 0);
}

static void say_errno(struct ferry_vdevice *v, int os_errno)
{
    snprintf(v->detail, sizeof(v->detail), "%s",
             os_errno ? strerror(os_errno) : "not a plain file");
}

static void json_path(const struct ferry_vdevice *v, char buf[FERRY_VDEVICE_PATH_BYTES + 16])
{
    snprintf(buf, FERRY_VDEVICE_PATH_BYTES + 16, "%s/device.json", v->path);
}

static ferry_err set_paths(struct ferry_vdevice *v, const char *path)
{
    if (strlen(path) + sizeof("/flash.bin") > sizeof(v->flash_path)) {
        snprintf(v->detail, sizeof(v->detail), "the path is longer than %u bytes",
                 FERRY_VDEVICE_PATH_BYTES - 11);
        return fail_about(v, FERRY_ERR_FILE_OPEN, NULL);
    }
    strcpy(v->path, path);
    strcpy(v->flash_path, path);
    if (v->is_dir)
        strcat(v->flash_path, "/flash.bin");
    return FERRY_OK;
}

/* Real revisions are not known here, so those are assumed that every image for the chip accepts. */
static void accept_all_revisions(struct ferry_policy *p)
{
    p->chip_rev = 9999;
    p->ignore_max_rev = true;
    p->blk_rev = 0;
}

static ferry_err load_json(struct ferry_vdevice *v)
{
    struct ferry_device_json json;
    char path[FERRY_VDEVICE_PATH_BYTES + 16];
    json_path(v, path);
    const ferry_err err = ferry_device_json_read(path, &json, v->detail, sizeof(v->detail));
    if (err)
        return fail_about(v, err, "device.json");
    if (json.flash_bytes != v->file.flash.size_bytes) {
        snprintf(v->detail, sizeof(v->detail), "\"flash_size\" is %u, but flash.bin has %u bytes",
                 (unsigned)json.flash_bytes, (unsigned)v->file.flash.size_bytes);
        return fail_about(v, FERRY_ERR_DEVICE_JSON, "device.json");
    }
    v->policy.chip = json.chip;
    v->policy.rollback = json.rollback;
    v->policy.anti_rollback = json.anti_rollback;
    v->policy.secure_version = json.secure_version;
    v->policy.writer = json.writer;
    v->trust = json.trust;
    v->has_secure_boot = json.secure_boot;
    v->table_off_bytes = json.table_off_bytes;
    v->boot_count = json.boot_count;
    v->has_journal = json.has_journal;
    v->journal_off_bytes = json.journal_off_bytes;
    memcpy(v->running_label, json.running, sizeof(v->running_label));
    return FERRY_OK;
}

static void take_given(struct ferry_vdevice *v, const struct ferry_vdevice_given *g)
{
    v->policy.chip = g->chip;
    v->policy.rollback = g->has_rollback ? g->rollback : true;
    v->policy.anti_rollback = g->anti_rollback;
    v->policy.secure_version = g->secure_version;
    v->policy.writer = g->writer;
    v->trust = g->trust;
    v->has_secure_boot = g->secure_boot;
    v->table_off_bytes = g->has_table_off ? g->table_off_bytes : FERRY_TABLE_OFF_DEFAULT;
}

/* The chip whose image lies at off_bytes, or NULL. */
static const struct ferry_chip *chip_of_image(struct ferry_vdevice *v, uint32_t off_bytes)
{
    const struct ferry_flash *f = &v->file.flash;
    const struct ferry_region all = {f, 0, f->size_bytes};
    uint8_t bytes[FERRY_IMAGE_HEADER_BYTES];
    struct ferry_image_header header;
    if (ferry_region_read(&all, off_bytes, bytes, sizeof(bytes)) || bytes[0] != FERRY_IMAGE_MAGIC)
        return NULL;
    ferry_image_header_decode(bytes, &header);
    return ferry_chip_by_id(header.chip_id);
}

static const struct ferry_chip *guess_chip(struct ferry_vdevice *v)
{
    static const uint32_t bootloader_offs[] = {0x0, 0x1000, 0x2000};
    for (size_t i = 0; i < sizeof(bootloader_offs) / sizeof(*bootloader_offs); i++) {
        const struct ferry_chip *chip = chip_of_image(v, bootloader_offs[i]);
        if (chip && chip->bootloader_off_bytes == bootloader_offs[i])
            return chip;
    }
    // With no chip set an app is checked for all but its chip.
    for (int slot = FERRY_SLOT_TEST; !v->table_err && slot < (int)FERRY_SLOTS_MAX; slot++) {
        if (ferry_device_span(&v->dev, slot).size_bytes && !ferry_device_verify(&v->dev, slot))
            return ferry_chip_by_id(v->dev.work->image.header.chip_id);
    }
    return NULL;
}

/* The active entry's slot and whether that app has run already, as far as otadata shows it. */
static void running_from_otadata(struct ferry_vdevice *v)
{
    struct ferry_boot_preview p;
    struct ferry_device *d = &v->dev;
    ferry_boot_preview(d, &p);
    const uint32_t n = d->n_slot_rows;
    const int active = p.has_entries ? ferry_otadata_active(p.entries) : -1;
    int slot = p.booted;
    v->running_by = FERRY_RUNNING_ONLY_BOOT;
    if (active >= 0 && n) {
        const struct ferry_otadata *other = &p.entries[1 - active];
        slot = (int)ferry_otadata_slot(p.entries[active].seq, n);
        v->running_by = FERRY_RUNNING_ACTIVE;
        if (p.entries[active].state == FERRY_STATE_NEW) {
            slot = ferry_otadata_is_valid(other) ? (int)ferry_otadata_slot(other->seq, n)
                   : d->factory.size_bytes       ? FERRY_SLOT_FACTORY
                                                 : FERRY_SLOT_NONE;
            v->running_by = FERRY_RUNNING_OTHER;
        }
        // What does not boot does not run; taking it for running would offer the slot that does
        // run to the next update.
        if (slot == FERRY_SLOT_NONE || ferry_device_verify(d, slot)) {
            slot = p.booted;
            v->running_by = FERRY_RUNNING_FALLBACK;
        }
    }
    d->running = slot;
    if (slot == FERRY_SLOT_NONE)
        v->running_by = FERRY_RUNNING_UNKNOWN;
}

static ferry_err find_running(struct ferry_vdevice *v, const struct ferry_vdevice_given *given)
{
    if (v->table_err)
        return FERRY_OK;
    const char *word = v->is_dir ? v->running_label : given ? given->running : NULL;
    if (!word) {
        running_from_otadata(v);
        return FERRY_OK;
    }
    if (!*word)
        return FERRY_OK; // switched off since it was made, or nothing bootable
    if (!ferry_vdevice_slot(v, word, &v->dev.running)) {
        v->running_by = v->is_dir ? FERRY_RUNNING_STORED : FERRY_RUNNING_GIVEN;
        return FERRY_OK;
    }
    snprintf(v->detail, sizeof(v->detail), "the running slot '%s' is no app partition of its table",
             word);
    return v->is_dir ? fail_about(v, FERRY_ERR_DEVICE_JSON, "device.json")
                     : fail_about(v, FERRY_ERR_NOT_FOUND, word);
}

static void open_table(struct ferry_vdevice *v)
{
    v->table_err =
        ferry_device_open(&v->dev, &v->file.flash, &v->policy, v->table_off_bytes, &v->work);
    v->table_fault = v->dev.fault;
    v->table_fault.err = v->table_err;
}

ferry_err ferry_vdevice_reload(struct ferry_vdevice *v)
{
    const int running = v->dev.running;
    open_table(v);
    v->dev.running = running;
    return ferry_vdevice_need_table(v);
}

static void set_gates(struct ferry_vdevice *v)
{
    ferry_signature_gate_init(&v->gate, &v->trust);
    ferry_signed_boot_init(&v->signed_boot, &v->trust);
    v->policy.gate = v->trust.n_keys ? &v->gate.gate : NULL;
    v->policy.boot_check = v->has_secure_boot ? &v->signed_boot.check : NULL;
}

/* The rest of opening, once the flash file is open. */
static ferry_err load(struct ferry_vdevice *v, const struct ferry_vdevice_given *given)
{
    static const struct ferry_vdevice_given nothing;
    ferry_err err = FERRY_OK;
    if (v->is_dir)
        err = load_json(v);
    else
        take_given(v, given ? given : &nothing);
    if (err)
        return err;
    accept_all_revisions(&v->policy);
    if (v->real && v->real->has_revision)
        v->policy.chip_rev = v->real->revision;
    set_gates(v);
    open_table(v);
    if (!v->policy.chip) {
        v->policy.chip = guess_chip(v);
        v->chip_is_guessed = v->policy.chip != NULL;
    }
    return find_running(v, given);
}

static ferry_err open_flash(struct ferry_vdevice *v, bool writable,
                            const struct ferry_vdevice_given *given)
{
    const uint32_t table_off =
        given && given->has_table_off ? given->table_off_bytes : FERRY_TABLE_OFF_DEFAULT;
    if (v->real) {
        v->file.flash = *v->real->flash;
        v->file.writable = writable;
        v->file.held_bytes = v->file.flash.size_bytes;
        return FERRY_OK;
    }
    if (v->is_dir)
        return ferry_flash_file_open(&v->file, v->flash_path, writable, &v->fault);
    return ferry_merged_open(&v->file, v->flash_path, writable, table_off, &v->merged, &v->fault);
}

ferry_err ferry_vdevice_open(struct ferry_vdevice *v, const char *path, bool writable,
                             const struct ferry_vdevice_given *given)
{
    struct stat st;
    memset(v, 0, sizeof(*v));
    v->file.fd = -1;
    v->dev.running = FERRY_SLOT_NONE;
    v->real = given ? given->real : NULL;
    v->is_dir = !v->real && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    ferry_err err = set_paths(v, path);
    if (err) {
        ferry_vdevice_close(v);
        return err;
    }
    if (v->is_dir && given && given->is_any) {
        snprintf(v->detail, sizeof(v->detail),
                 "options about the chip are for a bare flash file; device.json says it here");
        return fail_about(v, FERRY_ERR_ARG, NULL);
    }
    err = open_flash(v, writable, given);
    if (err == FERRY_ERR_FILE_OPEN)
        say_errno(v, v->file.os_errno);
    if (err) {
        v->about =
            (struct ferry_about){.file = v->flash_path, .detail = v->detail[0] ? v->detail : NULL};
        return err;
    }
    err = load(v, given);
    if (err)
        ferry_vdevice_close(v);
    return err;
}

void ferry_vdevice_close(struct ferry_vdevice *v)
{
    if (v->real)
        v->real->close(v->real);
    v->real = NULL;
    ferry_flash_file_close(&v->file);
}

ferry_err ferry_vdevice_need_table(struct ferry_vdevice *v)
{
    v->fault = v->table_fault;
    v->about = (struct ferry_about){.file = v->flash_path};
    if (v->table_err == FERRY_ERR_TABLE_MAGIC) // its offset is not the row's
        v->fault.off_bytes = v->table_off_bytes;
    return v->table_err;
}

ferry_err ferry_vdevice_save(struct ferry_vdevice *v)
{
    if (!v->is_dir)
        return FERRY_OK;
    struct ferry_device_json json = {
        .chip = v->policy.chip,
        .flash_bytes = v->file.flash.size_bytes,
        .table_off_bytes = v->table_off_bytes,
        .secure_version = v->policy.secure_version,
        .boot_count = v->boot_count,
        .has_journal = v->has_journal,
        .journal_off_bytes = v->journal_off_bytes,
        .rollback = v->policy.rollback,
        .anti_rollback = v->policy.anti_rollback,
        .writer = v->policy.writer,
        .trust = v->trust,
        .secure_boot = v->has_secure_boot,
    };
    char path[FERRY_VDEVICE_PATH_BYTES + 16];
    if (v->dev.running != FERRY_SLOT_NONE)
        ferry_vdevice_label(v, v->dev.running, json.running);
    json_path(v, path);
    const ferry_err err = ferry_device_json_write(path, &json, v->detail, sizeof(v->detail));
    return err ? fail_about(v, err, "device.json") : FERRY_OK;
}

static ferry_err make_files(struct ferry_vdevice *v, const struct ferry_vdevice_new *what)
{
    int os_errno = 0;
    const ferry_err err = ferry_flash_file_create(v->flash_path, what->flash_bytes, &os_errno);
    if (err) {
        if (os_errno)
            say_errno(v, os_errno);
        v->about =
            (struct ferry_about){.file = v->flash_path, .detail = os_errno ? v->detail : NULL};
        return fail(v, err, what->flash_bytes, FERRY_FLASH_SECTOR_BYTES);
    }
    if (ferry_flash_file_open(&v->file, v->flash_path, true, &v->fault))
        return fail_about(v, v->fault.err, v->flash_path);
    v->policy = what->policy;
    v->trust = what->trust;
    v->has_secure_boot = what->secure_boot;
    set_gates(v);
    v->table_off_bytes = what->table_off_bytes;
    accept_all_revisions(&v->policy);
    return ferry_vdevice_save(v);
}

ferry_err ferry_vdevice_create(struct ferry_vdevice *v, const struct ferry_vdevice_new *what)
{
    memset(v, 0, sizeof(*v));
    v->file.fd = -1;
    v->is_dir = true;
    v->dev.running = FERRY_SLOT_NONE;
    ferry_err err = set_paths(v, what->dir);
    if (err)
        return err;
    // Only a folder of our own making: what else lies in one is not ours to mix with or remove.
    if (mkdir(v->path, 0777)) {
        const int reason = errno;
        if (reason != EEXIST)
            say_errno(v, reason);
        return fail_about(v, reason == EEXIST ? FERRY_ERR_FILE_EXISTS : FERRY_ERR_FILE_WRITE,
                          v->path);
    }
    err = make_files(v, what);
    if (err)
        ferry_vdevice_discard(v);
    return err;
}

void ferry_vdevice_discard(struct ferry_vdevice *v)
{
    char path[FERRY_VDEVICE_PATH_BYTES + 16];
    json_path(v, path);
    unlink(path);
    unlink(v->flash_path);
    rmdir(v->path);
    ferry_vdevice_close(v);
}

static void slot_name(int slot, char buf[FERRY_LABEL_BYTES + 1])
{
    if (slot == FERRY_SLOT_FACTORY)
        strcpy(buf, "factory");
    else if (slot == FERRY_SLOT_TEST)
        strcpy(buf, "test");
    else
        snprintf(buf, FERRY_LABEL_BYTES + 1, "ota_%d", slot);
}

/* The row that the device takes for the slot: of two the last. */
static bool find_row(const struct ferry_vdevice *v, int slot, struct ferry_partition *out)
{
    const uint8_t subtype = slot == FERRY_SLOT_FACTORY ? (uint8_t)FERRY_APP_FACTORY
                            : slot == FERRY_SLOT_TEST  ? (uint8_t)FERRY_APP_TEST
                                                       : (uint8_t)(FERRY_APP_OTA_0 + slot);
    bool found = false;
    uint32_t i = 0;
    struct ferry_partition p;
    while (!v->table_err &&
           !ferry_table_find(&v->dev.table, FERRY_TYPE_APP, subtype, NULL, &i, &p)) {
        *out = p;
        found = true;
        i++;
    }
    return found;
}

const char *ferry_vdevice_label(const struct ferry_vdevice *v, int slot,
                                char buf[FERRY_LABEL_BYTES + 1])
{
    struct ferry_partition p;
    if (find_row(v, slot, &p) && p.label[0])
        memcpy(buf, p.label, sizeof(p.label));
    else
        slot_name(slot, buf);
    return buf;
}

ferry_err ferry_vdevice_slot(const struct ferry_vdevice *v, const char *word, int *slot)
{
    // A label may be any word, "ota_1" for the slot ota_0 too: labels come first.
    for (int by_label = 1; by_label >= 0; by_label--) {
        for (int s = FERRY_SLOT_TEST; s < (int)FERRY_SLOTS_MAX; s++) {
            struct ferry_partition p;
            char name[FERRY_LABEL_BYTES + 1];
            if (!ferry_device_span(&v->dev, s).size_bytes || !find_row(v, s, &p))
                continue;
            slot_name(s, name);
            if (!strcmp(by_label ? p.label : name, word)) {
                *slot = s;
                return FERRY_OK;
            }
        }
    }
    return FERRY_ERR_NOT_FOUND;
}
