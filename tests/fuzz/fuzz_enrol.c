/* tests/fuzz/fuzz_enrol.c - what reaches a device while it enrols: a join string that somebody
 * typed, and a server's PEM. What is taken from either fits what it is kept in, begins where it was
 * found, and comes out the same when it is written and read again. */
#include "fuzz.h"

#include <string.h>

#include "agent/join.h"
#include "agent/pem.h"
#include "agent/url.h"

#define DER_MOST 2048u
#define LABEL    "CERTIFICATE"

static void check_join(const char *text)
{
    struct ferry_join j;
    struct ferry_url url;
    const char *why = NULL;
    if (ferry_join_parse(text, &j, &why)) {
        FUZZ_MUST(why);
        return;
    }
    FUZZ_MUST(!ferry_url_split(j.url, &url) && url.is_https);
    FUZZ_MUST(strlen(j.pin) == 64 && strlen(j.token) >= 22 && strlen(j.id) < sizeof j.id);
    FUZZ_MUST(!strpbrk(j.token, "#\r\n ") && !strpbrk(j.id, "#\r\n \""));
}

static void check_pem(const char *text)
{
    uint8_t der[DER_MOST], again[DER_MOST];
    char written[FERRY_PEM_BYTES(DER_MOST, LABEL)];
    const char *at = text;
    struct ferry_pem block;
    while (!ferry_pem_next(&at, LABEL, der, sizeof der, &block)) {
        struct ferry_pem same;
        const char *from = written;
        FUZZ_MUST(block.n_der > 0 && block.n_der <= sizeof der);
        FUZZ_MUST(block.text >= text && block.text + block.n_text == at);
        FUZZ_MUST(!ferry_pem_write(LABEL, der, block.n_der, written, sizeof written));
        FUZZ_MUST(!ferry_pem_next(&from, LABEL, again, sizeof again, &same));
        FUZZ_MUST(same.n_der == block.n_der && memcmp(der, again, same.n_der) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char *text = malloc(n + 1);
    if (!text)
        return 0;
    memcpy(text, data, n);
    text[n] = '\0';
    check_join(text);
    check_pem(text);
    free(text);
    return 0;
}
