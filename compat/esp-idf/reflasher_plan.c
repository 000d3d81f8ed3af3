/* compat/esp-idf/reflasher_plan.c - a copy under Espressif's names as a plan of one step: what its
 * content must be, the checks, and what the API has no words for is allowed and said in the log. */
#include "reflasher_private.h"

#include <string.h>

#include "esp_log.h"
#include "ferry/bytes.h"
#include "sentence.h"

#define IMAGE_ALIGN 0x10000u

/* ---- errors ---- */

esp_err_t reflasher_fail(ferry_err err, const struct ferry_fault *fault)
{
    char text[FERRY_SENTENCE_BYTES];
    struct ferry_fault said = *fault;
    said.err = err;
    ESP_LOGE(REFLASHER_TAG, "%s",
             ferry_sentence(text, sizeof(text), &said, &(struct ferry_about){.file = "the image"}));
    switch (err) {
    case FERRY_ERR_REFLASH_SIZE:
    case FERRY_ERR_REFLASH_FULL:
    case FERRY_ERR_FLASH_RANGE:
        return ESP_ERR_INVALID_SIZE;
    case FERRY_ERR_FLASH_ALIGN:
    case FERRY_ERR_REFLASH_OVERLAP:
        return ESP_ERR_INVALID_ARG;
    case FERRY_ERR_REFLASH_STAGING:
        return ESP_ERR_NOT_FOUND;
    case FERRY_ERR_REFLASH_RUNNING:
    case FERRY_ERR_REFLASH_UNSETTLED:
    case FERRY_ERR_REFLASH_JOURNAL:
    case FERRY_ERR_FLASH_PROTECTED:
    case FERRY_ERR_SIGNATURE_NONE:
        return ESP_ERR_NOT_ALLOWED;
    case FERRY_ERR_FLASH_IO:
    case FERRY_ERR_FLASH_VERIFY:
        return ESP_ERR_FLASH_OP_FAIL;
    default:
        return (err <= FERRY_ERR_IMAGE_MAGIC && err > FERRY_ERR_UPDATE_LENGTH) ||
                       (err <= FERRY_ERR_TABLE_MAGIC && err >= FERRY_ERR_TABLE_RULE) ||
                       err == FERRY_ERR_REFLASH_PLACE
                   ? ESP_ERR_IMAGE_INVALID
                   : ESP_FAIL;
    }
}

/* ---- a plan ---- */

static ferry_err open_journal(struct reflasher *f)
{
    const struct compat *c = ferry_compat();
    const struct ferry_region journal = reflasher_journal(f);
    const struct ferry_reflash_config cfg = {
        .flash = journal.flash,
        .journal = journal,
        .running = ferry_device_span(&c->dev, c->dev.running),
        .work = f->work,
        .work_bytes = sizeof(f->work),
    };
    f->site = (struct ferry_reflash_site){
        .policy = c->chip.policy,
        .table_off_bytes = c->chip.table_off_bytes,
    };
    return ferry_reflash_open(&f->r, &cfg);
}

ferry_err reflasher_open_plan(struct reflasher *f)
{
    f->has_content = false;
    ferry_err err = open_journal(f);
    while (!err && f->r.journal.state == FERRY_JOURNAL_UNFINISHED) {
        err = ferry_reflash_run(&f->r);
        if (err == FERRY_AGAIN)
            err = FERRY_OK;
        else if (!err)
            err = open_journal(f);
    }
    if (err == FERRY_ERR_REFLASH_FORMAT) // nobody can run what stands there
        err = FERRY_OK;
    return err ? err : ferry_reflash_new(&f->r);
}

static const esp_partition_t *partition_at(uint32_t off)
{
    const struct compat *c = ferry_compat();
    for (size_t i = 0; i < c->n_partitions; i++) {
        if (c->partitions[i].address == off)
            return &c->partitions[i];
    }
    return NULL;
}

static uint32_t bootloader_off(void)
{
    const struct ferry_chip *chip = ferry_compat()->chip.policy->chip;
    return chip ? chip->bootloader_off_bytes : 0;
}

