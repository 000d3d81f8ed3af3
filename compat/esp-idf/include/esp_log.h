/* esp_log.h - log lines as Espressif's programs write them, on stderr. */
#ifndef ESP_LOG_H
#define ESP_LOG_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ESP_LOG_NONE,
    ESP_LOG_ERROR,
    ESP_LOG_WARN,
    ESP_LOG_INFO,
    ESP_LOG_DEBUG,
    ESP_LOG_VERBOSE,
} esp_log_level_t;

/** The most that a tag may log; the tag "*" stands for all others. Info at the start. At most 32
 * tags are told apart; a further one changes nothing. */
void esp_log_level_set(const char *tag, esp_log_level_t level);
esp_log_level_t esp_log_level_get(const char *tag);

/** Milliseconds since the program began. */
uint32_t esp_log_timestamp(void);

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ferry_compat_log_hex(const char *tag, const void *bytes, size_t n, esp_log_level_t level);

#define ESP_LOGE(tag, ...)                         esp_log_write(ESP_LOG_ERROR, tag, __VA_ARGS__)
#define ESP_LOGW(tag, ...)                         esp_log_write(ESP_LOG_WARN, tag, __VA_ARGS__)
#define ESP_LOGI(tag, ...)                         esp_log_write(ESP_LOG_INFO, tag, __VA_ARGS__)
#define ESP_LOGD(tag, ...)                         esp_log_write(ESP_LOG_DEBUG, tag, __VA_ARGS__)
#define ESP_LOGV(tag, ...)                         esp_log_write(ESP_LOG_VERBOSE, tag, __VA_ARGS__)
#define ESP_LOG_BUFFER_HEX(tag, bytes, n)          ferry_compat_log_hex(tag, bytes, n, ESP_LOG_INFO)
#define ESP_LOG_BUFFER_HEX_LEVEL(tag, bytes, n, l) ferry_compat_log_hex(tag, bytes, n, l)

#ifdef __cplusplus
}
#endif
#endif
