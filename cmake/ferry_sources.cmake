# The one list of sources that every world builds from: this build, firmware, ESP-IDF's component.
# Paths count from the project's root. Never a glob: what is built is what is named.
set(FERRY_CORE_SOURCES
    core/err.c
    core/bytes.c
    core/crc32.c
    core/flash.c
    core/chip.c
    core/chip_list.c
    core/partition.c
    core/partition_names.c
    core/table.c
    core/image.c
    core/image_verify.c
    core/signature.c
    core/signature_verify.c
    core/version.c
    core/otadata.c
    core/device.c
    core/boot.c
    core/boot_run.c
    core/slots.c
    core/slots_safe.c
    core/slots_idf.c
    core/slots_mend.c
    core/checkpoint.c
    core/update.c
    core/update_accept.c
    core/update_resume.c
    core/gate.c
    core/journal_plan.c
    core/journal_check.c
    core/journal.c
    core/plan_gate.c
    core/reflash.c
    core/reflash_plan.c
    core/reflash_check.c
    core/reflash_content.c
    core/reflash_view.c
    core/reflash_boot.c
    core/reflash_stage.c
    core/reflash_area.c
    core/reflash_kept.c
    core/nvs_page.c
    core/nvs.c
    core/nvs_raw.c
    core/nvs_find.c
    core/nvs_pages.c
    core/nvs_mount.c
    core/nvs_blob.c
    core/nvs_list.c)

set(FERRY_CRYPTO_PORTABLE_SOURCES crypto/portable.c)
set(FERRY_CRYPTO_OPENSSL_SOURCES crypto/openssl.c crypto/openssl_verify.c crypto/openssl_xts.c)

# For chips: PSA checks signatures, with the hash of P-384 keys beside it.
set(FERRY_CRYPTO_PSA_SOURCES crypto/psa_verify.c crypto/portable_sha384.c)
# Instead of portable.c and portable_sha384.c, where PSA's hash is plain memory.
set(FERRY_CRYPTO_PSA_HASH_SOURCES crypto/psa_hash.c crypto/psa_verify.c)
set(FERRY_CRYPTO_PSA_HASH_BYTES 256)

set(FERRY_AGENT_SOURCES
    agent/text.c
    agent/source.c
    agent/source_memory.c
    agent/source_http.c
    agent/source_tcp.c
    agent/url.c
    agent/http_head.c
    agent/manifest.c
    agent/retry.c
    agent/note.c
    agent/csr.c
    agent/agent.c
    agent/agent_report.c
    agent/agent_self.c
    agent/agent_start.c
    agent/agent_update.c
    agent/certificate.c
    agent/client.c
    agent/credentials.c
    agent/handover.c
    agent/join.c
    agent/pem.c
    agent/release.c
    agent/start.c
    agent/store.c
    agent/store_nvs.c
    agent/update_kept.c
    agent/update_run.c)

set(FERRY_ESP_IDF_SOURCES
    ports/esp-idf/flash_esp.c
    ports/esp-idf/device_esp.c
    ports/esp-idf/trust_esp.c
    ports/esp-idf/http_esp.c
    ports/esp-idf/keeper_nvs.c
    ports/esp-idf/key_psa.c
    ports/esp-idf/store_esp.c
    ports/esp-idf/agent_esp.c
    ports/esp-idf/md5_rom.c
    ports/esp-idf/update_esp.c
    ports/esp-idf/manifest_esp.c)
set(FERRY_ESP_IDF_WIFI_SOURCES ports/esp-idf/wifi_station.c) # where the chip has Wi-Fi

# For firmware without a crypto library: BearSSL's own files, under build/bearssl/src where
# scripts/fetch_bearssl.sh has put them, and what calls them.
set(FERRY_CRYPTO_BEARSSL_SOURCES crypto/bearssl_verify.c crypto/portable_sha384.c)
set(FERRY_BEARSSL_SOURCES
    codec/ccopy.c
    ec/ec_p256_m31.c
    ec/ec_secp256r1.c
    ec/ec_secp384r1.c
    ec/ec_secp521r1.c
    ec/ecdsa_i31_bits.c
    ec/ecdsa_i31_vrfy_raw.c
    int/i31_add.c
    int/i31_bitlen.c
    int/i31_decmod.c
    int/i31_decode.c
    int/i31_encode.c
    int/i31_fmont.c
    int/i31_iszero.c
    int/i31_modpow.c
    int/i31_montmul.c
    int/i31_muladd.c
    int/i31_ninv31.c
    int/i31_rshift.c
    int/i31_sub.c
    int/i31_tmont.c
    int/i32_div32.c)
