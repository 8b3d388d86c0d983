/* blind.c - the fuzzer that looks at nothing and so is fast: it changes seeds of a folder, time and again.
 *
 *   blind SECONDS FIRST-NUMBER FAILED FOLDER...   the first failure ends it and leaves its input in FAILED
 *   blind FILE                                    runs one input, and does everything with it
 *
 * Seeds that take long are taken as much more rarely. A line a minute says how far it is; SIGTERM and SIGINT end it.
 */
#include <dirent.h>
#include <malloc.h>
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
    double upto; /* sum of the shares so far */
} seeds[SEEDS_MAX];
static uint32_t seed_count;
static uint8_t input[SEED_MAX];
static size_t input_size;
static uint64_t first, number;
static volatile sig_atomic_t ended;
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

/* --- which seed ---------------------------------------------------------- */

static double
cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void
run_seed(uint32_t chosen)
{
    input_size = seeds[chosen].size;
    memcpy(input, seeds[chosen].bytes, input_size);
    target_run(input, input_size);
}

/* By how long one takes, changed a little: as it is drawn for, one seed gets all kinds of work. */
static double
cost_of(uint32_t chosen)
{
    enum { TIMES = 64 };
    double begin = cpu_seconds();
    for (uint64_t i = 0; i < TIMES; i++) {
        memcpy(input, seeds[chosen].bytes, seeds[chosen].size);
        input_size = mutate(input, seeds[chosen].size, sizeof input, i);
        target_run(input, input_size);
    }
    return (cpu_seconds() - begin) / TIMES;
}

static void
share_out(void)
{
    double sum = 0;
    for (uint32_t i = 0; i < seed_count; i++) {
        run_seed(i);
        sum += 1 / (100e-6 + cost_of(i));
        seeds[i].upto = sum;
    }
}

static uint32_t
choose(uint64_t random)
{
    double at = (double)(random >> 11) / (double)(1ull << 53) * seeds[seed_count - 1].upto;
    uint32_t low = 0, high = seed_count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (seeds[middle].upto > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* --- time and again ------------------------------------------------------ */

static void
on_end(int signal_number)
{
    (void)signal_number;
    ended = 1;
}

static void
tell(void)
{
    printf("%llu executions from %llu, %.0f s of CPU, %zu calls; at most %.3f s, %.1f bytes for each of the file\n",
           (unsigned long long)(number - first), (unsigned long long)first, cpu_seconds(), target_cost.calls,
           target_cost.seconds, target_cost.memory);
    fflush(stdout);
}

static void
run(double seconds)
{
    time_t begin = time(NULL), told = begin;
    for (number = first; !ended; number++) {
        uint64_t random = number * 0x9e3779b97f4a7c15u;
        random = (random ^ random >> 31) * 0xbf58476d1ce4e5b9u;
        uint32_t chosen = choose(random);
        memcpy(input, seeds[chosen].bytes, seeds[chosen].size);
        input_size = mutate(input, seeds[chosen].size, sizeof input, random);
        if ((number & 1023) == 0)
            setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = 60}, NULL); /* an input that hangs */
        target_run(input, input_size);
        if ((number & 1023) != 0)
            continue;
        time_t now = time(NULL);
        if (difftime(now, begin) >= seconds)
            break;
        if (difftime(now, told) >= 60) {
            tell();
            told = now;
        }
    }
}

static int
run_one(const char *path)
{
    add_file(path);
    if (!seed_count)
        return 2;
    run_seed(0);
    printf("%.3f s, %.1f bytes for each of the file, %zu calls\n", target_cost.seconds, target_cost.memory,
           target_cost.calls);
    return 0;
}

int
main(int argc, char **argv)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGPROF};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], on_signal);
    if (argc == 2)
        return run_one(argv[1]);
    if (argc < 5) {
        fprintf(stderr, "blind SECONDS FIRST-NUMBER FAILED FOLDER...\n");
        return 2;
    }
    signal(SIGTERM, on_end);
    signal(SIGINT, on_end);
    failed = argv[3];
    for (int i = 4; i < argc; i++)
        add_folder(argv[i]);
    if (!seed_count)
        return 2;
    target_draws = true;
    mallopt(M_TRIM_THRESHOLD, 64 << 20); /* what one input took serves the next */
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    first = strtoull(argv[2], NULL, 10);
    share_out();
    run(atof(argv[1]));
    tell();
    return 0;
}
