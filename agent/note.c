/* agent/note.c - notes: checkpoint and validator. */
#include "agent/note.h"

#include <string.h>

#include "ferry/crypto.h"

#define NOTE_VALIDATOR FERRY_CHECKPOINT_BYTES

const uint8_t *ferry_note_digest(const struct ferry_source *s, const char *validator,
                                 uint8_t out[FERRY_CHECKPOINT_VALIDATOR])
{
    struct ferry_sha256 h;
    if (!*validator || !s->address)
        return NULL;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, s->address, strlen(s->address) + 1);
    ferry_sha256_update(&h, validator, strlen(validator));
    ferry_sha256_finish(&h, out);
    return out;
}

void ferry_note_seal(uint8_t note[FERRY_NOTE_BYTES], const char *validator)
{
    const size_t n = strlen(validator);
    memset(note + NOTE_VALIDATOR, 0, FERRY_SOURCE_VALIDATOR_BYTES);
    for (size_t i = 0; i < n; i++)
        note[NOTE_VALIDATOR + i] = (uint8_t)validator[i];
}

ferry_err ferry_note_read(const uint8_t note[FERRY_NOTE_BYTES], const struct ferry_source *s,
                          bool has_sha256, struct ferry_checkpoint *out,
                          char validator[FERRY_SOURCE_VALIDATOR_BYTES])
{
    const char *text = (const char *)note + NOTE_VALIDATOR;
    uint8_t digest[FERRY_CHECKPOINT_VALIDATOR];
    validator[0] = '\0';
    if (ferry_checkpoint_read(note, FERRY_CHECKPOINT_BYTES, out) ||
        !memchr(text, '\0', FERRY_SOURCE_VALIDATOR_BYTES))
        return FERRY_ERR_CHECKPOINT;
    if (s->is_local || !ferry_note_digest(s, text, digest))
        return FERRY_OK;
    if (memcmp(digest, out->validator, sizeof(digest)) == 0)
        memcpy(validator, text, strlen(text) + 1);
    else if (!has_sha256)
        return FERRY_ERR_CHECKPOINT;
    return FERRY_OK;
}
