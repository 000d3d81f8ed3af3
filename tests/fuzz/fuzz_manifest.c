/* tests/fuzz/fuzz_manifest.c - a manifest with any bytes.
 * The first byte chooses where it came from. What is accepted names a firmware that its origin may
 * name: a manifest from an address never reaches a local file, and never leaves https for http. */
#include "fuzz.h"

#include <string.h>

#include "agent/manifest.h"

static bool begins(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

static bool ends_inside(const char *s, size_t n)
{
    return memchr(s, '\0', n) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const names[] = {"http://updates.example/fleet/release.json",
                                        "https://updates.example/fleet/release.json",
                                        "/var/lib/updates/release.json", "release.json"};
    static struct ferry_manifest m;
    if (n < 1)
        return 0;
    const char *name = names[data[0] & 3];
    const bool from_address = begins(name, "http");
    const ferry_err err = ferry_manifest_parse(&m, name, (const char *)data + 1, n - 1);
    FUZZ_MUST(ends_inside(m.detail, sizeof(m.detail)));
    if (err != FERRY_OK) {
        FUZZ_MUST(m.fault.err == err);
        return 0;
    }
    FUZZ_MUST(n - 1 <= FERRY_MANIFEST_BYTES);
    FUZZ_MUST(ends_inside(m.firmware, sizeof(m.firmware)) && m.firmware[0]);
    FUZZ_MUST(ends_inside(m.version, sizeof(m.version)));
    FUZZ_MUST(ends_inside(m.min_version, sizeof(m.min_version)));
    FUZZ_MUST(m.serial <= FERRY_MANIFEST_SERIAL_MAX);
    const bool is_address = begins(m.firmware, "http://") || begins(m.firmware, "https://");
    FUZZ_MUST(m.firmware_is_url == is_address);
    FUZZ_MUST(!from_address || is_address);
    FUZZ_MUST(!begins(name, "https:") || begins(m.firmware, "https://"));
    return 0;
}
