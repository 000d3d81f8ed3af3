/* ports/bare/console_bare.c - text and numbers onto whatever console the machine has, and how deep
 * the stack went. */
#include "machine.h"

void console_put_text(const char *text)
{
    while (*text)
        console_put_char(*text++);
}

void console_put_hex(uint32_t v, unsigned n_digits)
{
    while (n_digits--)
        console_put_char("0123456789abcdef"[v >> (4 * n_digits) & 15]);
}

void console_put_number(uint32_t v)
{
    char digits[10];
    unsigned n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        console_put_char(digits[--n]);
}

#define STACK_PAINT 0xa5a5a5a5u // as every start-up has it

uint32_t stack_used_bytes(void)
{
    extern const uint32_t firmware_stack_low[], firmware_stack_top[];
    const uint32_t *p = firmware_stack_low;
    while (p < firmware_stack_top && *p == STACK_PAINT)
        p++;
    return (uint32_t)((uintptr_t)firmware_stack_top - (uintptr_t)p);
}
