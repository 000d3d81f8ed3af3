/* tests/fuzz/fuzz_config.c - any bytes as ferryd.conf.
 * A file that is taken can be written again from what was read, and says the same then; one that is
 * not taken has a reason. */
#include "fuzz.h"

#include <string.h>

#include "config.h"

static void write_again(const struct config *c, struct ferry_strbuf *out)
{
    config_text value;
    const char *key;
    for (size_t i = 0; (key = config_key(c, i, value)); i++)
        ferry_strbuf_addf(out, "%s = %s\n", key, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct config first, second;
    char why[CONFIG_WHY_BYTES] = "";
    if (!config_read(&first, (const char *)data, n, why)) {
        FUZZ_MUST(*why && strlen(why) < CONFIG_WHY_BYTES);
        return 0;
    }
    struct ferry_strbuf text = {0}, again = {0};
    write_again(&first, &text);
    FUZZ_MUST(config_read(&second, text.text, text.n, why));
    write_again(&second, &again);
    FUZZ_MUST(text.n == again.n && !memcmp(text.text, again.text, text.n));
    ferry_strbuf_free(&text);
    ferry_strbuf_free(&again);
    return 0;
}
