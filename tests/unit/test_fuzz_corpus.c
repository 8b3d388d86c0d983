/* Inputs of the fuzzers (tests/fuzz): those that reach most of the code, and every one that ever failed. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../fuzz/mutate.h"
#include "../fuzz/seed.h"
#include "../fuzz/target.h"
#include "unit.h"

static char path[4096];

void
target_failed(const char *file, int line, const char *what)
{
    unit_fail(file, line, "%s: %s doesn't hold", path, what);
}

static size_t
read_seed(uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, SEED_MAX, file) : 0;
    if (file)
        fclose(file);
    return size;
}

/* Each as it is, and changed so many times: then a part of the work is done. How many there are. */
static uint32_t
replay(const char *folder, uint32_t changes)
{
    static uint8_t bytes[SEED_MAX], changed[SEED_MAX];
    char name[2048];
    uint32_t count = 0;
    target_seconds = 60; /* a slow machine is no failure: `make fuzz` measures */
    snprintf(name, sizeof name, "%s/%s", FUZZ_FOLDER, folder);
    DIR *entries = opendir(name);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
        size_t size = read_seed(bytes);
        CHECK(size > 0);
        target_run(bytes, size);
        bytes[2] ^= SEED_RECOVER;
        target_run(bytes, size);
        target_draws = true;
        for (uint32_t i = 0; i < changes; i++) {
            memcpy(changed, bytes, size);
            target_run(changed, mutate(changed, size, sizeof changed, (uint64_t)count * 1000 + i));
        }
        target_draws = false;
        count++;
    }
    if (entries)
        closedir(entries);
    return count;
}

TEST(what_once_failed_holds)
{
    CHECK(replay("found", 20) > 0);
}

TEST(the_corpus_of_the_fuzzers_holds)
{
    CHECK(replay("corpus", 10) > 100);
    CHECK(target_cost.calls > 10000); /* most of it is still read */
}
