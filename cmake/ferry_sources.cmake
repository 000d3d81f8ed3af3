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
