/* host/doctor_private.h - what the parts of the examination share. */
#ifndef FERRY_DOCTOR_PRIVATE_H
#define FERRY_DOCTOR_PRIVATE_H

#include "doctor.h"

/** Adds a finding and returns it for its facts; never NULL. */
struct ferry_finding *ferry_doctor_add(struct ferry_doctor *doc, enum ferry_finding_id id,
                                       uint32_t at_bytes);

/** The table has an app partition, be it one that the bootloader never comes to. */
bool ferry_doctor_has_app_row(const struct ferry_doctor *doc);

void ferry_doctor_bootloader(struct ferry_doctor *doc);
void ferry_doctor_table(struct ferry_doctor *doc);
void ferry_doctor_boot(struct ferry_doctor *doc);
void ferry_doctor_slots(struct ferry_doctor *doc);
void ferry_doctor_entries(struct ferry_doctor *doc);
void ferry_doctor_nvs(struct ferry_doctor *doc);
void ferry_doctor_app(struct ferry_doctor *doc);

#endif
