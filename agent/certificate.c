/* agent/certificate.c - walks a certificate's DER as far as its two names. */
#include "agent/certificate.h"

#include <string.h>

#define SEQUENCE 0x30u
#define INTEGER  0x02u
#define VERSION  0xa0u

struct der {
    const uint8_t *at;
    size_t n; // bytes left
};

/* Takes one element with this tag: its contents into *inner. False: something else is there. */
static bool take(struct der *d, uint8_t tag, struct der *inner)
{
    size_t head = 2;
    if (d->n < 2 || d->at[0] != tag)
        return false;
    size_t length = d->at[1];
    if (length & 0x80) {
        const size_t n_digits = length & 0x7f;
        if (!n_digits || n_digits > 2 || d->n < 2 + n_digits)
            return false;
        length = d->at[2];
        if (n_digits == 2)
            length = length << 8 | d->at[3];
        head += n_digits;
    }
    if (length > d->n - head)
        return false;
    *inner = (struct der){d->at + head, length};
    d->at += head + length;
    d->n -= head + length;
    return true;
}

bool ferry_certificate_is_root(const uint8_t *der, size_t n)
{
    struct der d = {der, n}, certificate, tbs, skipped, issuer, subject;
    if (!take(&d, SEQUENCE, &certificate) || !take(&certificate, SEQUENCE, &tbs))
        return false;
    (void)take(&tbs, VERSION, &skipped); // left out in version 1
    return take(&tbs, INTEGER, &skipped) && take(&tbs, SEQUENCE, &skipped) &&
           take(&tbs, SEQUENCE, &issuer) && take(&tbs, SEQUENCE, &skipped) &&
           take(&tbs, SEQUENCE, &subject) && issuer.n == subject.n && issuer.n > 0 &&
           memcmp(issuer.at, subject.at, issuer.n) == 0;
}
