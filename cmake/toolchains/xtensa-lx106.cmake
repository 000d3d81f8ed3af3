# Xtensa: Debian's lx106 compiler, the ESP8266's core. It proves that the C compiles for Xtensa and
# shows the size there; it builds nothing that an ESP32 would run.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR xtensa)
set(CMAKE_C_COMPILER xtensa-lx106-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
string(JOIN " " CMAKE_C_FLAGS_INIT
    -mlongcalls
    -ffreestanding -ffunction-sections -fdata-sections -fstack-usage
    -isystem ${CMAKE_CURRENT_LIST_DIR}/freestanding)
