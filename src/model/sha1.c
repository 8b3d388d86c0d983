#include "sha1.h"

#include <string.h>

static uint32_t
rotate(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static uint32_t
load(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
store(uint8_t *p, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* The function and the constant of round i. */
static uint32_t
mix(unsigned i, uint32_t b, uint32_t c, uint32_t d)
{
    switch (i / 20) {
    case 0: return ((b & c) | (~b & d)) + 0x5a827999u;
    case 1: return (b ^ c ^ d) + 0x6ed9eba1u;
    case 2: return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu;
    default: return (b ^ c ^ d) + 0xca62c1d6u;
    }
}

static void
add_block(struct sha1 *sha1, const uint8_t *block)
{
    uint32_t words[80];
    uint32_t s[5];
    for (unsigned i = 0; i < 16; i++)
        words[i] = load(block + 4 * (size_t)i);
    for (unsigned i = 16; i < 80; i++)
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    memcpy(s, sha1->state, sizeof s);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t first = rotate(s[0], 5) + mix(i, s[1], s[2], s[3]) + s[4] + words[i];
        s[4] = s[3];
        s[3] = s[2];
        s[2] = rotate(s[1], 30);
        s[1] = s[0];
        s[0] = first;
    }
    for (unsigned i = 0; i < 5; i++)
        sha1->state[i] += s[i];
}

void
sha1_begin(struct sha1 *sha1)
{
    *sha1 = (struct sha1){.state = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u}};
}

void
sha1_add(struct sha1 *sha1, const void *data, size_t length)
{
    const uint8_t *p = data;
    while (length > 0) {
        size_t used = sha1->length % sizeof sha1->block;
        size_t n = sizeof sha1->block - used < length ? sizeof sha1->block - used : length;
        memcpy(sha1->block + used, p, n);
        sha1->length += n;
        p += n;
        length -= n;
        if (used + n == sizeof sha1->block)
            add_block(sha1, sha1->block);
    }
}

void
sha1_end(struct sha1 *sha1, uint8_t out[SHA1_SIZE])
{
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = 8 * sha1->length;
    size_t used = sha1->length % sizeof sha1->block;
    uint8_t length[8];
    store(length, (uint32_t)(bits >> 32));
    store(length + 4, (uint32_t)bits);
    sha1_add(sha1, padding, used < 56 ? 56 - used : 120 - used);
    sha1_add(sha1, length, sizeof length);
    for (size_t i = 0; i < 5; i++)
        store(out + 4 * i, sha1->state[i]);
}
