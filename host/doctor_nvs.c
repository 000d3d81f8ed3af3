/* host/doctor_nvs.c - is what the NVS partitions store whole? host/nvs_check.h says; encrypted
 * stores are left alone, since without their keys everything in them would look damaged. */
#include "doctor_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "nvs_check.h"

#define NVS_MOST_BYTES 0x1000000u // more than any store has

static bool has_keys(const struct ferry_facts *f)
{
    for (unsigned i = 0; i < f->n_partitions; i++)
        if (f->partitions[i].type == FERRY_TYPE_DATA &&
            f->partitions[i].subtype == FERRY_DATA_NVS_KEYS)
            return true;
    return false;
}

static void report(struct ferry_doctor *doc, const struct ferry_partition *p,
                   const struct ferry_nvs_report *r)
{
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct ferry_nvs_finding *n = &r->findings[i];
        if (n->grade != FERRY_NVS_DAMAGE)
            continue;
        struct ferry_finding *found =
            ferry_doctor_add(doc, FERRY_FINDING_NVS_DAMAGED, p->off_bytes + n->off_bytes);
        found->row = p;
        found->value = (uint32_t)r->n_damages;
        snprintf(found->detail, sizeof(found->detail), "%s; a mount %s", n->what, n->mount);
        return; // the first; `ferry nvs check` has them all
    }
}

static void check(struct ferry_doctor *doc, const struct ferry_partition *p)
{
    struct ferry_nvs_report r = {0};
    uint8_t *bytes = malloc(p->size_bytes);
    // Out of memory it is not looked at, which is no finding.
    if (bytes && ferry_facts_read(&doc->facts, p->off_bytes, bytes, p->size_bytes) &&
        !ferry_nvs_check(&r, bytes, p->size_bytes, NULL))
        report(doc, p, &r);
    ferry_nvs_report_free(&r);
    free(bytes);
}

void ferry_doctor_nvs(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    for (unsigned i = 0; i < f->n_partitions && !has_keys(f); i++) {
        const struct ferry_partition *p = &f->partitions[i];
        const bool is_whole = p->size_bytes && p->size_bytes <= NVS_MOST_BYTES &&
                              p->size_bytes % FERRY_FLASH_SECTOR_BYTES == 0;
        if (p->type == FERRY_TYPE_DATA && p->subtype == FERRY_DATA_NVS && is_whole &&
            !(p->flags & FERRY_FLAG_ENCRYPTED))
            check(doc, p);
    }
}
