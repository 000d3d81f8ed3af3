/* conformance_signature - holds Secure Boot v2 signatures against Espressif's tool and code.
 * Vectors E_signed: the signed files are made again from image, public keys and signatures, byte by
 * byte, and verified by the right and the wrong key and after single-bit changes, as by espsecure.
 * Vectors E_sbv2_verify: verdict and length of Espressif's C code, with secure boot and without,
 * and espsecure's verdict where it judges the same question. usage: conformance_signature
 * FILE|FOLDER... */
#include "ferry/bytes.h"
#include "ferry/image.h"
#include "ferry/signature.h"
#include "image_sign.h"
#include "sign_key.h"

#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_OFF    0x10000u
#define PART_MOST   0x100000u
#define FLASH_BYTES (PART_OFF + PART_MOST)
#define CHIP_REV    3 // what the vectors' device was
#define WHERE_BYTES 320
#define SECTOR      FERRY_SIGNATURE_SECTOR_BYTES
#define BLOCK       FERRY_SIGNATURE_BLOCK_BYTES

struct run {
    struct tally tally;
    struct vector_set *set;
    cJSON *key_digests; // by key name, from the first line of E_sbv2_verify
    long n_otherwise;   // cases where espsecure decides otherwise than the chip
    uint8_t flash[FLASH_BYTES];
    uint8_t file[PART_MOST]; // the file under test
    size_t n_file;
};

static ferry_err flash_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    const struct run *run = f->ctx;
    if (!ferry_range_fits(off, len, FLASH_BYTES))
        return FERRY_ERR_FLASH_IO;
    memcpy(dst, run->flash + off, len);
    return FERRY_OK;
}

static struct ferry_flash flash_of(struct run *run)
{
    static const struct ferry_flash_ops ops = {.read = flash_read};
    return (struct ferry_flash){.ops = &ops,
                                .ctx = run,
                                .size_bytes = FLASH_BYTES,
                                .sector_bytes = 4096,
                                .block_bytes = 65536,
                                .prog_bytes = 1};
}

static void put_in_flash(struct run *run, const uint8_t *bytes, size_t n)
{
    memset(run->flash, 0xff, sizeof(run->flash));
    memcpy(run->flash + PART_OFF, bytes, n);
}

static bool take_file(struct run *run, const char *where, const char *name)
{
    const uint8_t *bytes = name ? vector_set_file(run->set, name, &run->n_file) : NULL;
    if (bytes && run->n_file <= PART_MOST) {
        memcpy(run->file, bytes, run->n_file);
        return true;
    }
    tally_fail(&run->tally, "%s: %s is not among the inputs", where, name ? name : "the image");
    return false;
}

/* The image in the partition: its verdict, and its length. Which chip it is for stands in it. */
static ferry_err walk(struct run *run, uint32_t part_bytes, struct ferry_image *img)
{
    static uint8_t work[4096];
    const struct ferry_flash flash = flash_of(run);
    const struct ferry_region part = {&flash, PART_OFF, part_bytes};
    struct ferry_image_header header;
    ferry_image_header_decode(run->flash + PART_OFF, &header);
    const struct ferry_image_rules rules = {.chip = ferry_chip_by_id(header.chip_id),
                                            .chip_rev = CHIP_REV,
                                            .base_off_bytes = PART_OFF,
                                            .max_bytes = part_bytes};
    return ferry_image_verify(&part, &rules, work, sizeof(work), img);
}

/* Image and signature together: Espressif's number, and the length it gives. */
static int32_t verify(struct run *run, uint32_t part_bytes, const struct ferry_trust *trust,
                      uint32_t *length)
{
    static struct ferry_signature_work work;
    const struct ferry_flash flash = flash_of(run);
    const struct ferry_region part = {&flash, PART_OFF, part_bytes};
    struct ferry_image img;
    struct ferry_fault fault;
    *length = 0;
    if (walk(run, part_bytes, &img))
        return ferry_image_esp_verdict(&img, FLASH_BYTES);
    if (ferry_signature_verify(&part, img.image_bytes, trust, &work, &fault) !=
        FERRY_VERDICT_GENUINE)
        return ferry_image_esp_err(fault.err);
    *length = ferry_signature_off(img.image_bytes) + SECTOR;
    return 0;
}

