# ESP-IDF's first pass, as far as a component notices it: script mode, no compiler, no targets, no
# value of menuconfig; a function of its own around the component's file, and a register macro that
# takes the requirements and returns from that file.
#     cmake -D DOOR=folder -D OUT=file -D MAJOR=6 -P requirements.cmake
set(CMAKE_BUILD_EARLY_EXPANSION 1)
set(IDF_VERSION_MAJOR ${MAJOR})

macro(idf_component_register)
    cmake_parse_arguments(_ "" "KCONFIG"
        "SRCS;INCLUDE_DIRS;PRIV_INCLUDE_DIRS;LDFRAGMENTS;REQUIRES;PRIV_REQUIRES" "${ARGN}")
    set(requires "${__REQUIRES};${__PRIV_REQUIRES}")
    set(kconfig "${__KCONFIG}")
    set(is_registered 1)
    return()
endmacro()

function(read_component)
    set(COMPONENT_DIR "${DOOR}")
    get_filename_component(COMPONENT_NAME "${DOOR}" NAME)
    include("${DOOR}/CMakeLists.txt")
    set(requires "${requires}" PARENT_SCOPE)
    set(kconfig "${kconfig}" PARENT_SCOPE)
    set(is_registered "${is_registered}" PARENT_SCOPE)
endfunction()

read_component()
if(NOT is_registered)
    message(FATAL_ERROR "${DOOR} registers no component")
endif()
file(WRITE "${OUT}" "REQUIRES ${requires}\nKCONFIG ${kconfig}\n")
