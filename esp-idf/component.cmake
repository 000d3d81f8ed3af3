# ferry as a component of ESP-IDF 5.1 and later. Included by both doors: the project's root, for the
# component registry and git, and esp-idf/ferry, whose folder gives the component a fixed name.
#
# ESP-IDF runs this twice. First in CMake's script mode, only to learn REQUIRES: no compiler, no
# target, no value of menuconfig, and idf_component_register returns. Then as a part of the build.
# So REQUIRES depends on nothing but ESP-IDF's version; SRCS may depend on menuconfig.
get_filename_component(ferry_root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
include("${ferry_root}/cmake/ferry_sources.cmake")

set(ferry_srcs
    ${FERRY_CORE_SOURCES}
    ${FERRY_AGENT_SOURCES}
    ${FERRY_ESP_IDF_SOURCES})
if(CONFIG_FERRY_HASH_PSA AND IDF_VERSION_MAJOR GREATER_EQUAL 6)
    message(FATAL_ERROR "CONFIG_FERRY_HASH_PSA: from ESP-IDF 6 on PSA takes heap for each hash, "
        "and an update asks for none; choose \"ferry's own\" in menuconfig")
endif()
if(CONFIG_FERRY_HASH_PSA)
    list(APPEND ferry_srcs ${FERRY_CRYPTO_PSA_HASH_SOURCES})
else()
    list(APPEND ferry_srcs ${FERRY_CRYPTO_PORTABLE_SOURCES} ${FERRY_CRYPTO_PSA_SOURCES})
endif()
if(CONFIG_ESP_WIFI_ENABLED OR CONFIG_ESP_HOST_WIFI_ENABLED)
    list(APPEND ferry_srcs ${FERRY_ESP_IDF_WIFI_SOURCES})
endif()
list(TRANSFORM ferry_srcs PREPEND "${ferry_root}/")

set(ferry_requires
    app_update efuse esp_event esp_http_client esp_hw_support esp_netif esp_rom esp_system esp_timer
    esp_wifi esp-tls hal mbedtls nvs_flash spi_flash)
if(IDF_VERSION_MAJOR LESS 6)
    list(APPEND ferry_requires json) # cJSON; from 6 on idf_component.yml brings it
endif()

# The fragment names the archive, whose name follows the folder's.
set(ferry_fragments)
if(NOT CMAKE_BUILD_EARLY_EXPANSION)
    configure_file("${CMAKE_CURRENT_LIST_DIR}/linker.lf.in"
                   "${CMAKE_CURRENT_BINARY_DIR}/ferry_linker.lf" @ONLY)
    set(ferry_fragments "${CMAKE_CURRENT_BINARY_DIR}/ferry_linker.lf")
endif()

idf_component_register(
    SRCS ${ferry_srcs}
    INCLUDE_DIRS "${ferry_root}" "${ferry_root}/include" "${ferry_root}/ports/esp-idf"
    REQUIRES ${ferry_requires}
    LDFRAGMENTS ${ferry_fragments}
    KCONFIG "${CMAKE_CURRENT_LIST_DIR}/ferry/Kconfig")

# Only the second pass comes this far. MD5 is in the chip's ROM: ports/esp-idf/md5_rom.c.
target_compile_definitions(${COMPONENT_LIB} PRIVATE FERRY_CFG_MD5_ELSEWHERE)
if(CONFIG_FERRY_HASH_PSA)
    target_compile_definitions(${COMPONENT_LIB} PUBLIC
        FERRY_CFG_HASH_BYTES=${FERRY_CRYPTO_PSA_HASH_BYTES})
endif()
