/* firmware/bare/bare_trust.h - whom this program trusts, decided where it is linked: with
 * bare_trust_none.c nobody is asked, and an image's own SHA-256 decides; with bare_trust_keys.c an
 * image must be signed by a key whose digest is compiled in. */
#ifndef BARE_TRUST_H
#define BARE_TRUST_H

#include "ferry/device.h"
#include "ferry/journal.h"

/** What every update must pass, for ferry_policy.gate; NULL: nothing more. */
struct ferry_gate *bare_trust_gate(void);

/** What every reflash plan must pass, for ferry_reflash_config.gate; NULL: nothing more. */
struct ferry_plan_gate *bare_trust_plan_gate(void);

/** What every image must pass to boot, for ferry_policy.boot_check; NULL: nothing more. */
struct ferry_boot_check *bare_trust_boot_check(void);

#endif
