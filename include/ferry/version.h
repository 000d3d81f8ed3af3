/* ferry/version.h - which of two version strings is newer, when that can be said at all.
 * Used by the update session for the downgrade and minimum checks, and by the agent. */
#ifndef FERRY_VERSION_H
#define FERRY_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif

enum ferry_order {
    FERRY_ORDER_OLDER = -1,
    FERRY_ORDER_SAME = 0,
    FERRY_ORDER_NEWER = 1,
    FERRY_ORDER_UNKNOWN = 2, // different, and nothing more can be said
};

/** How a stands to b. Dotted numbers compare part by part, an optional leading v is passed over, a
 * missing part is 0, a pre-release ("1.2.0-rc1") comes before its release, build data after a plus
 * sign is ignored. Where only the numbers agree and a tail is none of these ("v1.2-5-gabc123",
 * "1.2-dirty"), or a string is no dotted number at all, strings are only the same or UNKNOWN. */
enum ferry_order ferry_version_compare(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
