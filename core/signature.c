/* core/signature.c - signature blocks of Secure Boot v2, bytes to parts and back.
 * Pure: no I/O, no keys, no trust; core/signature_verify.c has those. Layouts: docs/formats.md
 * "Signatures". */
#include "ferry/signature.h"

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"

#define MAGIC         0xe7u
#define VERSION_RSA   2u
#define VERSION_ECDSA 3u
#define DIGEST_OFF    4u
#define CRC_OFF       1196u

/* Where the parts of a block lie. The key part of ECDSA begins with the curve's number. */
struct layout {
    uint8_t version;
    uint8_t sha; // byte 2: 1 where the digest is a SHA-384
    uint8_t curve;
    uint8_t n_digest, key_off;
    uint16_t n_key, signature_off, n_signature;
};

static const struct layout layouts[] = {
    [FERRY_SCHEME_RSA3072] = {VERSION_RSA, 0, 0, 32, 36, 776, 812, 384},
    [FERRY_SCHEME_ECDSA_P192] = {VERSION_ECDSA, 0, 1, 32, 36, 65, 101, 64},
    [FERRY_SCHEME_ECDSA_P256] = {VERSION_ECDSA, 0, 2, 32, 36, 65, 101, 64},
    [FERRY_SCHEME_ECDSA_P384] = {VERSION_ECDSA, 1, 3, 48, 52, 97, 149, 96},
};

/* Byte 2 alone does not tell the curves apart: Espressif's code for P-256 never looks at it. */
static enum ferry_scheme scheme_of(const uint8_t *b)
{
    if (b[1] == VERSION_RSA)
        return FERRY_SCHEME_RSA3072;
    if (b[1] != VERSION_ECDSA)
        return FERRY_SCHEME_NONE;
    if (b[2] == 1 && b[layouts[FERRY_SCHEME_ECDSA_P384].key_off] == 3)
        return FERRY_SCHEME_ECDSA_P384;
    switch (b[layouts[FERRY_SCHEME_ECDSA_P256].key_off]) {
    case 1:
        return FERRY_SCHEME_ECDSA_P192;
    case 2:
        return FERRY_SCHEME_ECDSA_P256;
    default:
        return FERRY_SCHEME_NONE;
    }
}

ferry_err ferry_signature_decode(const uint8_t bytes[FERRY_SIGNATURE_BLOCK_BYTES],
                                 struct ferry_signature_block *out)
{
    if (bytes[0] != MAGIC || ferry_crc32(0, bytes, CRC_OFF) != ferry_le32(bytes + CRC_OFF))
        return FERRY_ERR_SIGNATURE_NONE;
    const enum ferry_scheme scheme = scheme_of(bytes);
    if (scheme == FERRY_SCHEME_NONE)
        return FERRY_ERR_SIGNATURE_NONE;
    const struct layout *l = &layouts[scheme];
    out->scheme = scheme;
    out->n_digest_bytes = l->n_digest;
    out->n_key_bytes = l->n_key;
    out->n_signature_bytes = l->n_signature;
    out->digest = bytes + DIGEST_OFF;
    out->key = bytes + l->key_off;
    out->signature = bytes + l->signature_off;
    return FERRY_OK;
}

ferry_err ferry_signature_encode(const struct ferry_signature_block *block,
                                 uint8_t bytes[FERRY_SIGNATURE_BLOCK_BYTES])
{
    if (block->scheme <= FERRY_SCHEME_NONE || block->scheme > FERRY_SCHEME_ECDSA_P384)
        return FERRY_ERR_ARG;
    const struct layout *l = &layouts[block->scheme];
    memset(bytes, 0, FERRY_SIGNATURE_BLOCK_BYTES);
    bytes[0] = MAGIC;
    bytes[1] = l->version;
    bytes[2] = l->sha;
    memcpy(bytes + DIGEST_OFF, block->digest, l->n_digest);
    memcpy(bytes + l->key_off, block->key, l->n_key);
    if (l->curve)
        bytes[l->key_off] = l->curve;
    memcpy(bytes + l->signature_off, block->signature, l->n_signature);
    ferry_put_le32(bytes + CRC_OFF, ferry_crc32(0, bytes, CRC_OFF));
    return FERRY_OK;
}