static uint8_t kind_of(const struct reflasher *f, const uint8_t *head, size_t n)
{
    static const uint8_t mcuboot[] = {0x3d, 0xb8, 0xf3, 0x96};
    const struct ferry_span d = f->dest;
    const uint32_t table = f->site.table_off_bytes;
    const esp_partition_t *p = partition_at(d.off_bytes);
    if (d.off_bytes == table)
        return FERRY_STEP_TABLE;
    if (d.off_bytes == bootloader_off() && d.size_bytes <= table - d.off_bytes)
        return FERRY_STEP_BOOTLOADER;
    if (n >= sizeof(mcuboot) && !memcmp(head, mcuboot, sizeof(mcuboot)))
        return FERRY_STEP_RAW; // has checks of its own, which MCUboot makes
    if (p && p->type == ESP_PARTITION_TYPE_APP)
        return FERRY_STEP_APP;
    if (p && p->type == ESP_PARTITION_TYPE_DATA)
        return FERRY_STEP_DATA;
    // Where no partition of today begins, an app of a layout that is to come.
    if (d.off_bytes >= IMAGE_ALIGN && d.off_bytes % IMAGE_ALIGN == 0 && n &&
        head[0] == FERRY_IMAGE_MAGIC)
        return FERRY_STEP_APP;
    return FERRY_STEP_RAW;
}

struct ferry_step reflasher_step(const struct reflasher *f, const uint8_t *head, size_t n)
{
    return (struct ferry_step){
        .kind = kind_of(f, head, n),
        .flags = FERRY_STEP_BLANK_REST,
        .dest_off_bytes = f->dest.off_bytes,
        .dest_size_bytes = f->dest.size_bytes,
    };
}

bool reflasher_front_ok(const struct reflasher *f)
{
    const struct ferry_step *s = &f->r.plan.steps[0];
    if (s->kind != FERRY_STEP_RAW || s->dest_off_bytes != bootloader_off() ||
        s->source == FERRY_SOURCE_HELD)
        return true;
    const esp_partition_t content = {
        .type = ESP_PARTITION_TYPE_BOOTLOADER,
        .address = s->source_off_bytes,
        .size = s->length_bytes,
        .erase_size = SECTOR_BYTES,
    };
    return ferry_compat_verify(&content, true, NULL);
}

/* ---- carrying it out ---- */

/* The API cannot be asked whether a refusal may be overridden; the original knows none of them. */
static uint32_t flag_against(ferry_err err)
{
    const bool is_layout = err == FERRY_ERR_NO_BOOT || err == FERRY_ERR_NO_OTADATA ||
                           err == FERRY_ERR_REFLASH_PLACE ||
                           (err <= FERRY_ERR_TABLE_MAGIC && err >= FERRY_ERR_TABLE_RULE);
    if (err == FERRY_ERR_REFLASH_LOST)
        return FERRY_REFLASH_DROP_DATA;
    return is_layout ? FERRY_REFLASH_FOREIGN : 0;
}

static ferry_err check(struct reflasher *f, struct ferry_reflash_report *report)
{
    uint32_t flags = FERRY_REFLASH_DANGEROUS;
    for (;;) {
        char text[FERRY_SENTENCE_BYTES];
        const ferry_err err = ferry_reflash_check(&f->r, &f->site, flags, &f->bench, report);
        const uint32_t more = flag_against(err) & ~flags;
        if (!err || !more)
            return err;
        ESP_LOGW(REFLASHER_TAG, "after this copy: %s",
                 ferry_sentence(text, sizeof(text), &f->r.fault, NULL));
        flags |= more;
    }
}

ferry_err reflasher_carry_out(struct reflasher *f)
{
    struct ferry_reflash_report report;
    ferry_err err = check(f, &report);
    if (err)
        return err;
    if (report.window_sectors)
        ESP_LOGW(REFLASHER_TAG, "a power cut in the next %u ms needs a cable",
                 (unsigned)report.window_ms);
    err = ferry_reflash_begin(&f->r, NULL);
    if (err || !report.n_sectors)
        return err;
    do {
        err = ferry_reflash_run(&f->r);
    } while (err == FERRY_AGAIN);
    return err;
}
