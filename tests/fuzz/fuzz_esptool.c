/* tests/fuzz/fuzz_esptool.c - an esptool that says anything.
 * Whatever it says: sizes are those that chips come in, a MAC has the letters of one, and a reason
 * fits on one line without terminal codes. */
#include "fuzz.h"

#include <string.h>

#include "host/esptool_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ferry_chip_facts facts;
    char reason[40];
    char *text = malloc(n + 1);
    if (!text)
        return 0;
    memcpy(text, data, n);
    text[n] = '\0';
    ferry_esptool_facts(text, &facts);
    FUZZ_MUST(facts.flash_bytes == 0 || facts.flash_bytes >= 256u * 1024);
    FUZZ_MUST(facts.flash_bytes % 4096 == 0);
    FUZZ_MUST(facts.revision <= 9999 && (facts.has_revision || facts.revision == 0));
    FUZZ_MUST(strspn(facts.mac, "0123456789abcdefABCDEF:") == strlen(facts.mac));
    FUZZ_MUST(ferry_esptool_major(text) < 100);
    ferry_esptool_reason(text, reason, sizeof reason);
    FUZZ_MUST(strlen(reason) < sizeof reason && !strpbrk(reason, "\n\r\033"));
    free(text);
    return 0;
}
