/* esp_crt_bundle.h - Espressif's bundle of certificate authorities; here the system's own, or those
 * in the file that the environment's SSL_CERT_FILE names. */
#ifndef ESP_CRT_BUNDLE_H
#define ESP_CRT_BUNDLE_H

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

/** For esp_http_client_config_t's crt_bundle_attach. */
esp_err_t esp_crt_bundle_attach(void *conf);

#ifdef __cplusplus
}
#endif
#endif
