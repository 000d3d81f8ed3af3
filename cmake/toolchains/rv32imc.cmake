# RISC-V as in the ESP32-C3, no libc. -misa-spec=2.2 keeps the CSR instructions in the base, so
# that Debian's compiler finds its rv32imc libgcc.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR riscv32)
set(CMAKE_C_COMPILER riscv64-unknown-elf-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
string(JOIN " " CMAKE_C_FLAGS_INIT
    -march=rv32imc -mabi=ilp32 -misa-spec=2.2
    -ffreestanding -ffunction-sections -fdata-sections -fstack-usage
    -isystem ${CMAKE_CURRENT_LIST_DIR}/freestanding)
