/* test_records - what the agent reads of strangers and keeps of itself: join strings, PEM, records
 * of releases, which of two is newer, how a run ended. */
#include <string.h>

#include "agent/certificate.h"
#include "agent/http.h"
#include "agent/join.h"
#include "agent/pem.h"
#include "agent/release.h"
#include "agent/start.h"
#include "t.h"

#define PIN   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEF"

static void join_string_is_taken_apart(void)
{
    struct ferry_join j;
    const char *why = NULL;
    T_EQ_INT(ferry_join_parse("ferry1:https://up.test:8443/#" PIN "#" TOKEN "#pump-1", &j, &why),
             FERRY_OK);
    T_EQ_STR(j.url, "https://up.test:8443");
    T_EQ_STR(j.pin, PIN);
    T_EQ_STR(j.token, TOKEN);
    T_EQ_STR(j.id, "pump-1");
    T_EQ_INT(ferry_join_parse("ferry1:https://up.test#" PIN "#" TOKEN, &j, &why), FERRY_OK);
    T_EQ_STR(j.id, "");
}

static void bad_join_strings_are_refused(void)
{
    static const char *const bad[] = {
        "",
        "ferry2:https://up.test#" PIN "#" TOKEN,
        "ferry1:http://up.test#" PIN "#" TOKEN, // whom it pins could not be asked
        "ferry1:https://a@up.test#" PIN "#" TOKEN,
        "ferry1:https://up.test/?q#" PIN "#" TOKEN,
        "ferry1:https://up.test#" PIN,
        "ferry1:https://up.test##" TOKEN,
        "ferry1:https://up.test#" PIN "0#" TOKEN,
        "ferry1:https://up.test#" PIN "#short",
        "ferry1:https://up.test#" PIN "#" TOKEN TOKEN "x",
        "ferry1:https://up.test#" PIN "#" TOKEN "#id with blanks",
        "ferry1:https://up.test#" PIN "#" TOKEN "#id#more",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ferry_join j;
        const char *why = NULL;
        T_EQ_INT(ferry_join_parse(bad[i], &j, &why), FERRY_ERR_JOIN);
        T_CHECK(why && !strstr(why, TOKEN));
    }
}

static void pem_comes_back_as_it_was(void)
{
    uint8_t der[200], seen[200];
    char text[FERRY_PEM_BYTES(sizeof der, "TEST")];
    for (size_t i = 0; i < sizeof der; i++)
        der[i] = (uint8_t)(i * 37);
    for (size_t n = 1; n <= sizeof der; n++) {
        struct ferry_pem block;
        const char *at = text;
        T_EQ_INT(ferry_pem_write("TEST", der, n, text, sizeof text), FERRY_OK);
        T_EQ_INT(ferry_pem_next(&at, "TEST", seen, sizeof seen, &block), FERRY_OK);
        T_EQ_INT(block.n_der, n);
        T_EQ_MEM(seen, der, n);
        T_EQ_INT(ferry_pem_next(&at, "TEST", seen, sizeof seen, &block), FERRY_ERR_NOT_FOUND);
        T_EQ_INT(ferry_pem_write("TEST", der, n, text, strlen(text)), FERRY_ERR_WORK_SIZE);
    }
}

static void bad_pem_is_refused(void)
{
    static const struct {
        const char *text;
        ferry_err err;
    } cases[] = {
        {"", FERRY_ERR_NOT_FOUND},
        {"-----BEGIN OTHER-----\nAAAA\n-----END OTHER-----\n", FERRY_ERR_NOT_FOUND},
        {"-----BEGIN TEST-----\nAAAA\n", FERRY_ERR_SYNTAX},
        {"-----BEGIN TEST-----\n-----END TEST-----", FERRY_ERR_SYNTAX},
        {"-----BEGIN TEST-----\nAAA\n-----END TEST-----", FERRY_ERR_SYNTAX},
        {"-----BEGIN TEST-----\nAA*A\n-----END TEST-----", FERRY_ERR_SYNTAX},
        {"-----BEGIN TEST-----\nA===\n-----END TEST-----", FERRY_ERR_SYNTAX},
        {"-----BEGIN TEST-----\nAA=A\n-----END TEST-----", FERRY_ERR_SYNTAX},
        {"-----BEGIN TEST-----\nAA==AAAA\n-----END TEST-----", FERRY_ERR_SYNTAX},
        {"-----BEGIN TEST-----\nAAAAAAAAAAAA\n-----END TEST-----", FERRY_ERR_SYNTAX}, // too long
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t der[8];
        struct ferry_pem block;
        const char *at = cases[i].text;
        T_EQ_INT(ferry_pem_next(&at, "TEST", der, sizeof der, &block), cases[i].err);
        T_CHECK(at == cases[i].text);
    }
}

