/* tests/agent/test_manifest.c - manifests: good ones, and everything a stranger may send instead.
 */
#include "agent/manifest.h"

#include <stdio.h>
#include <string.h>

#include "agent/source_memory.h"
#include "t.h"

#define SHA  "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define URL  "https://h/r/m.json"
#define REST ", \"sha\": \"" SHA "\", \"length\": 1556480}"

static struct ferry_manifest m;

static ferry_err parse(const char *name, const char *json)
{
    return ferry_manifest_parse(&m, name, json, strlen(json));
}

static void micropython_manifest_is_read(void)
{
    T_EQ_INT(parse("http://nas.local/micropython/micropython.json",
                   "{ \"firmware\": \"micropython.bin\",\n\t\"sha\": \"" SHA "\",\r\n"
                   "\"length\": 1556480 }\n"),
             FERRY_OK);
    T_EQ_STR(m.firmware, "http://nas.local/micropython/micropython.bin");
    T_CHECK(m.firmware_is_url);
    T_EQ_INT(m.length_bytes, 1556480);
    T_EQ_INT(m.sha256[1], 0x11);
    T_EQ_INT(m.sha256[31], 0xff);
    T_CHECK(!m.has_crc32);
    T_CHECK(!m.has_serial);
    T_EQ_STR(m.version, "");
    T_EQ_STR(m.min_version, "");
}

static void optional_keys_are_read_and_unknown_ones_passed_over(void)
{
    T_EQ_INT(parse(URL,
                   "{\"crc32\": \"DEADbeef\", \"version\": \"v1.2.0\", \"min_version\": \"1.0\","
                   "\"serial\": 9007199254740991, \"notes\": [{\"a\\n\": null}, 1.5e3, true],"
                   "\"Firmware\": 7, \"firmware\": \"a.bin\"" REST),
             FERRY_OK);
    T_CHECK(m.has_crc32);
    T_EQ_INT(m.crc32, 0xdeadbeef);
    T_CHECK(m.has_serial);
    T_CHECK(m.serial == FERRY_MANIFEST_SERIAL_MAX);
    T_EQ_STR(m.version, "v1.2.0");
    T_EQ_STR(m.min_version, "1.0");
    T_EQ_STR(m.firmware, "https://h/r/a.bin");
}

static const struct {
    const char *name, *firmware, *resolved;
} places[] = {
    {URL, "a.bin", "https://h/r/a.bin"},
    {URL, "x/a.bin", "https://h/r/x/a.bin"},
    {URL, "/a.bin", "https://h/a.bin"},
    {URL, "/etc/passwd", "https://h/etc/passwd"},
    {URL, "https://other/a.bin", "https://other/a.bin"},
    {"http://h/m.json", "https://h/a.bin", "https://h/a.bin"},
    {"http://h/m.json", "http://other/a.bin", "http://other/a.bin"},
    {"m.json", "a.bin", "a.bin"},
    {"dir/m.json", "a.bin", "dir/a.bin"},
    {"dir/m.json", "../a.bin", "dir/../a.bin"},
    {"/dir/m.json", "my app.bin", "/dir/my app.bin"},
    {"dir/m.json", "/abs/a.bin", "/abs/a.bin"},
    {"dir/m.json", "http://h/a.bin", "http://h/a.bin"},
    {"dir/m.json", "https://h/a.bin", "https://h/a.bin"},
    {"dir/m.json", "HTTPS://H/a.bin#x", "https://H/a.bin"},
    {"HTTPS://h/m.json", "a.bin", "https://h/a.bin"},
    {"HTTP://h/m.json", "hTTp://other/a.bin", "http://other/a.bin"},
    {"dir/m.json", "http.bin", "dir/http.bin"},
};

static void firmware_is_found_from_where_the_manifest_was(void)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char json[512];
        snprintf(json, sizeof json, "{\"firmware\": \"%s\"" REST, places[i].firmware);
        T_EQ_INT(parse(places[i].name, json), FERRY_OK);
        T_EQ_STR(m.firmware, places[i].resolved);
        T_EQ_INT(m.firmware_is_url, ferry_url_is_http(places[i].resolved));
    }
}

