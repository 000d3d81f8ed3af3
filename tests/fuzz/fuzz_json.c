/* tests/fuzz/fuzz_json.c - any bytes as what a device or an operator says in JSON, and as what a
 * page shows of it.
 * What is taken says the same when it is written and read again; a page's text holds no character
 * that HTML has a meaning for. */
#include "fuzz.h"

#include <string.h>

#include "html.h"
#include "json.h"
#include "unicode.h"

#define TEXT_BYTES 129u

static void check_shown(const char *text)
{
    struct ferry_strbuf page = {0};
    html_text(&page, text);
    FUZZ_MUST(page.n == strcspn(page.n ? page.text : "", "<>\"'"));
    FUZZ_MUST(ferry_utf8_is_valid(page.text, page.n));
    for (size_t i = 0; i < page.n; i++)
        FUZZ_MUST((unsigned char)page.text[i] >= ' ' && page.text[i] != 0x7f);
    ferry_strbuf_clear(&page);
    html_query(&page, text);
    FUZZ_MUST(page.n == strspn(page.n ? page.text : "", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
                                                        "opqrstuvwxyz0123456789-._%"));
    ferry_strbuf_free(&page);
}

static void check_members(const cJSON *said)
{
    char text[TEXT_BYTES], why[JSON_WHY_BYTES];
    for (const cJSON *m = said->child; m; m = m->next) {
        int64_t number = -1;
        if (json_number(said, m->string, &number, why))
            FUZZ_MUST(cJSON_IsNumber(m) && number >= 0 && number <= INT64_C(9007199254740991));
        if (!json_text(said, m->string, text, sizeof(text), why))
            continue;
        FUZZ_MUST(strcmp(text, m->valuestring) == 0 && ferry_utf8_is_valid(text, strlen(text)));
        check_shown(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char why[JSON_WHY_BYTES] = "";
    char *const copy = malloc(n + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, n);
    copy[n] = '\0';
    check_shown(copy);
    cJSON *const said = json_read(copy, n, why);
    FUZZ_MUST(said || *why);
    if (said) {
        check_members(said);
        char *const again = cJSON_PrintUnformatted(said);
        FUZZ_MUST(again);
        cJSON *const other = json_read(again, strlen(again), why);
        FUZZ_MUST(other && cJSON_Compare(said, other, true));
        cJSON_Delete(other);
        cJSON_free(again);
        cJSON_Delete(said);
    }
    free(copy);
    return 0;
}
