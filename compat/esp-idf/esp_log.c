/* compat/esp-idf/esp_log.c - log lines on stderr, with a level per tag. */
#include "esp_log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MOST_TAGS 32
#define TAG_BYTES 32

static struct {
    char tag[TAG_BYTES];
    esp_log_level_t level;
} levels[MOST_TAGS];
static size_t n_levels;
static esp_log_level_t level_of_others = ESP_LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t find_tag(const char *tag)
{
    size_t i = 0;
    while (i < n_levels && strncmp(levels[i].tag, tag, TAG_BYTES - 1) != 0)
        i++;
    return i;
}

void esp_log_level_set(const char *tag, esp_log_level_t level)
{
    pthread_mutex_lock(&lock);
    if (!strcmp(tag, "*")) {
        level_of_others = level;
        n_levels = 0;
    } else {
        const size_t i = find_tag(tag);
        if (i == n_levels && n_levels < MOST_TAGS) {
            snprintf(levels[i].tag, TAG_BYTES, "%s", tag);
            n_levels++;
        }
        if (i < n_levels)
            levels[i].level = level;
    }
    pthread_mutex_unlock(&lock);
}

esp_log_level_t esp_log_level_get(const char *tag)
{
    pthread_mutex_lock(&lock);
    const size_t i = find_tag(tag);
    const esp_log_level_t level = i < n_levels ? levels[i].level : level_of_others;
    pthread_mutex_unlock(&lock);
    return level;
}

uint32_t esp_log_timestamp(void)
{
    static struct timespec start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!start.tv_sec && !start.tv_nsec)
        start = now;
    return (uint32_t)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
}

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
{
    static const char letters[] = "-EWIDV";
    if (level == ESP_LOG_NONE || level > esp_log_level_get(tag))
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    // One call a line, so that lines of two tasks do not mix.
    fprintf(stderr, "%c (%u) %s: %s\n", letters[level], esp_log_timestamp(), tag, line);
}

void ferry_compat_log_hex(const char *tag, const void *bytes, size_t n, esp_log_level_t level)
{
    const uint8_t *p = bytes;
    for (size_t at = 0; at < n; at += 16) {
        char line[3 * 16 + 1] = "";
        for (size_t i = 0; i < 16 && at + i < n; i++)
            snprintf(line + 3 * i, 4, "%02x ", p[at + i]);
        esp_log_write(level, tag, "%s", line);
    }
}
