/* tests/fuzz/replay_main.c - runs a fuzz target over files and folders of inputs.
 * Each input is copied into a heap block of exactly its size, so that the address sanitizer sees an
 * overread of one byte. */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

static long n_inputs;

static void die(const char *path)
{
    perror(path);
    exit(1);
}

static void replay_file(const char *path, size_t n_bytes)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(n_bytes ? n_bytes : 1);
    if (!f || !bytes || fread(bytes, 1, n_bytes, f) != n_bytes)
        die(path);
    fclose(f);
    LLVMFuzzerTestOneInput(bytes, n_bytes);
    free(bytes);
    n_inputs++;
}

static void replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        die(path);
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path, (size_t)st.st_size);
        return;
    }
    DIR *folder = opendir(path);
    if (!folder)
        die(path);
    struct dirent *entry;
    while ((entry = readdir(folder))) {
        char inner[4096];
        const int n = snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && n > 0 && (size_t)n < sizeof(inner) &&
            stat(inner, &st) == 0 && S_ISREG(st.st_mode))
            replay_file(inner, (size_t)st.st_size);
    }
    closedir(folder);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (n_inputs == 0) {
        fprintf(stderr, "usage: %s INPUT...; a folder must not be empty\n", argv[0]);
        return 1;
    }
    printf("%ld inputs passed\n", n_inputs);
    return 0;
}
