/* keyed.h - what is sorted by a key, and by index where that is the same. */
#ifndef FLOW_KEYED_H
#define FLOW_KEYED_H

#include <stdint.h>

struct keyed {
    uint64_t key;
    uint32_t index;
};

/* For qsort(). */
static inline int
keyed_compare(const void *left, const void *right)
{
    const struct keyed *a = left;
    const struct keyed *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

#endif
