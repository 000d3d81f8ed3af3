# A list of sources for a build that is no CMake build, one a line: cmake -P prints to stderr. The
# core's; with -DWHAT=NAME before the -P another of cmake/ferry_sources.cmake.
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/ferry_sources.cmake)
if(NOT WHAT)
    set(WHAT FERRY_CORE_SOURCES)
endif()
string(REPLACE ";" "\n" lines "${${WHAT}}")
message("${lines}")
