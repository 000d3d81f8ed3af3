/* server/audit.h - the audit log: who did what to what, in the database, each entry chained to the
 * one before by its hash, so that a changed, inserted or missing entry is found.
 * An entry is written in the transaction of what it tells, so neither is there without the other.
 * The chain has no secret: who may write the whole database can also write a new chain. Against
 * that, an operator keeps a tip (number and hash) elsewhere: `ferryd audit verify --known`. */
#ifndef SERVER_AUDIT_H
#define SERVER_AUDIT_H

#include "db.h"

#define AUDIT_HASH_BYTES 32u

/** Adds an entry, to be called inside db_transaction. actor: "operator", "device ID", "command
 * line"; action: a verb and a noun, "revoke certificate"; subject: what it was done to; detail: the
 * rest, no secrets; NULL is "". Texts must be UTF-8. */
enum db_result audit_add(struct db *db, const char *actor, const char *action, const char *subject,
                         const char *detail);

/** One entry. Texts live until the visitor returns. */
struct audit_entry {
    int64_t seq; // from 1, without a gap
    int64_t at;  // Unix seconds
    const char *actor, *action, *subject, *detail;
    uint8_t hash[AUDIT_HASH_BYTES];
};

/** The hash of an entry whose predecessor has the hash before (32 zero bytes: there is none):
 * SHA-256 of before, seq and at as 8 bytes, then each text's length as 4 bytes and the text; all
 * numbers big-endian. */
void audit_hash(const struct audit_entry *e, const uint8_t before[AUDIT_HASH_BYTES],
                uint8_t out[AUDIT_HASH_BYTES]);

/** Visits the newest `most` entries, oldest of them first. */
enum db_result audit_show(struct db *db, int64_t most,
                          void (*visit)(const struct audit_entry *e, void *ctx), void *ctx);

/** What a walk along the chain found. */
struct audit_report {
    int64_t n_entries; // that are good, from the first on
    uint8_t tip[AUDIT_HASH_BYTES];
    bool is_good;
    char why[160]; // else: which entry, and what is wrong with it
};

/** Walks the whole chain in one consistent view. known_seq 0: no tip kept elsewhere is asked for;
 * else that entry must have the hash known. */
enum db_result audit_verify(struct db *db, int64_t known_seq, const uint8_t *known,
                            struct audit_report *out);

#endif
