/* agent/retry.c - when it is worth to ask again, and after what pause. */
#include "agent/retry.h"

static bool is_passing_status(uint32_t status)
{
    // 408 Request Timeout, 425 Too Early, 429 Too Many Requests
    return status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599);
}

bool ferry_retry_is_worth(const struct ferry_fault *fault)
{
    switch (fault->err) {
    case FERRY_ERR_NET_CONNECT:
    case FERRY_ERR_NET_TIMEOUT:
    case FERRY_ERR_NET_CLOSED:
        return true;
    case FERRY_ERR_NET_STATUS:
        return is_passing_status(fault->value);
    default:
        return false;
    }
}

uint32_t ferry_retry_pause_ms(const struct ferry_retry *r, uint32_t n, uint32_t retry_after_s)
{
    if (retry_after_s)
        return 1000 * (retry_after_s < FERRY_RETRY_AFTER_MOST_S ? retry_after_s
                                                                : FERRY_RETRY_AFTER_MOST_S);
    uint32_t most = FERRY_RETRY_FIRST_MS;
    for (uint32_t i = 1; i < n && most < FERRY_RETRY_MOST_MS; i++)
        most *= 2;
    if (most > FERRY_RETRY_MOST_MS)
        most = FERRY_RETRY_MOST_MS;
    return r->random ? (uint32_t)((uint64_t)r->random(r->ctx) * (most + 1) >> 32) : most;
}
