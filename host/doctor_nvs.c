/* host/doctor_nvs.c - is what the NVS partitions store whole? host/doctor_store.h says. A store
 * that cannot be read, because its keys are unknown or all is lost, is told apart from a damaged
 * one. */
#include "doctor_private.h"

#include <stdio.h>

#include "doctor_store.h"

static const struct ferry_partition *keys_row(const struct ferry_facts *f)
{
    for (unsigned i = 0; i < f->n_partitions; i++)
        if (f->partitions[i].type == FERRY_TYPE_DATA &&
            f->partitions[i].subtype == FERRY_DATA_NVS_KEYS)
            return &f->partitions[i];
    return NULL;
}

static void report(struct ferry_doctor *doc, const struct ferry_store *s)
{
    const struct ferry_nvs_report *r = &s->report;
    const enum ferry_finding_id id =
        s->cipher == FERRY_STORE_UNKNOWN ? FERRY_FINDING_NVS_UNREADABLE : FERRY_FINDING_NVS_DAMAGED;
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct ferry_nvs_finding *n = &r->findings[i];
        if (n->grade != FERRY_NVS_DAMAGE)
            continue;
        struct ferry_finding *found = ferry_doctor_add(doc, id, s->row->off_bytes + n->off_bytes);
        found->row = s->row;
        found->value = (uint32_t)r->n_damages;
        found->limit = r->n_entries;
        snprintf(found->detail, sizeof(found->detail), "%s; a mount %s", n->what, n->mount);
        return; // the first; `ferry nvs check` has them all
    }
}

void ferry_doctor_nvs(struct ferry_doctor *doc)
{
    const struct ferry_facts *f = &doc->facts;
    const struct ferry_flash *flash = &f->v->file.flash;
    for (unsigned i = 0; i < f->n_partitions; i++) {
        const struct ferry_partition *p = &f->partitions[i];
        struct ferry_store s = {0};
        // Flash encryption hides more than the entries.
        if (!ferry_store_is(p, flash->size_bytes) || (p->flags & FERRY_FLAG_ENCRYPTED))
            continue;
        // Out of memory it is not looked at, which is no finding.
        if (!ferry_store_look(&s, flash, p, keys_row(f)))
            report(doc, &s);
        ferry_store_close(&s);
    }
}
