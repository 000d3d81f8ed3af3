/* ports/esp32c3/esp32c3_usb.c - the console on the chip's own USB serial port. Bytes go out in
 * packets of up to 64; a packet waits for the computer to fetch it, and if none does, the console
 * goes on without it. */
#include "esp32c3_line.h"
#include "esp32c3_registers.h"
#include "machine.h"

#define USB_FIFO    0x60043000u
#define USB_CONTROL 0x60043004u
#define SEND_PACKET (1u << 0) // to be written
#define HAS_ROOM    (1u << 1)
#define HAS_COME    (1u << 2)
#define PATIENCE_US 50000u // a computer that reads does so every millisecond

static bool is_read = true; // by a computer, as far as we know
static bool is_waiting;     // bytes are in the port that no packet has taken

/* Waits for room. Who has lost patience once waits no more until there is room again. */
static bool has_room(void)
{
    const uint32_t start = clock_us();
    while (!(register_get(USB_CONTROL) & HAS_ROOM)) {
        if (!is_read || clock_us() - start >= PATIENCE_US) {
            is_read = false;
            return false;
        }
    }
    is_read = true;
    return true;
}

void esp32c3_line_put(uint8_t byte)
{
    if (!has_room())
        return;
    register_put(USB_FIFO, byte);
    is_waiting = true;
    if (byte == '\n')
        esp32c3_line_flush();
}

void esp32c3_line_flush(void)
{
    if (is_waiting)
        register_put(USB_CONTROL, SEND_PACKET);
    is_waiting = false;
}

void esp32c3_line_drain(void)
{
    esp32c3_line_flush();
    (void)has_room();
}

int esp32c3_line_get(void)
{
    return register_get(USB_CONTROL) & HAS_COME ? (int)(register_get(USB_FIFO) & 0xff) : -1;
}
