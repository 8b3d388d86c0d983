/* afl.c - what AFL++ changes inputs by, beside its own ways: a library that afl-fuzz loads. */
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "seed.h"

struct mutator {
    uint64_t random;
    uint8_t out[SEED_MAX];
};

void *afl_custom_init(void *afl, unsigned random);
size_t afl_custom_fuzz(struct mutator *mutator, uint8_t *data, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t room);
void afl_custom_deinit(struct mutator *mutator);

void *
afl_custom_init(void *afl, unsigned random)
{
    (void)afl;
    struct mutator *mutator = calloc(1, sizeof *mutator);
    if (mutator)
        mutator->random = random;
    return mutator;
}

size_t
afl_custom_fuzz(struct mutator *mutator, uint8_t *data, size_t size, uint8_t **out, uint8_t *other, size_t other_size,
                size_t room)
{
    room = room < sizeof mutator->out ? room : sizeof mutator->out;
    size = size < room ? size : room;
    mutator->random = mutator->random * 0x5851f42d4c957f2du + 0x14057b7ef767814fu;
    *out = mutator->out;
    if (other && mutator->random >> 61 == 0)
        return mutate_cross(data, size, other, other_size, *out, room, mutator->random);
    memcpy(*out, data, size);
    return mutate(*out, size, room, mutator->random);
}

void
afl_custom_deinit(struct mutator *mutator)
{
    free(mutator);
}
