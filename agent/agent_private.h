/* agent/agent_private.h - what the parts of the agent share: agent.c has the machine, agent_start.c
 * what a start finds out, agent_update.c how a release comes in, agent_self.c how the updater
 * itself is replaced, agent_report.c what is told. */
#ifndef FERRY_AGENT_PRIVATE_H
#define FERRY_AGENT_PRIVATE_H

#include "agent/agent.h"

#define FERRY__FAIL_S  300u // between two questions after one that failed
#define FERRY__LATER_S 600u // ... after an answer that came at the wrong time

void ferry__agent_tell(struct ferry_agent *a, enum ferry_agent_news news);

/** Notes why a step failed, and tells. Returns err. */
ferry_err ferry__agent_failed(struct ferry_agent *a, const struct ferry_fault *fault,
                              const char *detail);

/** Keeps an event for the next report: a state of the wire protocol and why. The reason ends up in
 * the store, so that it outlives a restart. */
void ferry__agent_event(struct ferry_agent *a, const char *state, const char *reason);

/** Sets when the server is asked again. */
void ferry__agent_asked(struct ferry_agent *a, uint32_t poll_s);

/** From now on the client and the downloads give up after this time. */
void ferry__agent_limit(struct ferry_agent *a, uint32_t ms);

uint32_t ferry__or(uint32_t value, uint32_t otherwise);

/** Reads what is kept, finishes what was interrupted, and judges the application's run. */
void ferry__agent_start(struct ferry_agent *a);

/** True if the application may be started without asking anybody. */
bool ferry__agent_is_quick(const struct ferry_agent *a);

/** Whether the bootloader rolls back: *restart asks for one to find out. */
void ferry__agent_probe(struct ferry_agent *a, bool *restart);

/** The release in a slot is the installed one from now on. Errors of the store. */
FERRY_MUST_CHECK ferry_err ferry__agent_install(struct ferry_agent *a);

/** Gives the installed release up for the last good one, if that is kept in a slot or known. */
void ferry__agent_go_back(struct ferry_agent *a);

/** It was given up: to be reported. */
void ferry__agent_went_back(struct ferry_agent *a);

/** Fetches a->coming, offered or wanted back. */
void ferry__agent_update(struct ferry_agent *a);

/** Fetches a release into its slot and arms it, and tells what failed. replaced: as in
 * ferry_update_config. *is_own_fault: it failed for a reason that another try would find again. */
FERRY_MUST_CHECK ferry_err ferry__agent_fetch(struct ferry_agent *a, const struct ferry_release *r,
                                              uint32_t flags, const uint8_t *replaced,
                                              bool *is_own_fault);

/** SHA-256 of the first n_bytes of a slot. Flash errors. */
FERRY_MUST_CHECK ferry_err ferry__agent_hash(struct ferry_device *d, int slot, uint32_t n_bytes,
                                             uint8_t sha256[FERRY_SHA256_BYTES]);

/** Sets a->is_trial: this updater runs for the first time, and the one before stands behind it. And
 * a->home, where it has to go before it starts an application; FERRY_SLOT_NONE: it is there. */
void ferry__agent_begin_trial(struct ferry_agent *a);

/** The server has answered: the new updater stays. */
void ferry__agent_end_trial(struct ferry_agent *a);

/** Asks for a newer updater and fetches it into a slot; true: restart into it. */
bool ferry__agent_replace_self(struct ferry_agent *a);

/** Copies this updater, which is confirmed, to a->home; true: restart into it. */
bool ferry__agent_go_home(struct ferry_agent *a);

/** Judges what the server offers: true if it is to be fetched. */
bool ferry__agent_wants(struct ferry_agent *a, const struct ferry_release *offer);

/** Sends what is to be told; true if it may be called again at once. */
bool ferry__agent_report(struct ferry_agent *a);

#endif
