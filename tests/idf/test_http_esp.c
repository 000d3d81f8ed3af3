/* tests/idf/test_http_esp.c - the HTTP transport of ports/esp-idf over a client that behaves as
 * Espressif's source does, its oddities included. */
#include "http_esp.h"

#include <string.h>

#include <esp_crt_bundle.h>

#include "fake_esp_http.h"
#include "fake_esp_tls.h"
#include "t.h"

#define URL "https://updates.example.com/app.bin"

static struct ferry_http_esp http;
static struct ferry_http_head head;
static const uint8_t body[] = "the body of the answer";
#define BODY (sizeof body - 1)

static ferry_err open_with(const struct fake_answer *answers, const struct ferry_http_request *req)
{
    fake_http_reset(answers);
    ferry_http_esp_init(&http);
    return http.http.ops->open(&http.http, req, &head);
}

static ferry_err open_url(const struct fake_answer *answers)
{
    return open_with(answers, &(struct ferry_http_request){.url = URL,
                                                           .connect_timeout_ms = 10000,
                                                           .stall_timeout_ms = 1000});
}

/* Reads to the end; *n gets the bytes. */
static ferry_err drain(size_t *n)
{
    char buffer[4096];
    size_t got;
    *n = 0;
    for (;;) {
        const ferry_err err = http.http.ops->read(&http.http, buffer, sizeof buffer, &got);
        if (err || !got)
            return err;
        *n += got;
    }
}

static void close_it(void)
{
    http.http.ops->close(&http.http);
    T_EQ_INT(fake_http.n_open, 0);
}

static void head_and_body_arrive(void)
{
    const struct fake_answer a = {
        .status = 200,
        .fields = {"Content-Length: 22", "ETag: \"v2\"", "Content-Type: application/octet-stream"},
        .body = body,
        .body_bytes = BODY};
    size_t n;
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_EQ_INT(head.status, 200);
    T_CHECK(head.has_length && head.length_bytes == BODY);
    T_EQ_STR(head.etag, "\"v2\"");
    T_EQ_INT(drain(&n), FERRY_OK);
    T_EQ_INT(n, BODY);
    close_it();
}

static void client_judges_nothing_itself(void)
{
    const struct fake_answer a = {.status = 302, .fields = {"Location: /elsewhere"}};
    T_EQ_INT(open_url(&a), FERRY_OK);
    const esp_http_client_config_t *c = &fake_http.asked[0].config;
    T_CHECK(c->disable_auto_redirect);
    T_EQ_INT(c->max_authorization_retries, -1);
    T_CHECK(c->keep_alive_enable);
    T_EQ_INT(head.status, 302);
    T_EQ_STR(head.location, "/elsewhere");
    close_it();
}

static void bundle_is_trusted_unless_a_ca_is_given(void)
{
    const struct fake_answer a = {.status = 200};
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_CHECK(fake_http.asked[0].config.crt_bundle_attach == esp_crt_bundle_attach);
    close_it();
    const struct ferry_http_request req = {
        .url = URL, .ca_file = "CA", .cert_file = "CERT", .key_file = "KEY"};
    T_EQ_INT(open_with(&a, &req), FERRY_OK);
    T_CHECK(!fake_http.asked[0].config.crt_bundle_attach);
    T_EQ_STR(fake_http.asked[0].config.cert_pem, "CA");
    T_EQ_STR(fake_http.asked[0].config.client_cert_pem, "CERT");
    T_EQ_STR(fake_http.asked[0].config.client_key_pem, "KEY");
    close_it();
}

static void credentials_come_from_memory_too(void)
{
    static const uint8_t der[] = {0x30, 0x77, 0x00};
    const struct fake_answer a = {.status = 200};
    const struct ferry_http_request req = {.url = URL,
                                           .ca_pem = "CA",
                                           .ca_file = "not this one",
                                           .cert_pem = "CERT",
                                           .key_der = der,
                                           .key_der_bytes = sizeof der};
    T_EQ_INT(open_with(&a, &req), FERRY_OK);
    const esp_http_client_config_t *c = &fake_http.asked[0].config;
    T_CHECK(!c->crt_bundle_attach);
    T_EQ_STR(c->cert_pem, "CA");
    T_EQ_STR(c->client_cert_pem, "CERT");
    T_CHECK((const uint8_t *)c->client_key_pem == der);
    T_EQ_INT(c->client_key_len, sizeof der);
    close_it();
}

static void anybody_is_trusted_only_when_asked_for(void)
{
    const struct fake_answer a = {.status = 200};
    const struct ferry_http_request req = {.url = URL, .is_unverified = true};
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_CHECK(!fake_tls_trusts_anybody);
    close_it();
    T_EQ_INT(open_with(&a, &req), FERRY_OK);
    T_CHECK(fake_tls_trusts_anybody);
    close_it();
}

