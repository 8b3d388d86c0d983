/* newest.c - of a trace that is too big to be read whole, the newest part. */
#include <errno.h>
#include <stdlib.h>

#include "reader.h"

struct age {
    uint64_t last_ns;
    uint32_t chunk;
    bool first; /* of what is kept: without it a whole thread were missing */
};

static int
compare(const void *left, const void *right)
{
    const struct age *a = left, *b = right;
    if (a->first != b->first)
        return a->first ? -1 : 1;
    if (a->last_ns != b->last_ns)
        return a->last_ns > b->last_ns ? -1 : 1;
    return (a->chunk < b->chunk) - (a->chunk > b->chunk);
}

static uint64_t
calls_in(const struct chunk *chunk)
{
    return atomic_load_explicit(&chunk->header->calls, memory_order_relaxed);
}

/* Newest first; before them the last chunk of each thread that began few calls, as one does that waits for others. */
static struct age *
sort_by_age(const struct reader *reader, uint64_t few)
{
    struct age *ages = malloc((reader->event_chunk_count + (size_t)1) * sizeof *ages);
    for (uint32_t i = 0; ages && i < reader->stream_count; i++) {
        const struct stream *stream = &reader->streams[i];
        uint32_t end = stream->first_chunk + stream->chunk_count;
        for (uint32_t k = stream->first_chunk; k < end; k++) {
            const struct chunk *chunk = &reader->chunks[k];
            uint64_t last_ns = atomic_load_explicit(&chunk->header->last_ns, memory_order_relaxed);
            ages[k] = (struct age){last_ns, k, k + 1 == end && calls_in(chunk) <= few};
        }
    }
    if (ages && reader->event_chunk_count)
        qsort(ages, reader->event_chunk_count, sizeof *ages, compare);
    return ages;
}

/* A thread keeps what it has without a gap: an older chunk that would fit is dropped where a newer one is. */
static void
drop_chunks(struct reader *reader, const bool *keep)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < reader->chunk_count; i++) {
        if (i >= reader->event_chunk_count || keep[i]) {
            reader->chunks[kept++] = reader->chunks[i];
            continue;
        }
        reader->calls_left_out += calls_in(&reader->chunks[i]);
        reader_forget(reader, i);
    }
    reader->event_chunk_count -= reader->chunk_count - kept;
    reader->chunk_count = kept;
}

int
reader_keep_newest(struct reader *reader, uint64_t calls)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < reader->event_chunk_count; i++)
        all += calls_in(&reader->chunks[i]);
    if (all <= calls)
        return 0;
    reader->calls_begun = all;
    struct age *ages = sort_by_age(reader, calls / 1024);
    bool *keep = calloc(reader->event_chunk_count + (size_t)1, sizeof *keep);
    int ret = ages && keep ? 0 : -ENOMEM;
    uint64_t sum = 0;
    for (uint32_t i = 0; ret == 0 && i < reader->event_chunk_count; i++) {
        sum += calls_in(&reader->chunks[ages[i].chunk]);
        if (sum > calls && i > 0)
            break;
        keep[ages[i].chunk] = true;
    }
    if (ret == 0) {
        drop_chunks(reader, keep);
        ret = reader_index(reader);
    }
    free(ages);
    free(keep);
    return ret;
}
