/* agent/pem.c - PEM in and out. */
#include "agent/pem.h"

#include <stdbool.h>
#include <string.h>

#include "agent/text.h"

#define LINE_DER 48u // 64 characters

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_quad(char *out, const uint8_t *in, size_t n)
{
    const uint32_t bits =
        (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) | (n > 2 ? in[2] : 0u);
    out[0] = alphabet[bits >> 18];
    out[1] = alphabet[bits >> 12 & 63];
    out[2] = n > 1 ? alphabet[bits >> 6 & 63] : '=';
    out[3] = n > 2 ? alphabet[bits & 63] : '=';
}

/* Without its NUL; returns where the next goes. */
static size_t put_text(char *out, size_t at, const char *text)
{
    while (*text)
        out[at++] = *text++;
    return at;
}

static size_t put_boundary(char *out, const char *dashes_and_word, const char *label)
{
    return put_text(out, put_text(out, put_text(out, 0, dashes_and_word), label), "-----\n");
}

ferry_err ferry_pem_write(const char *label, const uint8_t *der, size_t n_der, char *out,
                          size_t n_out)
{
    const size_t n_lines = (n_der + LINE_DER - 1) / LINE_DER;
    const size_t n_boundaries = sizeof "-----BEGIN -----" + sizeof "-----END -----";
    if (n_out < (n_der + 2) / 3 * 4 + n_lines + 2 * strlen(label) + n_boundaries + 1)
        return FERRY_ERR_WORK_SIZE;
    size_t at = put_boundary(out, "-----BEGIN ", label);
    for (size_t i = 0; i < n_der; i += 3) {
        put_quad(out + at, der + i, n_der - i);
        at += 4;
        if (i % LINE_DER == LINE_DER - 3 || n_der - i <= 3)
            out[at++] = '\n';
    }
    at += put_boundary(out + at, "-----END ", label);
    out[at] = '\0';
    return FERRY_OK;
}

static int value_of(char c)
{
    const char *const found = c ? strchr(alphabet, c) : NULL;
    return found ? (int)(found - alphabet) : -1;
}

/* The base64 in n characters of text, blanks and line ends between; padding only at the end. */
static bool decode(const char *text, size_t n, uint8_t *der, size_t most, size_t *n_der)
{
    uint32_t bits = 0;
    uint32_t n_digits = 0;
    uint32_t n_pads = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n' || text[i] == '\r' || text[i] == ' ' || text[i] == '\t')
            continue;
        const int v = text[i] == '=' ? 0 : value_of(text[i]);
        n_pads += text[i] == '=';
        if (v < 0 || (n_pads && text[i] != '=') || n_pads > 2)
            return false;
        bits = bits << 6 | (uint32_t)v;
        if (++n_digits % 4)
            continue;
        for (uint32_t k = 0; k < 3 && k + n_pads < 3; k++) {
            if (at == most)
                return false;
            der[at++] = (uint8_t)(bits >> (16 - 8 * k));
        }
        bits = 0;
    }
    *n_der = at;
    return n_digits % 4 == 0 && at;
}

ferry_err ferry_pem_next(const char **at, const char *label, uint8_t *der, size_t n_der_most,
                         struct ferry_pem *out)
{
    char begin[64] = "-----BEGIN ";
    char end[64] = "-----END ";
    ferry_text_add(begin, sizeof begin, label);
    ferry_text_add(begin, sizeof begin, "-----");
    ferry_text_add(end, sizeof end, label);
    ferry_text_add(end, sizeof end, "-----");
    const char *const from = strstr(*at, begin);
    if (!from)
        return FERRY_ERR_NOT_FOUND;
    const char *const body = from + strlen(begin);
    const char *const to = strstr(body, end);
    if (!to || !decode(body, (size_t)(to - body), der, n_der_most, &out->n_der))
        return FERRY_ERR_SYNTAX;
    out->text = from;
    out->n_text = (size_t)(to - from) + strlen(end);
    *at = to + strlen(end);
    return FERRY_OK;
}
