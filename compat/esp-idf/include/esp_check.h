/* esp_check.h - checks that log what failed and leave the function, or go to its end. */
#ifndef ESP_CHECK_H
#define ESP_CHECK_H

#include "esp_err.h"
#include "esp_log.h"

/** Returns what x is unless that is ESP_OK. */
#define ESP_RETURN_ON_ERROR(x, tag, ...)                                                           \
    do {                                                                                           \
        const esp_err_t ferry_err_rc_ = (x);                                                       \
        if (ferry_err_rc_ != ESP_OK) {                                                             \
            ESP_LOGE(tag, __VA_ARGS__);                                                            \
            return ferry_err_rc_;                                                                  \
        }                                                                                          \
    } while (0)

/** Returns err unless a holds. */
#define ESP_RETURN_ON_FALSE(a, err, tag, ...)                                                      \
    do {                                                                                           \
        if (!(a)) {                                                                                \
            ESP_LOGE(tag, __VA_ARGS__);                                                            \
            return err;                                                                            \
        }                                                                                          \
    } while (0)

/** Sets the function's own `ret` to what x is, and goes to label unless that is ESP_OK. */
#define ESP_GOTO_ON_ERROR(x, label, tag, ...)                                                      \
    do {                                                                                           \
        ret = (x);                                                                                 \
        if (ret != ESP_OK) {                                                                       \
            ESP_LOGE(tag, __VA_ARGS__);                                                            \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)

/** Sets `ret` to err and goes to label unless a holds. */
#define ESP_GOTO_ON_FALSE(a, err, label, tag, ...)                                                 \
    do {                                                                                           \
        if (!(a)) {                                                                                \
            ESP_LOGE(tag, __VA_ARGS__);                                                            \
            ret = (err);                                                                           \
            goto label;                                                                            \
        }                                                                                          \
    } while (0)

#endif
