/* ports/esp32c3/esp32c3_uart.c - the console on UART 0, with the speed that the ROM and the
 * bootloader have set: 115200 baud, unless the bootloader was built with another. */
#include "esp32c3_line.h"
#include "esp32c3_registers.h"

#define UART_FIFO     0x60000000u
#define UART_STATUS   0x6000001cu // bits 25:16: bytes to be sent; 9:0: bytes that have come
#define UART_STATE    0x6000006cu // bits 7:4: what the transmitter is doing; 0: nothing
#define COUNT_MASK    0x3ffu
#define SENDING_SHIFT 16
#define FIFO_BYTES    128u

static uint32_t n_waiting(void)
{
    return register_get(UART_STATUS) >> SENDING_SHIFT & COUNT_MASK;
}

void esp32c3_line_put(uint8_t byte)
{
    while (n_waiting() >= FIFO_BYTES - 1)
        ;
    register_put(UART_FIFO, byte);
}

void esp32c3_line_flush(void)
{
}

void esp32c3_line_drain(void)
{
    while (n_waiting() || register_get(UART_STATE) & 0xf0u)
        ;
}

int esp32c3_line_get(void)
{
    return register_get(UART_STATUS) & COUNT_MASK ? (int)(register_get(UART_FIFO) & 0xff) : -1;
}
