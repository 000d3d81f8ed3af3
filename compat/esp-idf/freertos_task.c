/* compat/esp-idf/freertos_task.c - FreeRTOS tasks as threads. As on a chip, a program is not at its
 * end when app_main returns: its tasks go on, and main waits for them. */
#include "compat_private.h"
#include "freertos/task.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct ferry_compat_task {
    struct ferry_compat_task *next;
    pthread_t thread;
    TaskFunction_t function;
    void *parameters;
    bool has_ended;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_ended = PTHREAD_COND_INITIALIZER;
static struct ferry_compat_task *tasks;

static void ended(void *arg)
{
    struct ferry_compat_task *task = arg;
    pthread_mutex_lock(&lock);
    task->has_ended = true;
    pthread_cond_broadcast(&one_ended);
    pthread_mutex_unlock(&lock);
}

static void *run(void *arg)
{
    struct ferry_compat_task *task = arg;
    pthread_cleanup_push(ended, task); // also for vTaskDelete
    task->function(task->parameters);
    pthread_cleanup_pop(1);
    return NULL;
}

/* Takes what has ended out of the list; with the lock. Joined, because what libraries keep for a
 * thread goes only after its last line. */
static void reap(void)
{
    for (struct ferry_compat_task **at = &tasks; *at;) {
        struct ferry_compat_task *task = *at;
        if (!task->has_ended) {
            at = &task->next;
            continue;
        }
        *at = task->next;
        pthread_join(task->thread, NULL);
        free(task);
    }
}

void ferry_compat_wait_for_tasks(void)
{
    pthread_mutex_lock(&lock);
    for (reap(); tasks; reap())
        pthread_cond_wait(&one_ended, &lock);
    pthread_mutex_unlock(&lock);
}

BaseType_t xTaskCreate(TaskFunction_t function, const char *name, uint32_t stack_bytes,
                       void *parameters, UBaseType_t priority, TaskHandle_t *out_handle)
{
    (void)name, (void)stack_bytes, (void)priority;
    struct ferry_compat_task *task = calloc(1, sizeof(*task));
    if (!task)
        return pdFAIL;
    task->function = function;
    task->parameters = parameters;
    if (out_handle)
        *out_handle = task;
    pthread_mutex_lock(&lock);
    reap();
    const bool is_started = pthread_create(&task->thread, NULL, run, task) == 0;
    if (is_started) {
        task->next = tasks;
        tasks = task;
    }
    pthread_mutex_unlock(&lock);
    if (!is_started)
        free(task);
    return is_started ? pdPASS : pdFAIL;
}

BaseType_t xTaskCreatePinnedToCore(TaskFunction_t function, const char *name, uint32_t stack_bytes,
                                   void *parameters, UBaseType_t priority, TaskHandle_t *out_handle,
                                   BaseType_t core)
{
    (void)core;
    return xTaskCreate(function, name, stack_bytes, parameters, priority, out_handle);
}

void vTaskDelete(TaskHandle_t task)
{
    if (task) {
        fprintf(stderr, "vTaskDelete: a task cannot be ended from outside here\n");
        abort();
    }
    pthread_exit(NULL);
}

void vTaskDelay(TickType_t ticks)
{
    struct timespec pause = {ticks / configTICK_RATE_HZ, (long)(ticks % configTICK_RATE_HZ) *
                                                             (1000000000L / configTICK_RATE_HZ)};
    while (nanosleep(&pause, &pause))
        continue;
}

TickType_t xTaskGetTickCount(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (TickType_t)((uint64_t)now.tv_sec * configTICK_RATE_HZ +
                        (uint64_t)now.tv_nsec / (1000000000u / configTICK_RATE_HZ));
}