static const char *text_at(const cJSON *list, int i)
{
    const cJSON *item = cJSON_GetArrayItem(list, i);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static bool key_of(struct run *run, const char *where, const char *name, struct ferry_sign_key *key)
{
    size_t n = 0;
    const char *why = "it is not among the inputs";
    const uint8_t *pem = vector_set_file(run->set, name, &n);
    if (pem && ferry_sign_key_parse(pem, n, key, &why) == FERRY_OK)
        return true;
    tally_fail(&run->tally, "%s: key %s: %s", where, name, why);
    return false;
}

/* One verdict of espsecure's on the file under test, with one key. */
static void check_by_key(struct run *run, const char *where, const char *key_name, double want_rc)
{
    struct ferry_sign_key key;
    struct ferry_trust trust = {.n_keys = 1, .p384 = true};
    uint32_t length;
    if (!key_of(run, where, key_name, &key))
        return;
    ferry_sign_key_digest(&key, trust.key_digests[0]);
    ferry_sign_key_close(&key);
    put_in_flash(run, run->file, run->n_file);
    const int32_t got = verify(run, PART_MOST, &trust, &length);
    if ((got == 0) != (want_rc == 0))
        tally_fail(&run->tally, "%s: by %s: got 0x%x, espsecure's exit code is %.0f", where,
                   key_name, (unsigned)got, want_rc);
    else
        tally_pass(&run->tally);
}

/* The block that this key and this signature make for the bytes before the sector. */
static ferry_err make_block(const struct ferry_sign_key *key, const uint8_t *bytes, size_t n,
                            const uint8_t *theirs, uint8_t out[BLOCK])
{
    uint8_t digest[FERRY_SHA256_BYTES];
    struct ferry_signature_block block;
    struct ferry_sha256 h;
    const ferry_err err = ferry_signature_decode(theirs, &block);
    if (err)
        return err;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, bytes, n);
    ferry_sha256_finish(&h, digest);
    block.scheme = key->scheme;
    block.digest = digest;
    block.key = key->part;
    return ferry_signature_encode(&block, out);
}

/* Makes the signed file from the image as espsecure did, taking only the signatures from it. */
static void check_bytes(struct run *run, const char *where, const cJSON *record)
{
    static uint8_t made[PART_MOST];
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(record, "keys");
    size_t n_base = 0;
    const uint8_t *base = vector_set_file(run->set, vector_text(record, "base"), &n_base);
    const uint32_t off = base ? ferry_signature_off((uint32_t)n_base) : 0;
    if (!base || off + SECTOR != run->n_file) {
        tally_fail(&run->tally, "%s: %zu bytes do not fit its base", where, run->n_file);
        return;
    }
    memset(made, 0xff, off + SECTOR);
    memcpy(made, base, n_base);
    for (int i = 0; i < cJSON_GetArraySize(keys); i++) {
        struct ferry_sign_key key;
        const size_t at = off + (size_t)i * BLOCK;
        if (!key_of(run, where, text_at(keys, i), &key))
            return;
        if (make_block(&key, made, off, run->file + at, made + at))
            tally_fail(&run->tally, "%s: block %d cannot be made", where, i);
        ferry_sign_key_close(&key);
    }
    if (memcmp(made, run->file, run->n_file) != 0)
        tally_fail(&run->tally, "%s: other bytes than espsecure's", where);
    else
        tally_pass(&run->tally);
}

static void check_key_digest(struct run *run, const char *where, const cJSON *record)
{
    uint8_t want[FERRY_SHA256_BYTES], got[FERRY_SHA256_BYTES];
    struct ferry_sign_key key;
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(record, "keys");
    if (!vector_text(record, "key_digest") || !key_of(run, where, text_at(keys, 0), &key))
        return;
    ferry_sign_key_digest(&key, got);
    ferry_sign_key_close(&key);
    if (vector_hex(record, "key_digest", want, sizeof(want)) && !memcmp(want, got, sizeof(got)))
        tally_pass(&run->tally);
    else
        tally_fail(&run->tally, "%s: another key digest", where);
}

/* The verdict under this name, if the record has it. */
static void check_named(struct run *run, const char *where, const cJSON *record, const char *name,
                        const char *key)
{
    const cJSON *verdict = cJSON_GetObjectItemCaseSensitive(record, name);
    if (verdict)
        check_by_key(run, where, key, vector_number(verdict, "rc", -1));
}

