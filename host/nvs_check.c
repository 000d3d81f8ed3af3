/* host/nvs_check.c - page by page, entry by entry; then what pages say of each other. */
#include "nvs_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE    FERRY_NVS_PAGE_BYTES
#define UNIT    FERRY_NVS_ENTRY_BYTES
#define N_UNITS FERRY_NVS_ENTRIES

/** A whole entry and where it stands, for what pages say of each other. */
struct place {
    struct ferry_nvs_entry e;
    uint32_t off_bytes, seq;
    uint32_t index; // of the entry in its page
    bool value_is_bad;
    bool is_freeing; // its page is
};

struct check {
    struct ferry_nvs_report *r;
    const uint8_t *bytes; // as in flash
    uint8_t *plain;       // the page looked at, its entries decrypted
    struct place *places;
    size_t n_places, n_allocated;
    const struct ferry_xts *xts;
    uint32_t off_bytes; // of the page
    struct ferry_nvs_head head;
};

static void add(struct check *c, enum ferry_nvs_grade grade, uint32_t off, int32_t entry,
                const char *mount, const char *what)
{
    struct ferry_nvs_report *r = c->r;
    if (r->n_findings == r->n_allocated) {
        const size_t n = r->n_allocated ? 2 * r->n_allocated : 16;
        struct ferry_nvs_finding *grown = realloc(r->findings, n * sizeof(*grown));
        r->failed |= !grown;
        if (!grown)
            return;
        r->findings = grown;
        r->n_allocated = n;
    }
    struct ferry_nvs_finding *f = &r->findings[r->n_findings++];
    *f = (struct ferry_nvs_finding){.grade = grade, .off_bytes = off, .entry = entry};
    snprintf(f->what, sizeof(f->what), "%s", what);
    snprintf(f->mount, sizeof(f->mount), "%s", mount);
    r->n_damages += grade == FERRY_NVS_DAMAGE;
}

