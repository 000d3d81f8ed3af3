/* server/ca.h - the authority: the keys and certificates of DIR/ca, opened.
 * It says whose a client's certificate is and signs new ones; which rows it needs are the stores'
 * business. Files are read by ca.c, made by ca_make.h and exchanged by ca_rollover.h. What a
 * certificate holds and why: docs/design/server.md "The authority". */
#ifndef SERVER_CA_H
#define SERVER_CA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

struct csr;

#define CA_WHY_BYTES    256u // a sentence without full stop
#define CA_HEX_BYTES    65u  // a SHA-256 in lower-case hex, with NUL
#define CA_SERIAL_BYTES 16u
#define CA_NAME_BYTES   65u // a common name with NUL: X.520 allows 64

/** What a certificate of DIR/ca is for. */
enum ca_role {
    CA_ROOT,    // signs itself; devices pin one
    CA_ISSUING, // signs devices and the server
    CA_CROSS    // a root's key signed by another root: RFC 4210's OldWithNew and NewWithOld
};

/** One certificate of the authority. */
struct ca_entry {
    enum ca_role role;
    bool is_current; // the root that join strings pin, the issuing CA that signs
    char name[CA_NAME_BYTES];
    char issuer[CA_NAME_BYTES];
    char sha256[CA_HEX_BYTES]; // of its DER
    int64_t not_before, not_after;
};

/** Opened from DIR/ca; many threads may use one. */
struct ca;

/** Opens the authority of the state folder dir_fd. NULL: why says what is missing or wrong, also a
 * key that is not its certificate's.
 */
struct ca *ca_open(int dir_fd, char why[CA_WHY_BYTES]);

/** Reads the files again, for a reload. False: why, and all is as it was. */
bool ca_reload(struct ca *ca, char why[CA_WHY_BYTES]);

/** NULL is fine. */
void ca_close(struct ca *ca);

/** The i-th certificate: the current root and issuing CA first. False: there are no more. */
bool ca_at(struct ca *ca, unsigned i, struct ca_entry *out);

/** The roots, the current one first, as PEM: all that a small device has to trust, and little
 * enough for it to keep. What stands between a root and the server is in the server's TLS chain. */
void ca_roots_pem(struct ca *ca, struct ferry_strbuf *out);

/** All certificates that a client may need to come from its root to ours, as certs-only PKCS#7 in
 * DER: current and former issuing CAs and roots, cross certificates. */
bool ca_chain_pkcs7(struct ca *ca, struct ferry_strbuf *out);

/** The issuing CAs, former ones too, as PEM: what TLS asks clients for. */
void ca_clients_pem(struct ca *ca, struct ferry_strbuf *out);

/** What became of a client's certificate. Only CA_GENUINE is a yes. */
enum ca_verdict {
    CA_UNREADABLE = 0,
    CA_FOREIGN,       // none of our issuing CAs signed it
    CA_WRONG_PURPOSE, // ours, but no client's: a CA's, or the server's own
    CA_GENUINE = 0x5eaf00d
};

/** Judges a client's certificate in DER, but for its time. Its issuer must be one of our issuing
 * CAs and its purpose clientAuth alone. sha256: of the DER; its row (store_certificate.h) says
 * whose it is and from when to when it is good. About 0.2 ms. */
enum ca_verdict ca_verify_client(struct ca *ca, const uint8_t *der, size_t n,
                                 char sha256[CA_HEX_BYTES]);

/** Whether an issuing CA, also a former one, has this SHA-256. */
bool ca_is_issuing(struct ca *ca, const char *sha256);

/** What a device's certificate is to say. */
struct ca_wish {
    const char *device;    // its subject and name: at most 64 bytes, id_is_fine
    const struct csr *csr; // gives the key, and nothing else
    int64_t now, valid_s;  // good from a day before now; never longer than the issuing CA
};

/** A certificate made and not yet given to anybody: first it is recorded. */
struct ca_leaf {
    char serial[2 * CA_SERIAL_BYTES + 1]; // hex
    char sha256[CA_HEX_BYTES];
    char issuer_sha256[CA_HEX_BYTES];
    int64_t not_before, not_after;
    struct ferry_strbuf pem; // the leaf's; freed by the caller
};

/** Signs. False: why; *out holds nothing to free. */
bool ca_issue(struct ca *ca, const struct ca_wish *wish, struct ca_leaf *out,
              char why[CA_WHY_BYTES]);

/** The SHA-256 of the current issuing CA: certificates of another one are due for renewal. */
void ca_issuing_sha256(struct ca *ca, char out[CA_HEX_BYTES]);

/** Adds to a leaf's PEM what comes after it on the way to a root: its issuing CA's, found by
 * SHA-256. False: we do not know that one any more. */
bool ca_add_issuer_pem(struct ca *ca, const char *issuer_sha256, struct ferry_strbuf *out);

#endif
