/* mutate.h - changes a seed where a reader may stumble: records, numbers, tags, chunks, headers. */
#ifndef FLOW_MUTATE_H
#define FLOW_MUTATE_H

#include <stddef.h>
#include <stdint.h>

/* Changes `size` bytes at `data` to at most `room`; returns how many they are. Of what is no seed it makes one. */
size_t mutate(uint8_t *data, size_t size, size_t room, uint64_t random);
/* Some chunks of each. */
size_t mutate_cross(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out,
                    size_t room, uint64_t random);

#endif
