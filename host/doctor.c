/* host/doctor.c - the examination: what belongs to the whole device, and the order of findings.
 * Table and bootloader: doctor_table.c; otadata, slots and the app file: doctor_boot.c; NVS:
 * doctor_nvs.c. */
#include "doctor_private.h"
#include "reflash_waiting.h"

#include <string.h>

static const struct {
    const char *name;
    enum ferry_danger danger;
    enum ferry_repair repair;
} kinds[] = {
#define KIND(name, text, danger, repair) {text, FERRY_DANGER_##danger, FERRY_REPAIR_##repair},
    FERRY_FINDINGS(KIND)
#undef KIND
};

const char *ferry_finding_name(enum ferry_finding_id id)
{
    return kinds[id].name;
}

const char *ferry_danger_words(enum ferry_danger danger)
{
    static const char *const words[] = {"will not boot", "one fault from not booting", "wrong",
                                        "odd"};
    return words[danger];
}

struct ferry_finding *ferry_doctor_add(struct ferry_doctor *doc, enum ferry_finding_id id,
                                       uint32_t at_bytes)
{
    static struct ferry_finding lost;
    struct ferry_finding *f = &lost;
    if (doc->n < FERRY_FINDING_MAX)
        f = &doc->findings[doc->n++];
    else
        doc->has_more = true;
    *f = (struct ferry_finding){
        .id = id,
        .danger = kinds[id].danger,
        .repair = kinds[id].repair,
        .at_bytes = at_bytes,
        .slot = FERRY_SLOT_NONE,
        .entry = -1,
    };
    return f;
}

static bool comes_before(const struct ferry_finding *a, const struct ferry_finding *b)
{
    if (a->danger != b->danger)
        return a->danger < b->danger;
    if (a->id != b->id)
        return a->id < b->id;
    return a->at_bytes < b->at_bytes;
}

/* By insertion: few, and equal ones stay in the order in which they were found. */
static void sort(struct ferry_doctor *doc)
{
    for (unsigned i = 1; i < doc->n; i++) {
        const struct ferry_finding f = doc->findings[i];
        unsigned k = i;
        for (; k && comes_before(&f, &doc->findings[k - 1]); k--)
            doc->findings[k] = doc->findings[k - 1];
        doc->findings[k] = f;
    }
}

void ferry_doctor_examine(struct ferry_doctor *doc, struct ferry_vdevice *v)
{
    doc->n = 0;
    doc->has_more = false;
    ferry_facts_gather(&doc->facts, v);
    if (doc->facts.is_blank) {
        ferry_doctor_add(doc, FERRY_FINDING_FLASH_BLANK, 0);
        return;
    }
    if (doc->facts.looks_encrypted) {
        ferry_doctor_add(doc, FERRY_FINDING_FLASH_ENCRYPTED, 0);
        return;
    }
    ferry_doctor_bootloader(doc);
    ferry_doctor_table(doc);
    if (!v->table_err) {
        ferry_doctor_boot(doc);
        ferry_doctor_slots(doc);
        ferry_doctor_entries(doc);
        ferry_doctor_nvs(doc);
    }
    ferry_doctor_app(doc);
    if (ferry_reflash_waits(v))
        ferry_doctor_add(doc, FERRY_FINDING_REFLASH_LEFT, ferry_vdevice_journal(v).off_bytes);
    if (doc->update_left)
        ferry_doctor_add(doc, FERRY_FINDING_UPDATE_LEFT, FERRY_NOWHERE);
    sort(doc);
}
