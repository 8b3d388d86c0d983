/* keyed.h - what is sorted by a key, and by index where that is the same. */
#ifndef FLOW_KEYED_H
#define FLOW_KEYED_H

#include <stdbool.h>
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

/* From *i and *j on, the next of both sorted lists whose keys are equal. False if there is none. */
static inline bool
keyed_next_equal(const struct keyed *a, uint32_t n, uint32_t *i, const struct keyed *b, uint32_t m, uint32_t *j)
{
    while (*i < n && *j < m && a[*i].key != b[*j].key)
        ++*(a[*i].key < b[*j].key ? i : j);
    return *i < n && *j < m;
}

#endif
