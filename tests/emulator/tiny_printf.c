/* tests/emulator/tiny_printf.c - printf for tests on the emulated machine, onto its console. */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>

#define DIGITS_MOST 20

static int put_unsigned(unsigned long long v, unsigned base, int width, char pad)
{
    char digits[DIGITS_MOST];
    int n = 0;
    do
        digits[n++] = "0123456789abcdef"[v % base];
    while (v /= base);
    for (int i = n; i < width; i++)
        console_put_char(pad);
    for (int i = n; i; i--)
        console_put_char(digits[i - 1]);
    return n > width ? n : width;
}

static int put_signed(long long v, int width, char pad)
{
    if (v >= 0)
        return put_unsigned((unsigned long long)v, 10, width, pad);
    console_put_char('-');
    return 1 + put_unsigned(0ULL - (unsigned long long)v, 10, width - 1, pad);
}

/* j and ll are 64 bits here, l and z 32. */
static unsigned long long next(va_list *ap, int size, bool is_signed)
{
    if (size >= 2)
        return va_arg(*ap, unsigned long long);
    const unsigned v = va_arg(*ap, unsigned);
    return is_signed ? (unsigned long long)(long long)(int)v : v;
}

static int put_field(const char **format, va_list *ap)
{
    const char *f = *format;
    int width = 0, size = 0;
    const char pad = *f == '0' ? '0' : ' ';
    for (; *f >= '0' && *f <= '9'; f++)
        width = width * 10 + (*f - '0');
    for (; *f == 'l' || *f == 'j' || *f == 'z'; f++)
        size += *f == 'j' ? 2 : *f == 'l';
    *format = f + 1;
    switch (*f) {
    case 'd':
    case 'i':
        return put_signed((long long)next(ap, size, true), width, pad);
    case 'u':
        return put_unsigned(next(ap, size, false), 10, width, pad);
    case 'x':
        return put_unsigned(next(ap, size, false), 16, width, pad);
    case 'c':
        console_put_char((char)va_arg(*ap, int));
        return 1;
    case 's':
        console_put_text(va_arg(*ap, const char *));
        return 0;
    default:
        console_put_char(*f);
        return 1;
    }
}

int printf(const char *format, ...)
{
    va_list ap;
    int n = 0;
    va_start(ap, format);
    while (*format) {
        const char c = *format++;
        if (c == '%') {
            n += put_field(&format, &ap);
        } else {
            console_put_char(c);
            n++;
        }
    }
    va_end(ap);
    return n;
}