static const struct {
    const char *name, *json, *detail; // detail: a part of what must be said
} bad[] = {
    {"https://h/m.jsn", "{\"firmware\": \"a\"" REST, "\".json\""},
    {"https://h/m.json?x=1", "{\"firmware\": \"a\"" REST, "\".json\""},
    {URL, "", "not well-formed"},
    {URL, "hello", "not well-formed"},
    {URL, "<!doctype html><html></html>", "not well-formed"},
    {URL, "[]", "not a JSON object"},
    {URL, "7", "not a JSON object"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\", \"length\": 1", "not well-formed"},
    {URL, "{\"firmware\": \"a\"" REST "{}", "something follows"},
    {URL, "{\"firmware\": \"a\"" REST " x", "something follows"},
    {URL, "{\"sha\": \"" SHA "\", \"length\": 1}", "\"firmware\" is missing"},
    {URL, "{\"firmware\": \"a\", \"length\": 1}", "\"sha\" is missing"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\"}", "\"length\" is missing"},
    {URL, "{}", "\"firmware\" is missing"},
    {URL, "{\"firmware\": \"a\", \"firmware\": \"b\"" REST, "\"firmware\" stands there twice"},
    {URL, "{\"x\": 1, \"x\": 1, \"firmware\": \"a\"" REST, "\"x\" stands there twice"},
    {URL, "{\"firmware\": 7" REST, "\"firmware\" must be a string"},
    {URL, "{\"firmware\": null" REST, "\"firmware\" must be a string"},
    {URL, "{\"firmware\": \"\"" REST, "\"firmware\" is empty"},
    {URL, "{\"firmware\": \"a\\u0000b\"" REST, "holds a NUL"},
    {URL, "{\"note\": \"a\\u0000b\", \"firmware\": \"a\"" REST, "holds a NUL"},
    {URL, "{\"firmware\": \"a\nb\"" REST, "control character"},
    {URL, "{\"firmware\": \"a\\nb\"" REST, "\"firmware\" holds a control character"},
    {URL, "{\"firmware\": \"a\\u001bb\"" REST, "\"firmware\" holds a control character"},
    {URL, "{\"firmware\": \"a b\"" REST, "\"firmware\" is not an http"},
    {URL, "{\"firmware\": \"file:///etc/passwd\"" REST, "\"firmware\" is not an http"},
    {URL, "{\"firmware\": \"ftp://h/a\"" REST, "\"firmware\" is not an http"},
    {URL, "{\"firmware\": \"https://u:p@h/a\"" REST, "\"firmware\" is not an http"},
    {URL, "{\"firmware\": \"//other/a\"" REST, "begins with //"},
    {URL, "{\"firmware\": \"http://h/r/a\"" REST, "from https to http"},
    {"HTTPS://h/m.json", "{\"firmware\": \"HTTP://h/r/a\"" REST, "from https to http"},
    {"m.json", "{\"firmware\": \"http://u@h/a\"" REST, "not a usable http"},
    {URL, "{\"firmware\": \"a\", \"sha\": 7, \"length\": 1}", "\"sha\" must be a string"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"00\", \"length\": 1}", "64 hex digits"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"\", \"length\": 1}", "64 hex digits"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"g" SHA "\", \"length\": 1}", "64 hex digits"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\", \"length\": \"1\"}", "\"length\" must be"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\", \"length\": 0}", "from 1 to 4294967295"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\", \"length\": -1}", "\"length\" must be"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\", \"length\": 1.5}", "\"length\" must be"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\", \"length\": 4294967296}", "\"length\" must"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\", \"length\": 1e999}", "\"length\" must be"},
    {URL, "{\"firmware\": \"a\", \"sha\": \"" SHA "\", \"length\": true}", "\"length\" must be"},
    {URL, "{\"crc32\": 7, \"firmware\": \"a\"" REST, "\"crc32\" must be a string"},
    {URL, "{\"crc32\": \"1234567\", \"firmware\": \"a\"" REST, "8 hex digits"},
    {URL, "{\"crc32\": \"0x123456\", \"firmware\": \"a\"" REST, "8 hex digits"},
    {URL, "{\"serial\": \"7\", \"firmware\": \"a\"" REST, "\"serial\" must be an integer"},
    {URL, "{\"serial\": -1, \"firmware\": \"a\"" REST, "\"serial\" must be an integer"},
    {URL, "{\"serial\": 9007199254740993, \"firmware\": \"a\"" REST, "\"serial\" must be an integ"},
    {URL, "{\"version\": 1.2, \"firmware\": \"a\"" REST, "\"version\" must be a string"},
    {URL, "{\"version\": \"\", \"firmware\": \"a\"" REST, "\"version\" must be 1 to 63"},
    {URL, "{\"min_version\": [], \"firmware\": \"a\"" REST, "\"min_version\" must be a string"},
    {URL, "{\"x\": [[[[[[[[1]]]]]]]], \"firmware\": \"a\"" REST, "nested too deep"},
    {URL, "{\"x\": \"\\", "does not end"},
    {URL, "{\"x\": \"", "does not end"},
};

