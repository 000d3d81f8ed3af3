/* esp_tls.h - of Espressif's TLS layer only the store of authorities that all clients may share. */
#ifndef ESP_TLS_H
#define ESP_TLS_H

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What use_global_ca_store trusts from now on: PEM, copied. ESP_ERR_INVALID_ARG, ESP_ERR_NO_MEM.
 */
esp_err_t esp_tls_init_global_ca_store(void);
esp_err_t esp_tls_set_global_ca_store(const unsigned char *cacert_pem_buf,
                                      const unsigned int cacert_pem_bytes);
void esp_tls_free_global_ca_store(void);

#ifdef __cplusplus
}
#endif
#endif
