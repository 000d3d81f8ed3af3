# What needs Linux: each room brings its own CMakeLists.txt.
find_package(PkgConfig REQUIRED)

# libcrypto goes into the programs where there is an archive of it beside the shared library: to
# load it takes as long as to hash half a megabyte. docs/dependencies.md says what that costs.
find_package(OpenSSL 3 REQUIRED)
get_filename_component(FERRY_OPENSSL_DIR "${OPENSSL_CRYPTO_LIBRARY}" DIRECTORY)
find_library(FERRY_LIBCRYPTO_ARCHIVE libcrypto.a HINTS "${FERRY_OPENSSL_DIR}" NO_DEFAULT_PATH)
set(FERRY_LIBCRYPTO OpenSSL::Crypto)
if(FERRY_LIBCRYPTO_ARCHIVE)
    find_package(Threads REQUIRED)
    set(FERRY_LIBCRYPTO "${FERRY_LIBCRYPTO_ARCHIVE}" Threads::Threads ${CMAKE_DL_LIBS})
endif()

# So does libelf, which only `image build` needs, with what it needs itself.
pkg_check_modules(ELF REQUIRED IMPORTED_TARGET GLOBAL libelf)
set(FERRY_ELF_ARCHIVES)
foreach(name ${ELF_STATIC_LIBRARIES})
    find_library(FERRY_ARCHIVE_${name} lib${name}.a)
    list(APPEND FERRY_ELF_ARCHIVES ${FERRY_ARCHIVE_${name}})
endforeach()
if(NOT FERRY_ELF_ARCHIVES MATCHES NOTFOUND)
    set_target_properties(PkgConfig::ELF PROPERTIES
        INTERFACE_LINK_LIBRARIES "${FERRY_ELF_ARCHIVES}")
endif()

add_library(ferry_crypto STATIC ${FERRY_CRYPTO_OPENSSL_SOURCES})
target_include_directories(ferry_crypto PUBLIC include)
target_include_directories(ferry_crypto SYSTEM PUBLIC ${OPENSSL_INCLUDE_DIR})
target_link_libraries(ferry_crypto PUBLIC ${FERRY_LIBCRYPTO})
ferry_warnings(ferry_crypto)

# The checksum of an image is an XOR of its bytes, which a compiler that may does 32 at a time.
set_source_files_properties(core/image.c PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-O3>)

include(cmake/littlefs.cmake)
include(cmake/bearssl.cmake)

foreach(room agent ports/posix ports/sim ports/template host compat/esp-idf cli server)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${room}/CMakeLists.txt)
        add_subdirectory(${room})
    endif()
endforeach()

if(FERRY_BUILD_TESTS)
    enable_testing()
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/tests/CMakeLists.txt)
        add_subdirectory(tests)
    endif()
    add_subdirectory(bench)
    add_subdirectory(examples/host_update)
endif()
