/* tests/idf/fake_esp_rom.c - MD5 as the chips' ROM has it, by mbedTLS. */
#include <esp_rom_md5.h>
#include <mbedtls/md5.h>

_Static_assert(sizeof(mbedtls_md5_context) <= sizeof(md5_context_t), "state fits");

static mbedtls_md5_context *as_mbed(md5_context_t *context)
{
    return (mbedtls_md5_context *)(void *)context;
}

void esp_rom_md5_init(md5_context_t *context)
{
    mbedtls_md5_init(as_mbed(context));
    (void)mbedtls_md5_starts_ret(as_mbed(context));
}

void esp_rom_md5_update(md5_context_t *context, const void *buf, uint32_t len)
{
    (void)mbedtls_md5_update_ret(as_mbed(context), buf, len);
}

void esp_rom_md5_final(uint8_t *digest, md5_context_t *context)
{
    (void)mbedtls_md5_finish_ret(as_mbed(context), digest);
}
