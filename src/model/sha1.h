/* sha1.h - SHA-1 (FIPS 180-4), by which git names what a file holds: no protection against anybody who wants two
 * files of one name. */
#ifndef FLOW_SHA1_H
#define FLOW_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_SIZE 20

struct sha1 {
    uint32_t state[5];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
};

void sha1_begin(struct sha1 *sha1);
void sha1_add(struct sha1 *sha1, const void *data, size_t length);
void sha1_end(struct sha1 *sha1, uint8_t out[SHA1_SIZE]);

#endif