static void body_is_sent_whole(void)
{
    static char sent[300];
    static const char *const extra[] = {"Content-Type: application/pkcs10"};
    struct fake_answer a = {.status = 200};
    const struct ferry_http_request req = {
        .url = URL, .body = sent, .body_bytes = sizeof sent, .headers = extra, .n_headers = 1};
    memset(sent, 'x', sizeof sent);
    T_EQ_INT(open_with(&a, &req), FERRY_OK);
    T_EQ_INT(fake_http.asked[0].config.method, HTTP_METHOD_POST);
    T_EQ_INT(fake_http.asked[0].write_len, sizeof sent);
    T_EQ_INT(fake_http.asked[0].n_sent, sizeof sent);
    T_EQ_MEM(fake_http.asked[0].sent, sent, sizeof sent);
    close_it();
    a.takes_bytes = 250;
    T_EQ_INT(open_with(&a, &req), FERRY_ERR_NET_TLS); // before a word of the server
    T_EQ_INT(fake_http.n_open, 0);
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_EQ_INT(fake_http.asked[0].config.method, HTTP_METHOD_GET);
    T_EQ_INT(fake_http.asked[0].write_len, 0);
    close_it();
}

static void request_carries_what_was_asked(void)
{
    const struct fake_answer a = {.status = 206};
    static const char *const extra[] = {"X-Device: 17"};
    const struct ferry_http_request req = {.url = URL,
                                           .off_bytes = 65536,
                                           .if_range = "\"v2\"",
                                           .headers = extra,
                                           .n_headers = 1,
                                           .user = "me",
                                           .password = "secret",
                                           .connect_timeout_ms = 7000};
    T_EQ_INT(open_with(&a, &req), FERRY_OK);
    const struct fake_asked *q = &fake_http.asked[0];
    T_EQ_INT(q->n_headers, 3);
    T_EQ_STR(q->headers[0], "X-Device: 17");
    T_EQ_STR(q->headers[1], "Range: bytes=65536-");
    T_EQ_STR(q->headers[2], "If-Range: \"v2\"");
    T_EQ_STR(q->config.username, "me");
    T_EQ_INT(q->config.auth_type, HTTP_AUTH_TYPE_BASIC);
    T_EQ_INT(q->config.timeout_ms, 7000);
    T_EQ_INT(q->timeout_ms, FERRY_CANCEL_POLL_MS);
    close_it();
}

static void long_header_name_is_refused(void)
{
    const struct fake_answer a = {.status = 200};
    static const char *const extra[] = {
        "X-Abcdefghijklmnopqrstuvwxyz-Abcdefghijklmnopqrstuvwxyz-Abcdefghijkl: 1"};
    const struct ferry_http_request req = {.url = URL, .headers = extra, .n_headers = 1};
    T_EQ_INT(open_with(&a, &req), FERRY_ERR_ARG);
    T_EQ_INT(fake_http.n_open, 0);
}

static void body_cut_short_is_no_end(void)
{
    const struct fake_answer a = {.status = 200,
                                  .fields = {"Content-Length: 22"},
                                  .body = body,
                                  .body_bytes = BODY,
                                  .sends_bytes = 9};
    size_t n;
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_EQ_INT(drain(&n), FERRY_ERR_NET_CLOSED);
    T_EQ_INT(n, 9);
    close_it();
}

static void failed_read_is_a_lost_connection(void)
{
    const struct fake_answer a = {.status = 200,
                                  .fields = {"Content-Length: 22"},
                                  .body = body,
                                  .body_bytes = BODY,
                                  .sends_bytes = 9,
                                  .read_err = ESP_FAIL};
    size_t n;
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_EQ_INT(drain(&n), FERRY_ERR_NET_CLOSED);
    close_it();
}

static void body_without_a_length_ends_with_the_connection(void)
{
    const struct fake_answer a = {
        .status = 200, .body = body, .body_bytes = BODY, .no_length = true};
    size_t n;
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_EQ_INT(drain(&n), FERRY_OK);
    T_EQ_INT(n, BODY);
    close_it();
}

static void chunks_cut_short_are_no_end(void)
{
    const struct fake_answer a = {.status = 200,
                                  .fields = {"Transfer-Encoding: chunked"},
                                  .body = body,
                                  .body_bytes = BODY,
                                  .sends_bytes = 9,
                                  .no_length = true};
    size_t n;
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_EQ_INT(drain(&n), FERRY_ERR_NET_CLOSED);
    close_it();
}

