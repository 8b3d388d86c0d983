/* array.h - arrays that grow by doubling. */
#ifndef FLOW_ARRAY_H
#define FLOW_ARRAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Makes room for one more behind `count` items. false without memory; then all is as it was. */
static inline bool
array_make_room(void **items, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return true;
    uint32_t more = *room ? 2 * *room : 64;
    void *grown = realloc(*items, more * size);
    if (!grown)
        return false;
    *items = grown;
    *room = more;
    return true;
}

/* The same for arrays that keep no room: they are full where `count` is a power of two. */
static inline bool
array_make_room_by_count(void **items, uint32_t count, size_t size)
{
    if (count & (count - 1))
        return true;
    void *grown = realloc(*items, (count ? 2 * (size_t)count : 1) * size);
    if (!grown)
        return false;
    *items = grown;
    return true;
}

/* Of items that ascend by their first member, a uint32_t: the first that is not below `key`. */
static inline uint32_t
array_lower_bound(const void *items, uint32_t count, size_t size, uint32_t key)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (*(const uint32_t *)((const char *)items + middle * size) < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