__attribute__((format(printf, 4, 5))) static void
page_finding(struct check *c, enum ferry_nvs_grade grade, const char *mount, const char *fmt, ...)
{
    char what[FERRY_NVS_WHAT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    add(c, grade, c->off_bytes, -1, mount, what);
}

__attribute__((format(printf, 5, 6))) static void entry_finding(struct check *c,
                                                                enum ferry_nvs_grade grade,
                                                                uint32_t i, const char *mount,
                                                                const char *fmt, ...)
{
    char what[FERRY_NVS_WHAT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    add(c, grade, c->off_bytes + FERRY_NVS_ENTRIES_OFF + i * UNIT, (int32_t)i, mount, what);
}

static bool is_erased(const uint8_t *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

static enum ferry_nvs_entry_state state_of(const struct check *c, uint32_t i)
{
    return ferry_nvs_map_get(c->plain + FERRY_NVS_MAP_OFF, i);
}

static uint8_t *unit_at(const struct check *c, uint32_t i)
{
    return c->plain + FERRY_NVS_ENTRIES_OFF + i * UNIT;
}

/** A name as flash has it, printable. */
static const char *name_words(char buf[FERRY_NVS_KEY_MAX + 2], const struct ferry_nvs_entry *e)
{
    size_t n = 0;
    for (; n <= FERRY_NVS_KEY_MAX && e->key[n]; n++)
        buf[n] = e->key[n] >= ' ' && e->key[n] <= '~' ? e->key[n] : '?';
    buf[n] = '\0';
    return buf;
}

static const char *flaw_words(enum ferry_nvs_flaw flaw)
{
    switch (flaw) {
    case FERRY_NVS_FLAW_CRC:
        return "it does not match its CRC";
    case FERRY_NVS_FLAW_TYPE:
        return "its type is none that NVS has";
    case FERRY_NVS_FLAW_SPAN:
        return "its span does not suit its type, its size or the page";
    case FERRY_NVS_FLAW_CHUNK:
        return "its chunk number is not possible for its type";
    case FERRY_NVS_FLAW_SIZE:
        return "its size is not possible";
    default:
        return "it is damaged";
    }
}

static ferry_err keep_place(struct check *c, const struct ferry_nvs_entry *e, uint32_t i,
                            bool value_is_bad)
{
    if (c->n_places == c->n_allocated) {
        const size_t n = c->n_allocated ? 2 * c->n_allocated : 256;
        struct place *grown = realloc(c->places, n * sizeof(*grown));
        if (!grown)
            return FERRY_ERR_NO_MEMORY;
        c->places = grown;
        c->n_allocated = n;
    }
    c->places[c->n_places++] = (struct place){
        .e = *e,
        .off_bytes = c->off_bytes + FERRY_NVS_ENTRIES_OFF + i * UNIT,
        .seq = c->head.seq,
        .index = i,
        .value_is_bad = value_is_bad,
        .is_freeing = c->head.state == FERRY_NVS_PAGE_FREEING,
    };
    c->r->n_entries++;
    return FERRY_OK;
}

/* The entries of a value that were never finished; 0: all were. */
static uint32_t unfinished(const struct check *c, const struct ferry_nvs_entry *e, uint32_t i)
{
    uint32_t n = 0;
    for (uint32_t k = 1; k < e->span; k++)
        n += state_of(c, i + k) != FERRY_NVS_ENTRY_WRITTEN;
    return n;
}

/* An entry that is marked written. *span: how many entries are done with. */
static ferry_err check_written(struct check *c, uint32_t i, uint32_t *span)
{
    struct ferry_nvs_entry e;
    char name[FERRY_NVS_KEY_MAX + 2];
    const enum ferry_nvs_flaw flaw = ferry_nvs_entry_decode(unit_at(c, i), i, &e);
    *span = 1;
    if (flaw) {
        entry_finding(c, FERRY_NVS_DAMAGE, i,
                      "erases this entry, then looks at the next one as if it were the first of a "
                      "value",
                      "entry is damaged: %s", flaw_words(flaw));
        return FERRY_OK;
    }
    name_words(name, &e);
    const uint32_t n_missing = unfinished(c, &e, i);
    *span = e.span;
    if (n_missing) {
        entry_finding(c, FERRY_NVS_TRACE, i, "erases what was written of it",
                      "'%s' was never finished: %u of its %u entries are not marked written", name,
                      (unsigned)n_missing, e.span);
        return FERRY_OK;
    }
    bool is_bad = false;
    if (ferry_nvs_type_has_value(e.type)) {
        const uint32_t size = ferry_nvs_entry_size(&e);
        is_bad = ferry_nvs_value_crc(unit_at(c, i) + UNIT, size) != ferry_nvs_entry_value_crc(&e);
    }
    if (is_bad)
        entry_finding(c, FERRY_NVS_DAMAGE, i,
                      "keeps it; whoever reads the key is told that it is damaged (Espressif's "
                      "code erases it then)",
                      "the value of '%s' does not match its CRC", name);
    return keep_place(c, &e, i, is_bad);
}

/* What a cut leaves behind the last entry of a page: bytes that no bit of the map speaks of. */
static void check_empty(struct check *c, uint32_t i)
{
    if (c->head.state == FERRY_NVS_PAGE_ACTIVE &&
        !is_erased(c->bytes + c->off_bytes + FERRY_NVS_ENTRIES_OFF + i * UNIT, UNIT))
        entry_finding(c, FERRY_NVS_TRACE, i, "marks the entry erased and goes on behind it",
                      "entry was begun but never marked written");
}

static ferry_err check_entries(struct check *c)
{
    ferry_err err = FERRY_OK;
    uint32_t span;
    for (uint32_t i = 0; i < N_UNITS && !err; i += span) {
        span = 1;
        switch (state_of(c, i)) {
        case FERRY_NVS_ENTRY_WRITTEN:
            err = check_written(c, i, &span);
            break;
        case FERRY_NVS_ENTRY_EMPTY:
            check_empty(c, i);
            break;
        case FERRY_NVS_ENTRY_ILLEGAL:
            entry_finding(c, FERRY_NVS_DAMAGE, i, "marks the entry erased",
                          "the two bits of the entry's state are 01, which nothing writes");
            break;
        case FERRY_NVS_ENTRY_ERASED:
            break;
        }
    }
    return err;
}

/* Decrypts what was ever written; blank entries stay blank. */
static ferry_err open_page(struct check *c)
{
    memcpy(c->plain, c->bytes + c->off_bytes, PAGE);
    for (uint32_t i = 0; c->xts && i < N_UNITS; i++)
        if (state_of(c, i) == FERRY_NVS_ENTRY_WRITTEN &&
            c->xts->ops->decrypt(c->xts, c->off_bytes + FERRY_NVS_ENTRIES_OFF + i * UNIT,
                                 unit_at(c, i)))
            return FERRY_ERR_NVS_CRYPT;
    return FERRY_OK;
}

static void count_state(struct check *c)
{
    c->r->n_active += c->head.state == FERRY_NVS_PAGE_ACTIVE;
    c->r->n_full += c->head.state == FERRY_NVS_PAGE_FULL;
    c->r->n_freeing += c->head.state == FERRY_NVS_PAGE_FREEING;
    if (c->head.state == FERRY_NVS_PAGE_FREEING)
        page_finding(c, FERRY_NVS_TRACE, "finishes the move, then erases this page",
                     "page was being emptied: its entries are on the way to a new page");
}

static ferry_err check_page(struct check *c)
{
    static const char lost[] = "takes the page for free and erases it; all in it is lost";
    const uint8_t *page = c->bytes + c->off_bytes;
    const enum ferry_nvs_flaw flaw = ferry_nvs_head_decode(page, &c->head);
    if (!flaw && c->head.state == FERRY_NVS_PAGE_BLANK) {
        const bool blank = is_erased(page, PAGE);
        c->r->n_blank += blank;
        c->r->n_corrupt += !blank;
        if (!blank)
            page_finding(c, FERRY_NVS_TRACE, "erases the page before it is used",
                         "page has no header, but is not blank");
        return FERRY_OK;
    }
    c->r->n_corrupt += flaw != FERRY_NVS_FLAW_NONE;
    const bool is_unused = is_erased(page + FERRY_NVS_HEAD_BYTES, PAGE - FERRY_NVS_HEAD_BYTES);
    if (flaw == FERRY_NVS_FLAW_HEAD_CRC && is_unused)
        page_finding(c, FERRY_NVS_TRACE, "erases the page before it is used",
                     "the page's header was never finished; nothing else is in it");
    else if (flaw == FERRY_NVS_FLAW_VERSION)
        page_finding(c, FERRY_NVS_DAMAGE, "refuses the whole partition",
                     "page is of a later format: its version byte is 0x%02x, 0x%02x is known",
                     c->head.version, FERRY_NVS_VERSION_2);
    else if (flaw == FERRY_NVS_FLAW_HEAD_CRC)
        page_finding(c, FERRY_NVS_DAMAGE, lost, "the page's header does not match its CRC");
    else if (flaw)
        page_finding(c, FERRY_NVS_DAMAGE, lost, "the page's state 0x%08x is none that NVS has",
                     (unsigned)c->head.state);
    if (flaw)
        return FERRY_OK;
    count_state(c);
    const ferry_err err = open_page(c);
    return err ? err : check_entries(c);
}

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->e.ns != y->e.ns)
        return x->e.ns - y->e.ns;
    const int order = memcmp(x->e.key, y->e.key, sizeof(x->e.key));
    if (order)
        return order;
    if (x->e.chunk != y->e.chunk)
        return x->e.chunk - y->e.chunk;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static bool same_key(const struct place *x, const struct place *y)
{
    return x->e.ns == y->e.ns && !memcmp(x->e.key, y->e.key, sizeof(x->e.key));
}

static void place_finding(struct check *c, const struct place *p, enum ferry_nvs_grade grade,
                          const char *mount, const char *what)
{
    char words[FERRY_NVS_WHAT_BYTES], name[FERRY_NVS_KEY_MAX + 2];
    snprintf(words, sizeof(words), "'%s' %s", name_words(name, &p->e), what);
    add(c, grade, p->off_bytes, (int32_t)p->index, mount, words);
}

/* An index says how many chunks there are and how large the blob is; all the key's places lie in
 * [first, last). */
static void check_index(struct check *c, const struct place *index, struct place *first,
                        const struct place *last)
{
    const uint8_t n_chunks = index->e.data[4], start = index->e.data[5];
    uint32_t n = 0, size = 0;
    for (struct place *p = first; p < last; p++) {
        // Of a chunk that stands twice the older one does not count again.
        const bool again =
            p > first && p[-1].e.chunk == p->e.chunk && p[-1].e.type == FERRY_NVS_BLOB;
        if (p->e.type != FERRY_NVS_BLOB || p->e.chunk < start || p->e.chunk - start >= n_chunks ||
            again)
            continue;
        n++;
        size += ferry_nvs_entry_size(&p->e);
    }
    if (n != n_chunks || size != ferry_nvs_entry_size(&index->e))
        place_finding(c, index, FERRY_NVS_DAMAGE, "erases the index and what there is of the blob",
                      n == n_chunks ? "is a blob whose chunks do not add up to its size"
                                    : "is a blob of which chunks are missing");
}

static bool has_index_for(const struct place *chunk, const struct place *first,
                          const struct place *last)
{
    for (const struct place *p = first; p < last; p++)
        if (p->e.type == FERRY_NVS_BLOB_INDEX && chunk->e.chunk >= p->e.data[5] &&
            chunk->e.chunk - p->e.data[5] < p->e.data[4])
            return true;
    return false;
}

/* All places of one key. */
static void check_key(struct check *c, struct place *first, const struct place *last)
{
    const struct place *kept = NULL;
    for (struct place *p = first; p < last; p++) {
        if (p->e.type == FERRY_NVS_BLOB_INDEX)
            check_index(c, p, first, last);
        if (p->e.type == FERRY_NVS_BLOB && !has_index_for(p, first, last))
            place_finding(c, p, FERRY_NVS_TRACE, "erases the chunk",
                          "is a chunk of a blob without index: its writing was cut short");
        // While a page is being emptied each of its entries may stand twice.
        if (p->e.type != FERRY_NVS_BLOB && kept && !kept->is_freeing)
            place_finding(c, kept, FERRY_NVS_TRACE,
                          "erases this one if the other is the last that was written; else the "
                          "key reads as one of the two",
                          "has a later value as well: its writing was cut short");
        if (p->e.type != FERRY_NVS_BLOB)
            kept = p;
    }
}

static int compare_findings(const void *a, const void *b)
{
    const struct ferry_nvs_finding *x = a, *y = b;
    if (x->off_bytes != y->off_bytes)
        return x->off_bytes < y->off_bytes ? -1 : 1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Entries in a namespace that has no name are out of everybody's reach. */
static void check_namespaces(struct check *c)
{
    bool named[256] = {false};
    named[0] = true;
    for (size_t i = 0; i < c->n_places; i++)
        if (!c->places[i].e.ns)
            named[c->places[i].e.data[0]] = true;
    for (size_t i = 0; i < c->n_places; i++) {
        const struct place *p = &c->places[i];
        if (!named[p->e.ns] && p->e.type != FERRY_NVS_BLOB)
            place_finding(c, p, FERRY_NVS_DAMAGE, "keeps it, out of reach",
                          "is in a namespace that has no name");
    }
}

static void check_partition(struct check *c)
{
    struct ferry_nvs_report *r = c->r;
    for (size_t i = 0, k; i < c->n_places; i = k) {
        for (k = i + 1; k < c->n_places && same_key(&c->places[i], &c->places[k]); k++)
            ;
        check_key(c, c->places + i, c->places + k);
    }
    check_namespaces(c);
    c->off_bytes = 0;
    if (r->n_freeing > 1)
        page_finding(c, FERRY_NVS_DAMAGE, "empties one of them; Espressif's code leaves the others",
                     "%u pages are being emptied at once", (unsigned)r->n_freeing);
    if (r->n_pages >= 3 && !r->n_blank && !r->n_corrupt && !r->n_freeing)
        page_finding(c, FERRY_NVS_DAMAGE, "refuses to write to the partition",
                     "no page is free; one must always be");
}

ferry_err ferry_nvs_check(struct ferry_nvs_report *r, const uint8_t *bytes, uint32_t n_bytes,
                          const struct ferry_xts *xts)
{
    struct check c = {.r = r, .bytes = bytes, .xts = xts, .plain = malloc(PAGE)};
    *r = (struct ferry_nvs_report){.n_pages = n_bytes / PAGE};
    ferry_err err = c.plain ? FERRY_OK : FERRY_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < r->n_pages && !err; i++) {
        c.off_bytes = i * PAGE;
        err = check_page(&c);
    }
    if (!err && c.n_places)
        qsort(c.places, c.n_places, sizeof(*c.places), compare_places);
    if (!err)
        check_partition(&c);
    if (r->n_findings)
        qsort(r->findings, r->n_findings, sizeof(*r->findings), compare_findings);
    free(c.places);
    free(c.plain);
    return !err && r->failed ? FERRY_ERR_NO_MEMORY : err;
}

void ferry_nvs_report_free(struct ferry_nvs_report *r)
{
    free(r->findings);
    r->findings = NULL;
}
