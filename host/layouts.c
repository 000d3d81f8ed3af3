/* host/layouts.c - the layouts as rows, and the reader of the short form. */
#include "layouts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECTOR_BYTES    0x1000u
#define APP_ALIGN_BYTES 0x10000u
#define OTADATA_BYTES   0x2000u
#define KB              1024u
#define MB              (1024u * 1024u)
#define LONGEST_NUMBER  24u
#define MOST_FIELDS     5u

/* Sizes that are worked out. */
#define REST     0u               // all that is left
#define UP_TO    UINT32_MAX       // what otadata leaves before the first app
#define OTA_SLOT (UINT32_MAX - 1) // what is recommended for two slots on such a flash

struct named_part {
    const char *name;
    uint8_t type, subtype;
    uint32_t size_bytes;
};

#define DATA_(name, subtype, size)                                                                 \
    {                                                                                              \
        name, FERRY_TYPE_DATA, subtype, size                                                       \
    }
#define APP_(name, subtype, size)                                                                  \
    {                                                                                              \
        name, FERRY_TYPE_APP, subtype, size                                                        \
    }
#define FAT 0x81u

static const struct {
    const char *name, *what;
    struct named_part parts[7]; // ended by one without a name
} layouts[] = {
    {"ota",
     "MicroPython with updates: two equal slots, the rest for files",
     {DATA_("nvs", FERRY_DATA_NVS, UP_TO), DATA_("otadata", FERRY_DATA_OTA, OTADATA_BYTES),
      APP_("ota_0", FERRY_APP_OTA_0, OTA_SLOT), APP_("ota_1", FERRY_APP_OTA_0 + 1, OTA_SLOT),
      DATA_("vfs", FAT, REST)}},
    {"default",
     "MicroPython without updates: one app of 1984 KB, the rest for files",
     {DATA_("nvs", FERRY_DATA_NVS, 0x7000), APP_("factory", FERRY_APP_FACTORY, 0x1f0000),
      DATA_("vfs", FAT, REST)}},
    {"original",
     "the same as MicroPython itself lays it out, with phy_init",
     {DATA_("nvs", FERRY_DATA_NVS, 0x6000), DATA_("phy_init", FERRY_DATA_PHY, 0x1000),
      APP_("factory", FERRY_APP_FACTORY, 0x1f0000), DATA_("vfs", FAT, REST)}},
    {"singleapp",
     "ESP-IDF, one app of 1 MB",
     {DATA_("nvs", FERRY_DATA_NVS, 0x6000), DATA_("phy_init", FERRY_DATA_PHY, 0x1000),
      APP_("factory", FERRY_APP_FACTORY, MB)}},
    {"singleapp-large",
     "ESP-IDF, one app of 1500 KB",
     {DATA_("nvs", FERRY_DATA_NVS, 0x6000), DATA_("phy_init", FERRY_DATA_PHY, 0x1000),
      APP_("factory", FERRY_APP_FACTORY, 1500 * KB)}},
    {"two-ota",
     "ESP-IDF, factory and two slots of 1 MB each",
     {DATA_("nvs", FERRY_DATA_NVS, 0x4000), DATA_("otadata", FERRY_DATA_OTA, OTADATA_BYTES),
      DATA_("phy_init", FERRY_DATA_PHY, 0x1000), APP_("factory", FERRY_APP_FACTORY, MB),
      APP_("ota_0", FERRY_APP_OTA_0, MB), APP_("ota_1", FERRY_APP_OTA_0 + 1, MB)}},
    {"two-ota-large",
     "ESP-IDF, two slots of 1700 KB",
     {DATA_("nvs", FERRY_DATA_NVS, 0x6000), DATA_("otadata", FERRY_DATA_OTA, OTADATA_BYTES),
      DATA_("phy_init", FERRY_DATA_PHY, 0x1000), APP_("ota_0", FERRY_APP_OTA_0, 1700 * KB),
      APP_("ota_1", FERRY_APP_OTA_0 + 1, 1700 * KB)}},
    {"esp-hal",
     "esp-hal-ota, two slots of 1 MB",
     {DATA_("nvs", FERRY_DATA_NVS, 0x4000), DATA_("otadata", FERRY_DATA_OTA, OTADATA_BYTES),
      DATA_("phy_init", FERRY_DATA_PHY, 0x1000), APP_("ota_0", FERRY_APP_OTA_0, MB),
      APP_("ota_1", FERRY_APP_OTA_0 + 1, MB)}},
};
#define N_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

bool ferry_layout_at(size_t i, const char **name, const char **what)
{
    if (i >= N_LAYOUTS)
        return false;
    *name = layouts[i].name;
    *what = layouts[i].what;
    return true;
}

__attribute__((format(printf, 3, 4))) static ferry_err refuse(char *detail, ferry_err err,
                                                              const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, FERRY_LAYOUT_DETAIL_BYTES, fmt, ap);
    va_end(ap);
    return err;
}

