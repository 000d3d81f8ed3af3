/* tests/idf/fake_esp_tls.c - TLS's answers, without TLS; see the header. */
#include "fake_esp_tls.h"

#include <esp_crt_bundle.h>
#include <esp_tls.h>
#include <mbedtls/ssl.h>

bool fake_tls_trusts_anybody;

const char *esp_err_to_name(esp_err_t code)
{
    return code == 0x801a ? "ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED" : "ESP_ERR_SOMETHING";
}

void mbedtls_ssl_conf_authmode(mbedtls_ssl_config *conf, int authmode)
{
    (void)conf;
    fake_tls_trusts_anybody = authmode == MBEDTLS_SSL_VERIFY_NONE;
}

esp_err_t esp_crt_bundle_attach(void *conf)
{
    (void)conf;
    return ESP_OK;
}

esp_err_t esp_tls_get_and_clear_last_error(esp_tls_error_handle_t h, int *code, int *flags)
{
    (void)flags;
    *code = h->code;
    return h->err;
}
