# littlefs, where scripts/fetch_littlefs.sh has brought its sources; Debian has no package of it.
# Without them ferry is built all the same, and `ferry fs` says what is missing.
set(FERRY_LITTLEFS_DIR "${PROJECT_SOURCE_DIR}/build/littlefs" CACHE PATH "where lfs.c is")
if(EXISTS "${FERRY_LITTLEFS_DIR}/lfs.c")
    set(FERRY_LITTLEFS ON)
    add_library(littlefs STATIC
        "${FERRY_LITTLEFS_DIR}/lfs.c" "${FERRY_LITTLEFS_DIR}/lfs_util.c")
    target_include_directories(littlefs SYSTEM PUBLIC "${FERRY_LITTLEFS_DIR}")
    target_include_directories(littlefs PRIVATE "${PROJECT_SOURCE_DIR}/host")
    target_compile_definitions(littlefs PUBLIC LFS_DEFINES=littlefs_defines.h LFS_MULTIVERSION
        LFS_NAME_MAX=1022 LFS_NO_MALLOC LFS_NO_DEBUG LFS_NO_WARN LFS_NO_ERROR)
    set_target_properties(littlefs PROPERTIES C_STANDARD 11)
else()
    set(FERRY_LITTLEFS OFF)
    message(STATUS "no littlefs in ${FERRY_LITTLEFS_DIR}: ferry is built without `fs`")
endif()