static void each_signed(void *ctx, const char *file, const cJSON *record)
{
    struct run *run = ctx;
    char where[WHERE_BYTES], other[64];
    const cJSON *keys = cJSON_GetObjectItemCaseSensitive(record, "keys");
    snprintf(where, sizeof(where), "%s: %s", file, vector_text(record, "bin"));
    snprintf(other, sizeof(other), "%s_1_pub.pem", vector_text(record, "scheme"));
    if (!take_file(run, where, vector_text(record, "bin")))
        return;
    check_bytes(run, where, record);
    check_key_digest(run, where, record);
    check_named(run, where, record, "verify_right_key", text_at(keys, 0));
    check_named(run, where, record, "verify_wrong_key", other);
    check_named(run, where, record, "verify_key0", text_at(keys, 0));
    check_named(run, where, record, "verify_key1", text_at(keys, 1));
    const cJSON *m;
    cJSON_ArrayForEach(m, cJSON_GetObjectItemCaseSensitive(record, "mutations"))
    {
        const size_t at = (size_t)vector_number(m, "offset", PART_MOST);
        const uint8_t bits = (uint8_t)vector_number(m, "xor", 0);
        snprintf(where, sizeof(where), "%s: %s %s", file, vector_text(record, "bin"),
                 vector_text(m, "name"));
        if (at >= run->n_file || !bits) {
            tally_fail(&run->tally, "%s: no bit to change", where);
            continue;
        }
        run->file[at] ^= bits;
        check_by_key(run, where, text_at(keys, 0), vector_number(m, "rc", -1));
        run->file[at] ^= bits;
    }
}

/* What the record names instead of a patch. False: an unknown rule, or no room for it. */
static bool apply_rule(struct run *run, const char *rule)
{
    if (run->n_file < SECTOR)
        return false;
    uint8_t *sector = run->file + run->n_file - SECTOR;
    uint8_t block[BLOCK];
    memcpy(block, sector, BLOCK);
    if (!strcmp(rule, "sig_erased")) {
        memset(sector, 0xff, SECTOR);
    } else if (!strcmp(rule, "blocks_swapped")) {
        memcpy(sector, sector + BLOCK, BLOCK);
        memcpy(sector + BLOCK, block, BLOCK);
    } else if (!strcmp(rule, "block0_moved_to_2")) {
        memset(sector, 0xff, BLOCK);
        memcpy(sector + 2 * (size_t)BLOCK, block, BLOCK);
    } else {
        return false;
    }
    return true;
}

static bool apply_patch(struct run *run, const cJSON *patch)
{
    const cJSON *p;
    cJSON_ArrayForEach(p, patch)
    {
        size_t n = 0;
        const cJSON *off = cJSON_GetArrayItem(p, 0);
        const size_t at = cJSON_IsNumber(off) ? (size_t)off->valuedouble : PART_MOST;
        uint8_t *bytes = vector_unhex(text_at(p, 1), &n);
        const bool fits = bytes && at <= run->n_file && n <= run->n_file - at;
        if (fits)
            memcpy(run->file + at, bytes, n);
        free(bytes);
        if (!fits)
            return false;
    }
    return true;
}

static bool mutate(struct run *run, const char *where, const cJSON *record)
{
    uint8_t want[FERRY_SHA256_BYTES], got[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    const size_t keep = (size_t)vector_number(record, "trunc", (double)run->n_file);
    const char *rule = vector_text(record, "rule");
    if (keep < run->n_file)
        run->n_file = keep;
    const bool done = rule ? apply_rule(run, rule)
                           : apply_patch(run, cJSON_GetObjectItemCaseSensitive(record, "patch"));
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, run->file, run->n_file);
    ferry_sha256_finish(&h, got);
    if (done && vector_hex(record, "sha256", want, sizeof(want)) && !memcmp(want, got, sizeof(got)))
        return true;
    tally_fail(&run->tally, "%s: the change gives other bytes than the vector's", where);
    return false;
}

/* Trust from the running app; an unsigned one gives none, and then nothing is accepted. */
static bool trust_running(struct run *run, const char *where, const char *name,
                          struct ferry_trust *trust)
{
    static struct ferry_signature_work work;
    const struct ferry_flash flash = flash_of(run);
    const struct ferry_region part = {&flash, PART_OFF, PART_MOST};
    struct ferry_image img;
    size_t n = 0;
    const uint8_t *bytes = vector_set_file(run->set, name, &n);
    *trust = (struct ferry_trust){.first_block_only = true};
    if (!bytes || n > PART_MOST) {
        tally_fail(&run->tally, "%s: the running app %s is not among the inputs", where, name);
        return false;
    }
    put_in_flash(run, bytes, n);
    ferry_err err = walk(run, PART_MOST, &img);
    if (!err)
        err = ferry_signature_trust_running(&part, img.image_bytes, &work, trust);
    if (!err || err == FERRY_ERR_SIGNATURE_NONE)
        return true;
    tally_fail(&run->tally, "%s: the running app gives no trust: %s", where, ferry_strerror(err));
    return false;
}

