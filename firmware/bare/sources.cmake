# The core's sources for a build that is no CMake build, one a line: cmake -P prints to stderr.
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/ferry_sources.cmake)
string(REPLACE ";" "\n" lines "${FERRY_CORE_SOURCES}")
message("${lines}")
