#pragma once

typedef struct mbedtls_ssl_config mbedtls_ssl_config;

#define MBEDTLS_SSL_VERIFY_NONE 0

void mbedtls_ssl_conf_authmode(mbedtls_ssl_config *conf, int authmode);