static bool trust_of(struct run *run, const char *where, const cJSON *record,
                     struct ferry_trust *trust)
{
    const char *mode = vector_text(record, "mode");
    if (mode && !strcmp(mode, "nosb"))
        return trust_running(run, where, vector_text(record, "running"), trust);
    *trust = (struct ferry_trust){.p384 = true};
    const cJSON *digest;
    cJSON_ArrayForEach(digest, cJSON_GetObjectItemCaseSensitive(record, "trusted"))
    {
        size_t n = 0;
        uint8_t *bytes = vector_unhex(cJSON_IsString(digest) ? digest->valuestring : "", &n);
        const bool ok = bytes && n == FERRY_SHA256_BYTES && trust->n_keys < FERRY_SIGNATURE_BLOCKS;
        if (ok)
            memcpy(trust->key_digests[trust->n_keys++], bytes, n);
        free(bytes);
        if (!ok) {
            tally_fail(&run->tally, "%s: the trusted keys are not three digests", where);
            return false;
        }
    }
    return true;
}

/* Where espsecure answers another question than the chip. It tries the key it is given on every
 * block, whatever key the block names, which a chip looks for in its eFuses; it compares the digest
 * in the block, which a chip does not look at; and it dies of a byte that a chip ignores. */
static bool espsecure_differs(const char *name, const char *scheme)
{
    static const char *const names[] = {
        "key_crcfixed",     "exponent_crcfixed",      "rinv_crcfixed",  "mprime_crcfixed",
        "version_crcfixed", "version_other_crcfixed", "digest_crcfixed"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(name, names[i]))
            return true;
    return !strcmp(name, "reserved_crcfixed") && !strncmp(scheme, "ecdsa", 5);
}

static void check_espsecure(struct run *run, const char *where, const cJSON *record)
{
    char key[64];
    struct ferry_trust trust = {.n_keys = 1, .p384 = true};
    uint32_t length;
    const char *scheme = vector_text(record, "scheme");
    const double rc = vector_number(record, "espsecure_key0_rc", -1);
    snprintf(key, sizeof(key), "%s_0", scheme);
    if (!vector_hex(run->key_digests, key, trust.key_digests[0], FERRY_SHA256_BYTES)) {
        tally_fail(&run->tally, "%s: the digest of %s is not in the first line", where, key);
        return;
    }
    const bool otherwise = espsecure_differs(vector_text(record, "name"), scheme);
    const bool taken = verify(run, PART_MOST, &trust, &length) == 0;
    run->n_otherwise += otherwise;
    if (taken == ((rc == 0) != otherwise))
        tally_pass(&run->tally);
    else
        tally_fail(&run->tally, "%s: %s by %s, espsecure's exit code is %.0f", where,
                   taken ? "taken" : "refused", key, rc);
}

static void each_verdict(void *ctx, const char *file, const cJSON *record)
{
    struct run *run = ctx;
    char where[WHERE_BYTES];
    struct ferry_trust trust;
    uint32_t length;
    const cJSON *digests = cJSON_GetObjectItemCaseSensitive(record, "key_digests");
    if (digests) {
        cJSON_Delete(run->key_digests);
        run->key_digests = cJSON_Duplicate(digests, 1);
        return;
    }
    snprintf(where, sizeof(where), "%s: %s %s %s", file, vector_text(record, "image"),
             vector_text(record, "name"), vector_text(record, "mode"));
    const double part_bytes = vector_number(record, "part_size", 0);
    if (part_bytes > PART_MOST || !trust_of(run, where, record, &trust) ||
        !take_file(run, where, vector_text(record, "image")) || !mutate(run, where, record))
        return;
    put_in_flash(run, run->file, run->n_file);
    const int32_t got = verify(run, (uint32_t)part_bytes, &trust, &length);
    const double want = vector_number(record, "idf_err", 1);
    const double want_length = vector_number(record, "idf_image_len", 1);
    if (got == want && length == want_length)
        tally_pass(&run->tally);
    else
        tally_fail(&run->tally, "%s: %d and %u bytes, Espressif's are %.0f and %.0f", where,
                   (int)got, (unsigned)length, want, want_length);
    check_espsecure(run, where, record);
}

int main(int argc, char **argv)
{
    static struct run run;
    run.set = vector_set_open(argc - 1, argv + 1);
    if (!run.set)
        return 1;
    const long n_signed = vector_set_records(run.set, "E_signed", each_signed, &run);
    const long n_verdicts = vector_set_records(run.set, "E_sbv2_verify", each_verdict, &run);
    if (n_signed == 0 && n_verdicts == 0)
        fprintf(stderr, "no records of E_signed or E_sbv2_verify among the inputs\n");
    vector_set_close(run.set);
    cJSON_Delete(run.key_digests);
    if (run.n_otherwise)
        printf("espsecure decides otherwise than the chip %ld times; the chip's verdict counts\n",
               run.n_otherwise);
    const int rc = tally_end(&run.tally);
    return n_signed >= 0 && n_verdicts >= 0 && n_signed + n_verdicts > 0 ? rc : 1;
}