/** MicroPython's own OTA tables have slots of these sizes. */
static uint32_t slot_bytes(uint32_t flash_bytes)
{
    return flash_bytes > 8 * MB ? 0x270000 : flash_bytes > 4 * MB ? 0x200000 : 0x180000;
}

static ferry_err make_named(struct ferry_layout *out, const struct named_part *parts,
                            const struct ferry_layout_room *room, char *detail)
{
    const uint32_t first = room->table_off_bytes + SECTOR_BYTES;
    const uint32_t app = room->app_off_bytes
                             ? room->app_off_bytes
                             : (first + APP_ALIGN_BYTES - 1) / APP_ALIGN_BYTES * APP_ALIGN_BYTES;
    *out = (struct ferry_layout){0};
    for (; parts->name; parts++) {
        struct ferry_layout_part *p = &out->parts[out->n++];
        *p = (struct ferry_layout_part){.type = parts->type, .subtype = parts->subtype};
        strcpy(p->name, parts->name);
        p->size_bytes = parts->size_bytes;
        if (parts->size_bytes == OTA_SLOT)
            p->size_bytes = room->app_bytes ? room->app_bytes : slot_bytes(room->flash_bytes);
        if (parts->size_bytes != UP_TO)
            continue;
        if (app < first + OTADATA_BYTES + SECTOR_BYTES)
            return refuse(detail, FERRY_ERR_TABLE_SIZE,
                          "the first app lies at 0x%x: there is no room before it for %s and "
                          "otadata",
                          (unsigned)app, parts->name);
        p->size_bytes = app - first - OTADATA_BYTES;
    }
    return FERRY_OK;
}

ferry_err ferry_layout_make(struct ferry_layout *out, const char *text,
                            const struct ferry_layout_room *room, char *detail)
{
    for (size_t i = 0; i < N_LAYOUTS; i++)
        if (!strcmp(layouts[i].name, text))
            return make_named(out, layouts[i].parts, room, detail);
    if (strpbrk(text, "=:"))
        return ferry_layout_parse(out, text, detail);
    char names[FERRY_LAYOUT_DETAIL_BYTES] = "";
    for (size_t i = 0, n = 0; i < N_LAYOUTS && n < sizeof(names); i++)
        n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", layouts[i].name);
    return refuse(detail, FERRY_ERR_NOT_FOUND,
                  "there is no layout '%.20s'; there are %s, or NAME=SIZE,...", text, names);
}

/** The fraction of a unit, in bytes; false if it is none. */
static bool add_fraction(const char *text, uint32_t unit, uint64_t *bytes)
{
    uint64_t part = unit;
    uint64_t scaled = 0, divisor = 1;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || divisor >= 1000000)
            return false;
        scaled = scaled * 10 + (uint64_t)(*text - '0');
        divisor *= 10;
    }
    part *= scaled;
    if (part % divisor)
        return false; // no whole number of bytes
    *bytes += part / divisor;
    return true;
}

bool ferry_layout_number(const char *text, size_t n, uint32_t *out)
{
    static const struct {
        const char *suffix;
        uint32_t bytes;
    } units[] = {{"MB", MB}, {"KB", KB}, {"M", MB}, {"K", KB}, {"B", SECTOR_BYTES}};
    char buf[LONGEST_NUMBER];
    uint32_t unit = 1;
    if (!n || n >= sizeof(buf) || text[0] < '0' || text[0] > '9')
        return false;
    snprintf(buf, sizeof(buf), "%.*s", (int)n, text);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        const size_t len = strlen(units[i].suffix);
        if (n > len && !strcasecmp(buf + n - len, units[i].suffix)) {
            buf[n - len] = '\0';
            unit = units[i].bytes;
            break;
        }
    }
    char *end;
    const bool hex = buf[0] == '0' && (buf[1] == 'x' || buf[1] == 'X');
    const unsigned long long whole = strtoull(buf, &end, hex ? 16 : 10);
    if (whole > UINT32_MAX || (hex && end == buf + 1))
        return false;
    uint64_t bytes = whole * unit;
    if (*end && (hex || *end != '.' || !add_fraction(end + 1, unit, &bytes)))
        return false;
    if (bytes > UINT32_MAX)
        return false;
    *out = (uint32_t)bytes;
    return true;
}

/** A field of a part, without the blanks around it. */
struct field {
    const char *at;
    size_t n;
};

static size_t split(const char *text, size_t n, struct field fields[MOST_FIELDS + 1])
{
    size_t n_fields = 0;
    for (size_t from = 0; n_fields <= MOST_FIELDS;) {
        size_t to = from;
        while (to < n && text[to] != '=' && text[to] != ':')
            to++;
        struct field f = {text + from, to - from};
        while (f.n && *f.at == ' ')
            f.at++, f.n--;
        while (f.n && f.at[f.n - 1] == ' ')
            f.n--;
        fields[n_fields++] = f;
        if (to >= n)
            break;
        from = to + 1;
    }
    return n_fields;
}

