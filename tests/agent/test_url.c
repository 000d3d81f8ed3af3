/* tests/agent/test_url.c - addresses: what is understood, what is refused, how they join. */
#include "agent/url.h"

#include <string.h>

#include "t.h"

static const struct {
    const char *text;
    bool is_https;
    const char *host;
    uint16_t port;
    const char *path;
} good[] = {
    {"http://a", false, "a", 80, ""},
    {"https://example.org/fw.bin", true, "example.org", 443, "/fw.bin"},
    {"HTTPS://Example.ORG:8443/x?y=1", true, "Example.ORG", 8443, "/x?y=1"},
    {"http://127.0.0.1:65535?q", false, "127.0.0.1", 65535, "?q"},
    {"http://[::1]:8080/a", false, "[::1]", 8080, "/a"},
    {"http://my_host-1/%20a", false, "my_host-1", 80, "/%20a"},
};

static const char *const bad[] = {
    "",
    "a",
    "/a",
    "ftp://a/b",
    "file:///etc/passwd",
    "http:/a",
    "http:a",
    "http://",
    "http:///a",
    "http://:80/",
    "http://user@host/",
    "http://user:pw@host/",
    "http://good.example\\@evil.example/",
    "http://host:0/",
    "http://host:65536/",
    "http://host:99999999999999999999/",
    "http://host:/",
    "http://host:8o/",
    "http://ho st/",
    "http://host/a b",
    "http://host/a\nb",
    "http://host/a\\b",
    "http://host/\x7f",
    "http://h\xc3\xb6st/",
    "http://host/\xc3\xb6",
    "http://%68ost/",
    "http://[::1",
    "http://[]/",
    "http://[::g]/",
    "http://[::1]x/",
    "http://[fe80::1%25eth0]/",
};

static void well_formed_address_is_split(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct ferry_url url;
        T_EQ_INT(ferry_url_split(good[i].text, &url), FERRY_OK);
        T_EQ_INT(url.is_https, good[i].is_https);
        T_EQ_INT(url.host_bytes, strlen(good[i].host));
        T_EQ_MEM(url.host, good[i].host, url.host_bytes);
        T_EQ_INT(url.port, good[i].port);
        T_EQ_STR(url.path, good[i].path);
    }
}

static void anything_odd_is_refused(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ferry_url url;
        T_EQ_INT(ferry_url_split(bad[i], &url), FERRY_ERR_NET_URL);
    }
}

static void length_is_limited(void)
{
    char text[FERRY_URL_BYTES + 8] = "http://h/";
    struct ferry_url url;
    memset(text + 9, 'a', FERRY_URL_BYTES - 1 - 9);
    T_EQ_INT(strlen(text), FERRY_URL_BYTES - 1);
    T_EQ_INT(ferry_url_split(text, &url), FERRY_OK);
    text[FERRY_URL_BYTES - 1] = 'a';
    T_EQ_INT(ferry_url_split(text, &url), FERRY_ERR_NET_URL);
}

static bool same_origin(const char *a, const char *b)
{
    struct ferry_url x;
    struct ferry_url y;
    return !ferry_url_split(a, &x) && !ferry_url_split(b, &y) && ferry_url_same_origin(&x, &y);
}

static void origin_is_scheme_host_and_port(void)
{
    T_CHECK(same_origin("http://h/a", "http://h:80/b?c"));
    T_CHECK(same_origin("https://H.example/", "HTTPS://h.EXAMPLE:443"));
    T_CHECK(!same_origin("http://h/", "https://h/"));
    T_CHECK(!same_origin("http://h/", "http://h:81/"));
    T_CHECK(!same_origin("http://h/", "http://h2/"));
    T_CHECK(!same_origin("http://h2/", "http://h/"));
    T_CHECK(!same_origin("http://h/", "http://h.evil.example/"));
}

static const struct {
    const char *base, *ref, *joined; // NULL: refused
} joins[] = {
    {"http://h/a/b.json", "c.bin", "http://h/a/c.bin"},
    {"http://h/a/b.json", "/c.bin", "http://h/c.bin"},
    {"http://h/a/b.json", "./c.bin", "http://h/a/c.bin"},
    {"http://h/a/b.json", "../c.bin", "http://h/c.bin"},
    {"http://h/a/b.json", "../../../c.bin", "http://h/c.bin"},
    {"http://h/a/b.json", "x/../y/./c.bin", "http://h/a/y/c.bin"},
    {"http://h/a/b.json", "..", "http://h/"},
    {"http://h/a/b.json", ".", "http://h/a/"},
    {"http://h/a/b.json?x=/y/", "c.bin?z=../1", "http://h/a/c.bin?z=../1"},
    {"http://h/a/b.json", "?v=2", "http://h/a/b.json?v=2"},
    {"http://h", "c.bin", "http://h/c.bin"},
    {"http://h?q", "c.bin", "http://h/c.bin"},
    {"http://h", "?v=2", "http://h/?v=2"},
    {"https://h/a", "//other/c.bin", "https://other/c.bin"},
    {"https://h/a", "http://other/c.bin#part", "http://other/c.bin"},
    {"https://h:8443/a/", "c.bin", "https://h:8443/a/c.bin"},
    {"http://h/a", "ftp://h/c.bin", NULL},
    {"http://h/a", "file:///etc/passwd", NULL},
    {"http://h/a", "javascript:alert(1)", NULL},
    {"http://h/a", "C:fw.bin", NULL},
    {"http://h/a", "http:c.bin", NULL},
    {"http://h/a", "c d.bin", NULL},
    {"http://h/a", "\\\\evil\\c.bin", NULL},
    {"http://h/a", "//user@evil/c.bin", NULL},
    {"http://h/a", "///c.bin", NULL},
    {"http://h/a", "", NULL},
    {"http://h/a", "#part", NULL},
    {"a/b.json", "c.bin", NULL},
};

static void references_join_as_the_rfc_says(void)
{
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
        char out[FERRY_URL_BYTES] = "untouched";
        const ferry_err err = ferry_url_join(joins[i].base, joins[i].ref, out, sizeof out);
        T_EQ_INT(err, joins[i].joined ? FERRY_OK : FERRY_ERR_NET_URL);
        T_EQ_STR(out, joins[i].joined ? joins[i].joined : "");
    }
}

static void join_refuses_what_does_not_fit(void)
{
    char out[20];
    T_EQ_INT(ferry_url_join("http://h/a/b", "0123456.b", out, sizeof out), FERRY_ERR_NET_URL);
    T_EQ_STR(out, "");
    T_EQ_INT(ferry_url_join("http://h/a/b", "012345.b", out, sizeof out), FERRY_OK);
    T_EQ_STR(out, "http://h/a/012345.b");
}

int main(void)
{
    T_RUN(well_formed_address_is_split);
    T_RUN(anything_odd_is_refused);
    T_RUN(length_is_limited);
    T_RUN(origin_is_scheme_host_and_port);
    T_RUN(references_join_as_the_rfc_says);
    T_RUN(join_refuses_what_does_not_fit);
    return t_end();
}
