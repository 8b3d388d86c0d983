/* seed.h - traces for the fuzzers, in little: what a file holds without the empty space in it.
 *
 *   seed:  4 bytes how it is shown | 96 bytes file header | length, 2 bytes | flow_bound ... | chunk ...
 *   chunk: place | times | length, 2 bytes | extra, 2 bytes | 76 and 16 bytes chunk header | records ...
 *
 * place: so many units (low 4 bits) lie before it. times: the records are there once, or 2^(times - 240) times over.
 * extra is added to the true number of committed bytes, which stand between the two parts of the chunk's header. So lengths, magic numbers and places are right unless a
 * mutation wants them wrong, and what is changed in one place moves nothing else.
 */
#ifndef FLOW_SEED_H
#define FLOW_SEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../src/trace/format.h"

static_assert(offsetof(struct flow_chunk_header, committed) == 76, "as seeds have it");
static_assert(sizeof(struct flow_file_header) == 96, "as seeds have it");

enum {
    SEED_UNITS_MAX = 65, /* of the file */
    SEED_CHUNKS_MAX = 32,
    SEED_RECORDS_MAX = 8192, /* bytes in a chunk; what follows is dropped */
    SEED_TIMES_MIN = 240,
    SEED_COMMITTED = 76, /* at this place of a chunk's header */
    SEED_CHUNK_HEADER = SEED_COMMITTED + 16,
    SEED_CHUNK_HEAD = 6 + SEED_CHUNK_HEADER,
    SEED_FILE_HEADER = 96,
    SEED_HEAD = 4 + SEED_FILE_HEADER + 2,
    SEED_BOUND_MAX = 2048,
    SEED_MAX = 65536,
};

/* How it is shown. */
enum {
    SEED_ASCII = 1,
    SEED_TIME = 2,
    SEED_COLOR = 4,
    SEED_VALUES = 8,
    SEED_EXCEPTIONS = 16,
    SEED_OUTLINE = 32,
    SEED_RECOVER = 64, /* and write it anew: recovered, and merged with itself */
    SEED_FILTER = 128, /* and show what a filter leaves */
};

struct seed_chunk {
    uint8_t place, times;
    int16_t extra;
    uint8_t header[SEED_CHUNK_HEADER];
    uint16_t length;
    uint8_t *records; /* Borrowed, or the mutator's */
};

struct seed {
    uint8_t lines, width, flags;
    uint8_t cut;      /* so many times 251 bytes are missing at the end of the file */
    uint8_t header[SEED_FILE_HEADER];
    uint16_t bound_length;
    uint8_t bound[SEED_BOUND_MAX];
    struct seed_chunk chunks[SEED_CHUNKS_MAX];
    uint32_t chunk_count;
};

/* False if the bytes are too few; records point into them. */
bool seed_read(struct seed *out, const uint8_t *data, size_t size);
/* The bytes; as many chunks as there is room for. */
size_t seed_write(const struct seed *seed, uint8_t *out, size_t room);

/* A file that is filled again for the next seed. Either the kernel has it (a memfd, which has a path), or it is memory
 * only: then it ends where memory ends that may be read, so it must not be cut within a page. */
struct seed_file {
    uint8_t *map;   /* room for all units; Owned */
    uint8_t *begin; /* of the file of now, in there */
    size_t size;    /* of the file of now */
    int fd;         /* -1: it is memory */
    char path[64];
    struct {
        size_t begin, end; /* in the map */
    } used[SEED_CHUNKS_MAX + 2];
    uint32_t used_count;
};

bool seed_file_open(struct seed_file *out);
/* Nobody but who knows of it can open the path: see watch.h. */
bool seed_file_open_memory(struct seed_file *out, const char *path);
void seed_file_fill(struct seed_file *file, const struct seed *seed);
void seed_file_close(struct seed_file *file);

#endif
