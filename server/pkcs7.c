/* server/pkcs7.c - lengths first, from the inside out, then the headers in order. */
#include "pkcs7.h"

#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCE = 0x30, SET = 0x31, INTEGER = 0x02, CONTEXT_0 = 0xa0 };

/* 1.2.840.113549.1.7.2 signedData, and .1 data. */
static const uint8_t oid_signed_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                          0xf7, 0x0d, 0x01, 0x07, 0x02};
static const uint8_t oid_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                   0xf7, 0x0d, 0x01, 0x07, 0x01};
static const uint8_t version_1[] = {INTEGER, 1, 1};
static const uint8_t empty_set[] = {SET, 0};

static size_t length_bytes(size_t n)
{
    size_t bytes = 1;
    if (n >= 0x80)
        for (; n; n >>= 8)
            bytes++;
    return bytes;
}

static size_t whole(size_t content)
{
    return 1 + length_bytes(content) + content;
}

static void add(struct ferry_strbuf *out, const void *bytes, size_t n)
{
    ferry_strbuf_add(out, (const char *)bytes, n);
}

static void add_header(struct ferry_strbuf *out, uint8_t tag, size_t content)
{
    uint8_t header[10] = {tag, (uint8_t)content};
    const size_t n = length_bytes(content);
    if (n > 1) {
        header[1] = (uint8_t)(0x80 | (n - 1));
        for (size_t i = 1; i < n; i++)
            header[1 + i] = (uint8_t)(content >> 8 * (n - 1 - i));
    }
    add(out, header, 1 + n);
}

/* X.690, 11.6: as octet strings; of two certificates none is the beginning of the other. */
static int compare(const void *a, const void *b)
{
    const struct pkcs7_cert *x = a, *y = b;
    return memcmp(x->der, y->der, x->n < y->n ? x->n : y->n);
}

void pkcs7_add(struct ferry_strbuf *out, struct pkcs7_cert *certs, size_t n)
{
    size_t n_certs = 0;
    if (n)
        qsort(certs, n, sizeof(certs[0]), compare);
    for (size_t i = 0; i < n; i++)
        n_certs += certs[i].n;
    const size_t n_inner = whole(sizeof(oid_data));
    const size_t n_signed =
        sizeof(version_1) + sizeof(empty_set) + n_inner + whole(n_certs) + sizeof(empty_set);
    add_header(out, SEQUENCE, sizeof(oid_signed_data) + whole(whole(n_signed)));
    add(out, oid_signed_data, sizeof(oid_signed_data));
    add_header(out, CONTEXT_0, whole(n_signed));
    add_header(out, SEQUENCE, n_signed);
    add(out, version_1, sizeof(version_1));
    add(out, empty_set, sizeof(empty_set)); // digestAlgorithms: nobody signs
    add_header(out, SEQUENCE, sizeof(oid_data));
    add(out, oid_data, sizeof(oid_data));
    add_header(out, CONTEXT_0, n_certs); // IMPLICIT SET OF Certificate
    for (size_t i = 0; i < n; i++)
        add(out, certs[i].der, certs[i].n);
    add(out, empty_set, sizeof(empty_set)); // signerInfos
}

void pkcs7_add_base64(struct ferry_strbuf *out, const void *bytes, size_t n)
{
    const gnutls_datum_t in = {(unsigned char *)(uintptr_t)bytes, (unsigned)n};
    gnutls_datum_t text = {0};
    if (gnutls_base64_encode2(&in, &text) != 0) {
        out->failed = true;
        return;
    }
    ferry_strbuf_add(out, (const char *)text.data, text.size);
    gnutls_free(text.data);
}
