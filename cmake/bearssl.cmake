# BearSSL, where scripts/fetch_bearssl.sh has brought its sources; Debian packages it for Linux
# only. On the host it is needed by the tests alone, which hold it against OpenSSL.
set(FERRY_BEARSSL_DIR "${PROJECT_SOURCE_DIR}/build/bearssl" CACHE PATH "where BearSSL's inc is")
if(EXISTS "${FERRY_BEARSSL_DIR}/version")
    set(FERRY_BEARSSL ON)
    list(TRANSFORM FERRY_BEARSSL_SOURCES PREPEND "${FERRY_BEARSSL_DIR}/src/"
        OUTPUT_VARIABLE bearssl_sources)
    add_library(bearssl STATIC EXCLUDE_FROM_ALL ${bearssl_sources})
    target_include_directories(bearssl SYSTEM PUBLIC "${FERRY_BEARSSL_DIR}/inc")
    target_include_directories(bearssl PRIVATE "${FERRY_BEARSSL_DIR}/src")
    # Plain 32-bit arithmetic, as on the chip.
    target_compile_definitions(bearssl PRIVATE BR_64=0 BR_INT128=0 BR_UMUL128=0)
    set_target_properties(bearssl PROPERTIES C_STANDARD 99)
else()
    set(FERRY_BEARSSL OFF)
    message(STATUS "no BearSSL in ${FERRY_BEARSSL_DIR}: its signature checks are not tested")
endif()
