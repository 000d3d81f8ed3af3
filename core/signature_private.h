/* core/signature_private.h - one signature block in memory, checked: for images, whose blocks lie
 * in a sector behind them, and for reflash plans, whose one block lies in the journal. */
#ifndef FERRY_CORE_SIGNATURE_PRIVATE_H
#define FERRY_CORE_SIGNATURE_PRIVATE_H

#include "ferry/signature.h"

/** Is the block whole, its key trusted, its signature that of these digests? If not, *why says how
 * far it came: FERRY_ERR_SIGNATURE_NONE, _KEY or _BAD. trust names at most three keys. */
ferry_verdict ferry__signature_check_block(const uint8_t bytes[FERRY_SIGNATURE_BLOCK_BYTES],
                                           const struct ferry_signed_digests *digests,
                                           const struct ferry_trust *trust, ferry_err *why);

#endif
