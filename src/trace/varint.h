/* varint.h - LEB128 numbers, written unchecked into reserved room, read with bounds. */
#ifndef FLOW_VARINT_H
#define FLOW_VARINT_H

#include <stdint.h>

#define VARINT_MAX 10

/* Needs VARINT_MAX bytes of room; returns the end. */
static inline uint8_t *
varint_put(uint8_t *p, uint64_t n)
{
    while (n >= 0x80) {
        *p++ = (uint8_t)(n | 0x80);
        n >>= 7;
    }
    *p++ = (uint8_t)n;
    return p;
}

/* Returns the end of the number, or NULL if there is none before `end`. */
static inline const uint8_t *
varint_get(const uint8_t *p, const uint8_t *end, uint64_t *n)
{
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 64 && p < end; shift += 7) {
        uint8_t byte = *p++;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *n = result;
            return p;
        }
    }
    return NULL;
}

static inline uint64_t
varint_zigzag(int64_t n)
{
    return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}

static inline int64_t
varint_unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

#endif
