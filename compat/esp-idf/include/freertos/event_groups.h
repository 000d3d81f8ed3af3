/* freertos/event_groups.h - included by habit in programs that use no group of events; there are
 * none here (docs/compat.md, "What does not run"). */
#ifndef FREERTOS_EVENT_GROUPS_H
#define FREERTOS_EVENT_GROUPS_H

#include "freertos/FreeRTOS.h"

#endif