static bool byte_of(const char *word, uint8_t *out)
{
    uint32_t n;
    if (!ferry_layout_number(word, strlen(word), &n) || n > 0xff)
        return false;
    *out = (uint8_t)n;
    return true;
}

/** The subtype that a name stands for, in words of its users. */
static const char *subtype_of_name(const char *name)
{
    static const char *const pairs[][2] = {
        {"otadata", "ota"}, {"vfs", "fat"}, {"phy_init", "phy"}, {"nvs_key", "nvs_keys"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (!strcmp(pairs[i][0], name))
            return pairs[i][1];
    return name;
}

static ferry_err find_type(struct ferry_layout_part *p, const char *type, const char *subtype,
                           char *detail)
{
    if (!*subtype)
        subtype = subtype_of_name(p->name);
    if (*type) {
        if (ferry_type_by_name(type, &p->type) && !byte_of(type, &p->type))
            return refuse(detail, FERRY_ERR_SYNTAX, "%s: there is no type '%s'", p->name, type);
        if (!ferry_subtype_by_name(p->type, subtype, &p->subtype) || byte_of(subtype, &p->subtype))
            return FERRY_OK;
        return refuse(detail, FERRY_ERR_SYNTAX, "%s: type %s has no subtype '%s'", p->name, type,
                      subtype);
    }
    for (unsigned t = FERRY_TYPE_APP; t <= FERRY_TYPE_DATA; t++) {
        p->type = (uint8_t)t;
        if (!ferry_subtype_by_name(p->type, subtype, &p->subtype))
            return FERRY_OK;
    }
    return refuse(detail, FERRY_ERR_SYNTAX,
                  "%s: no type has the subtype '%s'; give both, as %s:data:fat:OFFSET:SIZE",
                  p->name, subtype, p->name);
}

static ferry_err take_word(const struct field *f, char *word, size_t n_word, const char *name,
                           char *detail)
{
    if (f->n >= n_word)
        return refuse(detail, FERRY_ERR_SYNTAX, "%.40s: '%.*s' is too long; at most %zu characters",
                      name, (int)(f->n < 40 ? f->n : 40), f->at, n_word - 1);
    snprintf(word, n_word, "%.*s", (int)f->n, f->at);
    return FERRY_OK;
}

static ferry_err take_number(const struct field *f, uint32_t *out, const char *name,
                             const char *what, char *detail)
{
    *out = 0;
    if (!f->n || ferry_layout_number(f->at, f->n, out))
        return FERRY_OK;
    return refuse(detail, FERRY_ERR_SYNTAX, "%s: '%.*s' is no %s; a number, with M, K or B", name,
                  (int)(f->n < 40 ? f->n : 40), f->at, what);
}

/** NAME, then the fields from the end: size, offset, subtype, type. */
static ferry_err take_part(struct ferry_layout_part *p, const struct field *f, size_t n,
                           char *detail)
{
    char type[LONGEST_NUMBER] = "", subtype[LONGEST_NUMBER] = "";
    *p = (struct ferry_layout_part){0};
    if (!f[0].n)
        return refuse(detail, FERRY_ERR_SYNTAX, "a partition without a name");
    if (n > MOST_FIELDS)
        return refuse(detail, FERRY_ERR_SYNTAX, "%.*s: more than NAME:TYPE:SUBTYPE:OFFSET:SIZE",
                      (int)f[0].n, f[0].at);
    ferry_err err = take_word(&f[0], p->name, sizeof(p->name), "the name", detail);
    if (!err && n >= 2)
        err = take_number(&f[n - 1], &p->size_bytes, p->name, "size", detail);
    if (!err && n >= 4)
        err = take_number(&f[n - 2], &p->off_bytes, p->name, "offset", detail);
    if (!err && n >= 3)
        err = take_word(&f[n == 5 ? 2 : 1], subtype, sizeof(subtype), p->name, detail);
    if (!err && n == 5)
        err = take_word(&f[1], type, sizeof(type), p->name, detail);
    return err ? err : find_type(p, type, subtype, detail);
}

ferry_err ferry_layout_parse(struct ferry_layout *out, const char *text, char *detail)
{
    *out = (struct ferry_layout){0};
    for (;;) {
        struct field fields[MOST_FIELDS + 1];
        const size_t n = strcspn(text, ",");
        if (out->n == FERRY_LAYOUT_PARTS)
            return refuse(detail, FERRY_ERR_TABLE_FULL, "more than %u partitions in one list",
                          FERRY_LAYOUT_PARTS);
        const size_t n_fields = split(text, n, fields);
        const ferry_err err = take_part(&out->parts[out->n], fields, n_fields, detail);
        if (err)
            return err;
        out->n++;
        if (!text[n])
            return FERRY_OK;
        text += n + 1;
    }
}