static void short_silence_is_waited_for_and_long_silence_is_not(void)
{
    const struct fake_answer patient = {.status = 200,
                                        .fields = {"Content-Length: 22"},
                                        .body = body,
                                        .body_bytes = BODY,
                                        .n_silent_head = 4,
                                        .n_silent = 4};
    const struct fake_answer dead = {.status = 200, .n_silent_head = 100};
    size_t n;
    T_EQ_INT(open_url(&patient), FERRY_OK);
    T_EQ_INT(drain(&n), FERRY_OK);
    T_EQ_INT(n, BODY);
    close_it();
    T_EQ_INT(open_url(&dead), FERRY_ERR_NET_TIMEOUT);
    T_EQ_INT(fake_http.n_waits, 5); // of 200 ms: the 1000 that were allowed
    T_EQ_STR(http.http.detail, "no byte for 1000 ms");
    T_EQ_INT(fake_http.n_open, 0);
}

static bool after_two(void *ctx)
{
    return ++*(unsigned *)ctx > 2;
}

static void silence_is_cancelled(void)
{
    const struct fake_answer a = {.status = 200, .n_silent_head = 100};
    unsigned n = 0;
    const struct ferry_cancel cancel = {after_two, &n};
    const struct ferry_http_request req = {
        .url = URL, .stall_timeout_ms = 60000, .cancel = &cancel};
    T_EQ_INT(open_with(&a, &req), FERRY_ERR_CANCELLED);
    T_EQ_INT(fake_http.n_waits, 2);
    T_EQ_INT(fake_http.n_open, 0);
}

static void interim_answers_are_passed_over(void)
{
    const struct fake_answer a = {.status = 200,
                                  .is_interim_first = true,
                                  .fields = {"Content-Length: 22"},
                                  .body = body,
                                  .body_bytes = BODY};
    T_EQ_INT(open_url(&a), FERRY_OK);
    T_EQ_INT(head.status, 200);
    T_EQ_STR(head.etag, "");
    close_it();
}

static void failures_to_connect_are_told_apart(void)
{
    static const struct {
        struct fake_answer answer;
        ferry_err want;
        const char *words;
    } cases[] = {
        {{.open_err = ESP_ERR_HTTP_CONNECT, .tls_err = 0x8001},
         FERRY_ERR_NET_CONNECT,
         "ESP_ERR_SOMETHING"},
        {{.open_err = ESP_ERR_HTTP_CONNECT, .tls_err = 0x801a, .tls_code = -0x2700},
         FERRY_ERR_NET_TLS,
         "ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED, mbedTLS error -0x2700"},
        {{.open_err = ESP_ERR_HTTP_INVALID_TRANSPORT},
         FERRY_ERR_NET_URL,
         "https is switched off in menuconfig"},
        {{.open_err = ESP_ERR_NO_MEM}, FERRY_ERR_NO_MEMORY, ""},
        {{.status = 0},
         FERRY_ERR_NET_TLS,
         "closed right after the handshake: the server may want a client certificate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        T_EQ_INT(open_url(&cases[i].answer), cases[i].want);
        T_EQ_STR(http.http.detail, cases[i].words);
        T_EQ_INT(fake_http.n_open, 0);
    }
    const struct ferry_http_request plain = {.url = "http://updates.example.com/"};
    T_EQ_INT(open_with(&cases[4].answer, &plain), FERRY_ERR_NET_CLOSED);
}

static void no_memory_is_said(void)
{
    const struct fake_answer a = {.status = 200};
    fake_http_reset(&a);
    fake_http.out_of_memory = true;
    ferry_http_esp_init(&http);
    T_EQ_INT(http.http.ops->open(&http.http, &(struct ferry_http_request){.url = URL}, &head),
             FERRY_ERR_NO_MEMORY);
    http.http.ops->close(&http.http); // harmless
}

int main(void)
{
    T_RUN(head_and_body_arrive);
    T_RUN(client_judges_nothing_itself);
    T_RUN(bundle_is_trusted_unless_a_ca_is_given);
    T_RUN(credentials_come_from_memory_too);
    T_RUN(anybody_is_trusted_only_when_asked_for);
    T_RUN(body_is_sent_whole);
    T_RUN(request_carries_what_was_asked);
    T_RUN(long_header_name_is_refused);
    T_RUN(body_cut_short_is_no_end);
    T_RUN(failed_read_is_a_lost_connection);
    T_RUN(body_without_a_length_ends_with_the_connection);
    T_RUN(chunks_cut_short_are_no_end);
    T_RUN(short_silence_is_waited_for_and_long_silence_is_not);
    T_RUN(silence_is_cancelled);
    T_RUN(interim_answers_are_passed_over);
    T_RUN(failures_to_connect_are_told_apart);
    T_RUN(no_memory_is_said);
    return t_end();
}
