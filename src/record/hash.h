/* hash.h - hashes for the recorder's own tables: not kept in the trace. */
#ifndef FLOW_HASH_H
#define FLOW_HASH_H

#include <stdint.h>

/* Of an address; the high bits are the better ones. */
static inline uint64_t
hash_pointer(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer * 0x9e3779b97f4a7c15u;
}

static inline uint64_t
hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

#endif
