/* blind.c - the fuzzer that looks at nothing and so is fast: it changes seeds of a folder, time and again.
 *
 *   blind SECONDS FIRST-NUMBER FAILED FOLDER...   the first failure ends it and leaves its input in FAILED
 *   blind FILE                                    runs one input
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "mutate.h"
#include "seed.h"
#include "target.h"

#define SEEDS_MAX 4096

static struct {
    uint8_t *bytes;
    size_t size;
} seeds[SEEDS_MAX];
static uint32_t seed_count;
static uint8_t input[SEED_MAX];
static size_t input_size;
static uint64_t number;
static const char *failed = ".";

static void
keep_input(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/blind-%llu", failed, (unsigned long long)number);
    FILE *file = fopen(path, "wb");
    if (file) {
        fwrite(input, 1, input_size, file);
        fclose(file);
    }
    fprintf(stderr, "the input is in %s\n", path);
}

static void
on_signal(int signal_number)
{
    fprintf(stderr, "signal %d\n", signal_number);
    keep_input();
    _exit(1);
}

void
target_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this doesn't hold: %s\n", file, line, what);
    keep_input();
    _exit(1);
}

static void
add_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || seed_count == SEEDS_MAX)
        return;
    seeds[seed_count].bytes = malloc(SEED_MAX);
    seeds[seed_count].size = fread(seeds[seed_count].bytes, 1, SEED_MAX, file);
    seed_count++;
    fclose(file);
}

static void
add_folder(const char *folder)
{
    char path[4096];
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        add_file(path);
    }
    if (entries)
        closedir(entries);
}

static void
run(uint64_t first, double seconds)
{
    time_t begin = time(NULL);
    for (number = first;; number++) {
        uint64_t random = number * 0x9e3779b97f4a7c15u;
        uint32_t chosen = (uint32_t)(random >> 33) % seed_count;
        memcpy(input, seeds[chosen].bytes, seeds[chosen].size);
        input_size = mutate(input, seeds[chosen].size, sizeof input, random);
        if ((number & 1023) == 0)
            setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = 60}, NULL); /* an input that hangs */
        target_run(input, input_size);
        if ((number & 4095) == 0 && difftime(time(NULL), begin) >= seconds)
            break;
    }
}

int
main(int argc, char **argv)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGPROF};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], on_signal);
    if (argc == 2) {
        add_file(argv[1]);
        if (!seed_count)
            return 2;
        input_size = seeds[0].size;
        memcpy(input, seeds[0].bytes, input_size);
        target_run(input, input_size);
        printf("%.3f s, %.1f bytes for each of the file, %zu calls\n", target_cost.seconds, target_cost.memory,
               target_cost.calls);
        return 0;
    }
    if (argc < 5) {
        fprintf(stderr, "blind SECONDS FIRST-NUMBER FAILED FOLDER...\n");
        return 2;
    }
    failed = argv[3];
    for (int i = 4; i < argc; i++)
        add_folder(argv[i]);
    if (!seed_count)
        return 2;
    clock_t begin = clock();
    uint64_t first = strtoull(argv[2], NULL, 10);
    run(first, atof(argv[1]));
    double cpu = (double)(clock() - begin) / CLOCKS_PER_SEC;
    printf("%llu executions from %llu, %.0f s of CPU, %zu calls; at most %.3f s, %.1f bytes for each of the file\n",
           (unsigned long long)(number - first + 1), (unsigned long long)first, cpu, target_cost.calls,
           target_cost.seconds, target_cost.memory);
    return 0;
}
