/* compat/esp-idf/freertos_task.c - FreeRTOS tasks as threads. As on a chip, a program is not at its
 * end when app_main returns: its tasks go on, and main waits for them. */
#include "compat_private.h"
#include "freertos/task.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct ferry_compat_task {
    TaskFunction_t function;
    void *parameters;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_ended = PTHREAD_COND_INITIALIZER;
static unsigned n_tasks;

static void count(int change)
{
    pthread_mutex_lock(&lock);
    n_tasks += (unsigned)change;
    pthread_cond_broadcast(&one_ended);
    pthread_mutex_unlock(&lock);
}

static void ended(void *unused)
{
    (void)unused;
    count(-1);
}

static void *run(void *arg)
{
    const struct ferry_compat_task task = *(struct ferry_compat_task *)arg;
    free(arg);
    pthread_cleanup_push(ended, NULL); // also for vTaskDelete
    task.function(task.parameters);
    pthread_cleanup_pop(1);
    return NULL;
}

void ferry_compat_wait_for_tasks(void)
{
    pthread_mutex_lock(&lock);
    while (n_tasks)
        pthread_cond_wait(&one_ended, &lock);
    pthread_mutex_unlock(&lock);
}

BaseType_t xTaskCreate(TaskFunction_t function, const char *name, uint32_t stack_bytes,
                       void *parameters, UBaseType_t priority, TaskHandle_t *out_handle)
{
    (void)name, (void)stack_bytes, (void)priority;
    struct ferry_compat_task *task = malloc(sizeof(*task));
    pthread_t thread;
    if (!task)
        return pdFAIL;
    *task = (struct ferry_compat_task){function, parameters};
    if (out_handle)
        *out_handle = task;
    count(1);
    if (pthread_create(&thread, NULL, run, task)) {
        count(-1);
        free(task);
        return pdFAIL;
    }
    pthread_detach(thread);
    return pdPASS;
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
