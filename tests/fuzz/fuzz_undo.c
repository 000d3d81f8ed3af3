/* tests/fuzz/fuzz_undo.c - an undo file with any bytes.
 * What is taken has at most as many sectors as a repair can have, each inside of its flash, and a
 * title that ends; and a byte changed anywhere in it is noticed. */
#include "fuzz.h"

#include <string.h>

#include "doctor_undo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct ferry_undo u;
    if (ferry_undo_parse(data, n, &u))
        return 0;
    FUZZ_MUST(u.depth >= 1 && u.depth <= FERRY_UNDO_DEPTH && u.n <= FERRY_CURE_SECTORS);
    FUZZ_MUST(memchr(u.title, '\0', sizeof(u.title)) != NULL);
    for (unsigned i = 0; i < u.n; i++)
        FUZZ_MUST(u.sectors[i].off_bytes % FERRY_FLASH_SECTOR_BYTES == 0 &&
                  u.sectors[i].off_bytes < u.flash_bytes);
    uint8_t *copy = malloc(n);
    FUZZ_MUST(copy);
    memcpy(copy, data, n);
    copy[(n * 7 + data[n - 1]) % n] ^= 1;
    FUZZ_MUST(ferry_undo_parse(copy, n, &u) != FERRY_OK);
    free(copy);
    return 0;
}