static void root_is_known_by_its_names(void)
{
    uint8_t der[] = {0x30, 0x81, 0x1b, 0x30, 0x19, 0xa0, 0x03, 0x02, 0x01, 0x02,
                     0x02, 0x01, 0x07, 0x30, 0x00, 0x30, 0x04, 'r',  'o',  'o',
                     't',  0x30, 0x00, 0x30, 0x04, 'r',  'o',  'o',  't',  0x00};
    T_CHECK(ferry_certificate_is_root(der, sizeof der));
    for (size_t n = 0; n < sizeof der; n++)
        T_CHECK(!ferry_certificate_is_root(der, n));
    der[sizeof der - 2] = 'f';
    T_CHECK(!ferry_certificate_is_root(der, sizeof der));
}

static void head_says_what_the_server_wants(void)
{
    static const char *const lines[] = {"HTTP/1.1 200 OK", "Ferry-Poll: 3600", "ferry-renew: 1",
                                        "Ferry-Device: pump-1", "Retry-After: 7"};
    struct ferry_http_head h;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        T_EQ_INT(ferry_http_head_line(&h, lines[i], strlen(lines[i])), FERRY_OK);
    T_CHECK(h.poll_s == 3600 && h.wants_renewal && h.retry_after_s == 7);
    T_EQ_STR(h.device_id, "pump-1");
    static const char *const odd[] = {"HTTP/1.1 200 OK", "Ferry-Poll: soon", "Ferry-Renew: 10",
                                      "Ferry-Device: p\x01"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        T_EQ_INT(ferry_http_head_line(&h, odd[i], strlen(odd[i])), FERRY_OK);
    T_CHECK(!h.poll_s && !h.wants_renewal && !h.device_id[0]);
}

/* ---- records ---- */

struct one_value {
    struct ferry_store store;
    uint8_t bytes[256];
    uint32_t n;
};

static ferry_err get(struct ferry_store *s, enum ferry_store_kind kind, const char *key, void *out,
                     uint32_t *n)
{
    const struct one_value *v = (const struct one_value *)(const void *)s;
    (void)kind;
    (void)key;
    if (*n < v->n)
        return FERRY_ERR_NVS_BUFFER;
    memcpy(out, v->bytes, v->n);
    *n = v->n;
    return v->n ? FERRY_OK : FERRY_ERR_NOT_FOUND;
}

static ferry_err set(struct ferry_store *s, enum ferry_store_kind kind, const char *key,
                     const void *data, uint32_t n)
{
    struct one_value *v = (struct one_value *)(void *)s;
    (void)kind;
    (void)key;
    memcpy(v->bytes, data, n);
    v->n = n;
    return FERRY_OK;
}

static void record_comes_back_as_it_was(void)
{
    static const struct ferry_store_ops ops = {get, set, NULL};
    struct one_value v = {.store = {&ops}};
    struct ferry_release seen;
    struct ferry_release r = {.slot = 1, .length_bytes = 1234567, .has_serial = true, .serial = 42};
    memset(r.sha256, 0xa5, sizeof r.sha256);
    strcpy(r.version, "1.2.3");
    strcpy(r.project, "demo");
    T_EQ_INT(ferry_release_load(&v.store, "x", &seen), FERRY_ERR_NOT_FOUND);
    T_EQ_INT(ferry_release_save(&v.store, "x", &r), FERRY_OK);
    T_EQ_INT(v.n, FERRY_RELEASE_BYTES);
    T_EQ_INT(ferry_release_load(&v.store, "x", &seen), FERRY_OK);
    T_CHECK(seen.slot == 1 && seen.length_bytes == 1234567 && seen.serial == 42);
    T_EQ_STR(seen.version, "1.2.3");
    T_EQ_STR(seen.project, "demo");
    T_CHECK(ferry_release_same(&seen, &r));
    v.bytes[0] ^= 1; // of another format
    T_EQ_INT(ferry_release_load(&v.store, "x", &seen), FERRY_ERR_NOT_FOUND);
    v.n--;
    T_EQ_INT(ferry_release_load(&v.store, "x", &seen), FERRY_ERR_NOT_FOUND);
}

static struct ferry_release of(const char *version, uint64_t serial)
{
    struct ferry_release r = {.has_serial = serial != 0, .serial = serial};
    strcpy(r.version, version);
    r.sha256[0] = (uint8_t)((uint8_t)version[0] + 16u * serial);
    return r;
}

static void serial_decides_before_the_version(void)
{
    const struct {
        struct ferry_release offer, now;
        bool may;
    } cases[] = {
        {of("1.0", 5), of("2.0", 4), true},  {of("2.0", 4), of("1.0", 5), false},
        {of("2.0", 0), of("1.0", 5), true},  {of("1.0", 0), of("2.0", 5), false},
        {of("", 0), of("2.0", 5), true},     {of("nightly", 0), of("1.0", 0), true},
        {of("1.0", 3), of("1.0", 3), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        T_EQ_INT(ferry_release_may_replace(&cases[i].offer, &cases[i].now), cases[i].may);
}

/* ---- starts ---- */

static void run_is_judged_by_outside_signs(void)
{
    const struct {
        enum ferry_reset reset;
        uint32_t ran_s;
        bool is_armed, has_notes, was_started, says_well;
        enum ferry_run run;
    } cases[] = {
        {FERRY_RESET_SOFTWARE, 100, true, true, true, false, FERRY_RUN_WELL},
        {FERRY_RESET_SOFTWARE, 5, true, true, true, false, FERRY_RUN_CRASHED},
        {FERRY_RESET_SOFTWARE, 5, true, true, true, true, FERRY_RUN_WELL},
        {FERRY_RESET_PANIC, 100, true, true, true, true, FERRY_RUN_CRASHED},
        {FERRY_RESET_WATCHDOG, 100, true, true, true, false, FERRY_RUN_CRASHED},
        {FERRY_RESET_BROWN_OUT, 100, true, true, true, false, FERRY_RUN_CRASHED},
        {FERRY_RESET_DEEP_SLEEP, 1, true, true, true, false, FERRY_RUN_WELL},
        {FERRY_RESET_OTHER, 1, true, true, true, false, FERRY_RUN_CRASHED},
        {FERRY_RESET_SOFTWARE, 100, false, true, true, false, FERRY_RUN_NONE},
        {FERRY_RESET_POWER_ON, 0, false, false, true, false, FERRY_RUN_WELL},
        {FERRY_RESET_POWER_ON, 0, false, false, false, false, FERRY_RUN_NONE},
        {FERRY_RESET_PANIC, 0, false, false, true, false, FERRY_RUN_CRASHED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ferry_start s = {cases[i].reset, 1000 + cases[i].ran_s, cases[i].says_well};
        const struct ferry_rtc_notes n = {.is_armed = cases[i].is_armed, .armed_s = 1000};
        T_EQ_INT(ferry_run_judge(&s, &n, cases[i].has_notes, cases[i].was_started, 30),
                 cases[i].run);
    }
}

static void notes_that_do_not_fit_their_crc_are_lost(void)
{
    struct ferry_rtc_notes n;
    memset(&n, 0x5a, sizeof n);
    T_CHECK(!ferry_rtc_open(&n));
    T_EQ_INT(n.n_crashes, 0);
    n.n_crashes = 2;
    ferry_rtc_seal(&n);
    T_CHECK(ferry_rtc_open(&n));
    T_EQ_INT(n.n_crashes, 2);
    n.n_crashes = 3;
    T_CHECK(!ferry_rtc_open(&n));
}

int main(void)
{
    T_RUN(join_string_is_taken_apart);
    T_RUN(bad_join_strings_are_refused);
    T_RUN(pem_comes_back_as_it_was);
    T_RUN(bad_pem_is_refused);
    T_RUN(root_is_known_by_its_names);
    T_RUN(head_says_what_the_server_wants);
    T_RUN(record_comes_back_as_it_was);
    T_RUN(serial_decides_before_the_version);
    T_RUN(run_is_judged_by_outside_signs);
    T_RUN(notes_that_do_not_fit_their_crc_are_lost);
    return t_end();
}
