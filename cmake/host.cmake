# What needs Linux: each room brings its own CMakeLists.txt.
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3 REQUIRED)

add_library(ferry_crypto STATIC ${FERRY_CRYPTO_OPENSSL_SOURCES})
target_include_directories(ferry_crypto PUBLIC include)
target_link_libraries(ferry_crypto PUBLIC OpenSSL::Crypto)
ferry_warnings(ferry_crypto)

foreach(room agent ports/posix ports/sim ports/template host cli)
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
