/* hash.h - hashes of what stands in a trace, to find equals by. */
#ifndef FLOW_HASH_H
#define FLOW_HASH_H

#include "../trace/slice.h"

#include <stdint.h>

/* Order counts: what calls and what is called are told apart. */
static inline uint64_t
hash_mix(uint64_t hash, uint64_t value)
{
    hash = (3 * hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

#define HASH_NAME_MAX 64 /* bytes from the end of a name: damage can make names as long as the trace */

static inline uint64_t
hash_name(uint64_t hash, struct slice name)
{
    hash = hash_mix(hash, name.length);
    for (size_t i = name.length > HASH_NAME_MAX ? name.length - HASH_NAME_MAX : 0; i < name.length; i++)
        hash = hash_mix(hash, (uint8_t)name.data[i]);
    return hash;
}

#endif
