/* An application as its author would write it for ESP-IDF's HTTP client: it fetches one address, by
 * esp_http_client_perform or as a stream, and logs what it got. Nothing in it knows of ferry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_http_client.h"
#include "esp_log.h"
#include "esp_tls.h"

static const char *TAG = "http_client_app";

struct got {
    int bytes;
    int headers;
    unsigned sum;
};

static void add(struct got *got, const char *data, int n)
{
    got->bytes += n;
    for (int i = 0; i < n; i++)
        got->sum = got->sum * 31 + (unsigned char)data[i];
}

static esp_err_t on_event(esp_http_client_event_t *evt)
{
    struct got *got = evt->user_data;
    switch (evt->event_id) {
    case HTTP_EVENT_ON_HEADER:
        got->headers++;
        break;
    case HTTP_EVENT_ON_DATA:
        add(got, evt->data, evt->data_len);
        break;
    case HTTP_EVENT_ON_CONNECTED:
        ESP_LOGI(TAG, "event CONNECTED");
        break;
    case HTTP_EVENT_ON_FINISH:
        ESP_LOGI(TAG, "event FINISH");
        break;
    case HTTP_EVENT_DISCONNECTED:
        ESP_LOGI(TAG, "event DISCONNECTED");
        break;
    case HTTP_EVENT_REDIRECT:
        ESP_LOGI(TAG, "event REDIRECT");
        break;
    case HTTP_EVENT_ERROR:
        ESP_LOGI(TAG, "event ERROR");
        break;
    default:
        break;
    }
    return ESP_OK;
}

static esp_err_t stream(esp_http_client_handle_t client)
{
    char buffer[1000];
    int n;
    esp_err_t err = esp_http_client_open(client, 0);
    if (err != ESP_OK)
        return err;
    if (esp_http_client_fetch_headers(client) < 0)
        return ESP_ERR_HTTP_FETCH_HEADER;
    while ((n = esp_http_client_read(client, buffer, sizeof(buffer))) > 0)
        continue;
    err = n == 0 && esp_http_client_is_complete_data_received(client)
              ? ESP_OK
              : ESP_ERR_HTTP_INCOMPLETE_DATA;
    esp_http_client_close(client);
    return err;
}

static void trust_globally(const char *path)
{
    static char pem[16384];
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    const size_t n = fread(pem, 1, sizeof(pem) - 1, file);
    fclose(file);
    ESP_ERROR_CHECK(esp_tls_set_global_ca_store((unsigned char *)pem, (unsigned)n + 1));
}

void app_main(void)
{
    struct got got = {0};
    const char *auth = getenv("AUTH");
    esp_http_client_config_t config = {
        .url = getenv("ADDRESS"),
        .event_handler = on_event,
        .user_data = &got,
        .username = getenv("HTTP_USER"),
        .password = getenv("HTTP_PASSWORD"),
        .auth_type = !auth                   ? HTTP_AUTH_TYPE_NONE
                     : strcmp(auth, "basic") ? HTTP_AUTH_TYPE_DIGEST
                                             : HTTP_AUTH_TYPE_BASIC,
        .disable_auto_redirect = getenv("STAY") != NULL,
        .use_global_ca_store = getenv("GLOBAL_CA") != NULL,
        .user_agent = "an app",
        .timeout_ms = 2000,
    };
    if (config.use_global_ca_store)
        trust_globally(getenv("GLOBAL_CA"));
    esp_http_client_handle_t client = esp_http_client_init(&config);
    if (!client) {
        ESP_LOGI(TAG, "no client");
        return;
    }
    esp_http_client_set_header(client, "X-Fleet-Token", "41");
    esp_http_client_set_header(client, "x-fleet-token", "42");
    const int times = getenv("TIMES") ? atoi(getenv("TIMES")) : 1;
    for (int i = 0; i < times; i++) {
        got = (struct got){0};
        const esp_err_t err = getenv("STREAM") ? stream(client) : esp_http_client_perform(client);
        ESP_LOGI(TAG, "%s, status %d, %d bytes, sum %u, headers %s, length %d",
                 esp_err_to_name(err), esp_http_client_get_status_code(client), got.bytes, got.sum,
                 got.headers ? "seen" : "none", (int)esp_http_client_get_content_length(client));
    }
    esp_http_client_cleanup(client);
    esp_tls_free_global_ca_store();
}
