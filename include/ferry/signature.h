/* ferry/signature.h - Secure Boot v2 signatures: the sector behind an image, and whom to trust.
 * Blocks are parsed here, signatures checked by ferry/crypto_verify.h. The verdicts are those of
 * Espressif's bootloader and app code. Facts: docs/formats.md "Signatures"; rules: docs/design.md
 * "Trust". */
#ifndef FERRY_SIGNATURE_H
#define FERRY_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "ferry/crypto.h"
#include "ferry/crypto_verify.h"
#include "ferry/err.h"
#include "ferry/flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_SIGNATURE_SECTOR_BYTES 4096u // also what the image before it is padded to
#define FERRY_SIGNATURE_BLOCK_BYTES  1216u
#define FERRY_SIGNATURE_BLOCKS       3u

/** One block, taken apart. The pointers reach into the block's bytes; the scheme says how long
 * each part is, and so do the numbers. */
struct ferry_signature_block {
    enum ferry_scheme scheme;
    uint16_t n_digest_bytes, n_key_bytes, n_signature_bytes;
    const uint8_t *digest;    // of the signed bytes, as the signer saw them
    const uint8_t *key;       // the public key part
    const uint8_t *signature; // of the digest
};

/** Takes a block apart; *out points into bytes, which must outlive it.
 * FERRY_ERR_SIGNATURE_NONE  not a whole block: magic, CRC, version or curve do not fit */
FERRY_MUST_CHECK ferry_err ferry_signature_decode(const uint8_t bytes[FERRY_SIGNATURE_BLOCK_BYTES],
                                                  struct ferry_signature_block *out);

/** Makes a block, its CRC included, from the scheme and the three parts, which are as long as the
 * scheme says and may not lie in bytes.
 * FERRY_ERR_ARG  no scheme */
FERRY_MUST_CHECK ferry_err ferry_signature_encode(const struct ferry_signature_block *block,
                                                  uint8_t bytes[FERRY_SIGNATURE_BLOCK_BYTES]);

/** The SHA-256 of a block's public key part, as eFuses hold it. */
void ferry_signature_key_digest(const struct ferry_signature_block *block,
                                uint8_t out[FERRY_SHA256_BYTES]);

/** Whom a device trusts. All zero trusts nobody. */
struct ferry_trust {
    uint8_t n_keys;        // of key_digests, at most three
    bool p384;             // a P-384 key is among them: SHA-384 is computed beside SHA-256,
                           // and only then a block of that scheme counts
    bool first_block_only; // signed updates without secure boot: only block 0 counts;
                           // else one good block of three suffices
    uint8_t key_digests[FERRY_SIGNATURE_BLOCKS][FERRY_SHA256_BYTES];
};

/** Where an image's signature sector lies: behind the image padded to 4096 bytes. */
static inline uint32_t ferry_signature_off(uint32_t image_bytes)
{
    return (image_bytes + (FERRY_SIGNATURE_SECTOR_BYTES - 1)) &
           ~(FERRY_SIGNATURE_SECTOR_BYTES - 1u);
}

/** Digests of the signed bytes: the image with its padding, from its first byte to the sector. */
struct ferry_signed_digests {
    uint8_t sha256[FERRY_SHA256_BYTES];
    uint8_t sha384[FERRY_SHA384_BYTES]; // looked at with trust->p384 only
};

/** Work memory; nothing in it outlives a call. */
struct ferry_signature_work {
    uint8_t block[FERRY_SIGNATURE_BLOCK_BYTES];
    struct ferry_sha256 sha256;
    struct ferry_sha384 sha384;
    struct ferry_signed_digests digests;
};

/** Checks the signature sector at off_bytes of a region against digests that the caller has, from
 * an image that streamed by. block: work memory.
 * Anything but FERRY_VERDICT_GENUINE is a refusal, its cause in *fault (may be NULL):
 * FERRY_ERR_SIGNATURE_NONE  no whole block where one counts
 * FERRY_ERR_SIGNATURE_KEY   every whole block names a key that is not trusted
 * FERRY_ERR_SIGNATURE_BAD   a trusted key's signature does not hold; fault: number of the block
 * FERRY_ERR_IMAGE_SIZE      the sector leaves the region; fault: bytes needed, region's size
 * FERRY_ERR_ARG             more than three keys; flash errors */
FERRY_MUST_CHECK ferry_verdict ferry_signature_check(const struct ferry_region *region,
                                                     uint32_t off_bytes,
                                                     const struct ferry_signed_digests *digests,
                                                     const struct ferry_trust *trust,
                                                     uint8_t block[FERRY_SIGNATURE_BLOCK_BYTES],
                                                     struct ferry_fault *fault);

/** Checks the signature of the image of image_bytes at a region's start, reading it once; whether
 * it is a good image is ferry_image_verify's to say. With the signature it is
 * ferry_signature_off(image_bytes) + FERRY_SIGNATURE_SECTOR_BYTES long.
 * Verdict and causes as ferry_signature_check. */
FERRY_MUST_CHECK ferry_verdict ferry_signature_verify(const struct ferry_region *region,
                                                      uint32_t image_bytes,
                                                      const struct ferry_trust *trust,
                                                      struct ferry_signature_work *work,
                                                      struct ferry_fault *fault);

/** Trust as devices without secure boot have it: in the key of the first whole block behind the
 * running app, whose image of image_bytes lies at the region's start.
 * FERRY_ERR_SIGNATURE_NONE  the running app is not signed: nobody is trusted
 * FERRY_ERR_IMAGE_SIZE, flash errors; *out is written on success only. */
FERRY_MUST_CHECK ferry_err ferry_signature_trust_running(const struct ferry_region *region,
                                                         uint32_t image_bytes,
                                                         struct ferry_signature_work *work,
                                                         struct ferry_trust *out);

#ifdef __cplusplus
}
#endif
#endif
