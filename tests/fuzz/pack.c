/* pack.c - makes a seed of a trace: pack TRACE SEED */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seed.h"

static uint8_t *
read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) < 0)
        return NULL;
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = calloc(1, *size + FLOW_UNIT_SIZE);
    *size = fread(data, 1, *size, file);
    fclose(file);
    return data;
}

int
main(int argc, char **argv)
{
    static struct seed seed = {.lines = 200, .width = 80, .flags = SEED_TIME | SEED_VALUES | SEED_EXCEPTIONS};
    static uint8_t out[SEED_MAX];
    size_t size = 0;
    uint8_t *data = argc == 3 ? read_file(argv[1], &size) : NULL;
    if (!data || size < FLOW_UNIT_SIZE) {
        fprintf(stderr, "pack TRACE SEED\n");
        return 2;
    }
    memcpy(seed.header, data, sizeof seed.header);
    const struct flow_file_header *file_header = (const void *)data;
    bool has_slots = file_header->flags & FLOW_FILE_LAST;
    const struct flow_bound *bound = (const void *)(data + FLOW_BOUND_OFFSET);
    if (file_header->flags & (FLOW_FILE_LAST | FLOW_FILE_LIMIT)) {
        size_t slots = has_slots ? bound->meta_slots + bound->event_slots : 0;
        size_t length = sizeof *bound + slots * sizeof(struct flow_slot);
        seed.bound_length = (uint16_t)(length < SEED_BOUND_MAX ? length : SEED_BOUND_MAX);
        memcpy(seed.bound, bound, seed.bound_length);
    }
    uint8_t place = 0;
    for (size_t at = FLOW_UNIT_SIZE; at < size && seed.chunk_count < SEED_CHUNKS_MAX; at += FLOW_UNIT_SIZE) {
        const struct flow_chunk_header *header = (const void *)(data + at);
        if (header->magic != FLOW_CHUNK_MAGIC) {
            place = (uint8_t)(place + has_slots);
            continue;
        }
        struct seed_chunk *chunk = &seed.chunks[seed.chunk_count++];
        size_t length = header->committed - sizeof *header;
        chunk->place = place & 15u;
        place = 0;
        memcpy(chunk->header, header, SEED_COMMITTED);
        memcpy(chunk->header + SEED_COMMITTED, (const uint8_t *)header + SEED_COMMITTED + 4,
               SEED_CHUNK_HEADER - SEED_COMMITTED);
        chunk->length = (uint16_t)(length < SEED_RECORDS_MAX ? length : SEED_RECORDS_MAX);
        chunk->records = data + at + sizeof *header;
    }
    FILE *file = fopen(argv[2], "wb");
    if (!file)
        return 2;
    fwrite(out, 1, seed_write(&seed, out, sizeof out), file);
    return fclose(file) != 0;
}