static void bad_manifest_is_refused_by_name(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        T_EQ_INT(parse(bad[i].name, bad[i].json), FERRY_ERR_MANIFEST);
        T_EQ_INT(m.fault.err, FERRY_ERR_MANIFEST);
        T_CHECK(strstr(m.detail, bad[i].detail) != NULL);
        if (!strstr(m.detail, bad[i].detail))
            printf("  %s\n  says: %s\n", bad[i].json, m.detail);
    }
}

static void every_cut_of_a_good_manifest_is_refused(void)
{
    const char json[] = "{\"firmware\": \"a\\\"\\u0041.bin\", \"version\": \"1\"" REST;
    for (size_t n = 0; n < sizeof json - 1; n++) {
        char copy[sizeof json]; // its own block, so that a read past the cut is seen
        memcpy(copy, json, n);
        T_EQ_INT(ferry_manifest_parse(&m, "m.json", copy, n), FERRY_ERR_MANIFEST);
    }
    T_EQ_INT(parse("m.json", json), FERRY_OK);
    T_EQ_STR(m.firmware, "a\"A.bin");
}

static char text[FERRY_MANIFEST_BYTES + 2];
static char work[FERRY_MANIFEST_BYTES + 1];

/* A manifest of exactly n bytes. */
static void make_long(size_t n)
{
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"firmware\": \"a\"" REST, strlen("{\"firmware\": \"a\"" REST));
    text[n] = '\0';
}

static ferry_err load(size_t n)
{
    struct ferry_source_memory memory;
    ferry_source_memory_init(&memory, text, (uint32_t)n, NULL);
    const ferry_err err = ferry_manifest_load(&m, URL, &memory.source, work);
    T_CHECK(!memory.source.is_open);
    return err;
}

static void size_is_limited(void)
{
    make_long(FERRY_MANIFEST_BYTES);
    T_EQ_INT(load(FERRY_MANIFEST_BYTES), FERRY_OK);
    make_long(FERRY_MANIFEST_BYTES + 1);
    T_EQ_INT(load(FERRY_MANIFEST_BYTES + 1), FERRY_ERR_MANIFEST_SIZE);
    T_EQ_INT(m.fault.value, FERRY_MANIFEST_BYTES + 1);
    T_EQ_INT(m.fault.limit, FERRY_MANIFEST_BYTES);
}

static bool yes(void *ctx)
{
    (void)ctx;
    return true;
}

static void failing_source_is_told(void)
{
    const struct ferry_cancel cancel = {yes, NULL};
    struct ferry_source_memory memory;
    ferry_source_memory_init(&memory, "{}", 2, &cancel);
    T_EQ_INT(ferry_manifest_load(&m, URL, &memory.source, work), FERRY_ERR_CANCELLED);
    T_EQ_INT(m.fault.err, FERRY_ERR_CANCELLED);
}

int main(void)
{
    T_RUN(micropython_manifest_is_read);
    T_RUN(optional_keys_are_read_and_unknown_ones_passed_over);
    T_RUN(firmware_is_found_from_where_the_manifest_was);
    T_RUN(bad_manifest_is_refused_by_name);
    T_RUN(every_cut_of_a_good_manifest_is_refused);
    T_RUN(size_is_limited);
    T_RUN(failing_source_is_told);
    return t_end();
}
