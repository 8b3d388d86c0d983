/* verify.c - all of a trace is read; of what doesn't hold it is said where it stands and what is lost by it. */
#include <errno.h>

#include "../model/label.h"
#include "show.h"

#define FINDINGS_SHOWN 100

struct check {
    struct text *out;
    struct reader *reader;
    uint64_t findings, shown, records, bytes;
};

/* Begins the line of a finding; false if there have been enough. */
static bool
begin_finding(struct check *check)
{
    return check->findings++ < check->shown;
}

static void
put_place(struct check *check, const struct chunk *chunk)
{
    struct text *out = check->out;
    text_string(out, "byte ");
    label_count(out, (uint64_t)((const uint8_t *)chunk->header - check->reader->map));
    if (chunk->header->kind == FLOW_CHUNK_META)
        text_format(out, ", about process %u: ", chunk->header->pid);
    else
        text_format(out, ", chunk %u of thread %u in process %u: ", chunk->sequence, chunk->thread, chunk->header->pid);
}

static void
put_bytes(struct text *out, uint64_t bytes)
{
    label_counted(out, bytes, " byte", " bytes");
}

static void
put_unreadable(struct check *check, const struct chunk *chunk, const uint8_t *good)
{
    put_place(check, chunk);
    text_string(check->out, "what stands at byte ");
    label_count(check->out, (uint64_t)(good - check->reader->map));
    text_string(check->out, " is no record. ");
    put_bytes(check->out, (uint64_t)(good - chunk->data));
    text_string(check->out, " before it are told, ");
    put_bytes(check->out, (uint64_t)(chunk->end - good));
    text_string(check->out, " are lost\n");
}

static void
put_length(struct check *check, const struct chunk *chunk)
{
    put_place(check, chunk);
    text_string(check->out, "its length is wrong, ");
    put_bytes(check->out, atomic_load(&chunk->header->committed));
    text_string(check->out,
                chunk->end > chunk->data ? "; what can be read of it is told\n" : "; nothing of it is told\n");
}

/* What is missing before it was told when the trace was recovered. */
static bool
is_gap_known(const struct chunk *chunk)
{
    return atomic_load(&chunk->header->flags) & FLOW_CHUNK_GAP;
}

/* 0 or -ENOMEM. */
static int
check_chunk(struct check *check, uint32_t index)
{
    const struct chunk *chunk = &check->reader->chunks[index];
    bool has_wrong_length = chunk->damaged;
    const uint8_t *good = chunk->data;
    struct cursor cursor;
    struct record record;
    int ret;
    cursor_open_chunk(&cursor, check->reader, index);
    while ((ret = cursor_next(&cursor, &record)) > 0) {
        good = cursor.next;
        check->records++;
    }
    reader_forget(check->reader, index);
    check->bytes += (uint64_t)(good - chunk->data);
    if (has_wrong_length && begin_finding(check))
        put_length(check, chunk);
    else if (!has_wrong_length && good < chunk->end && begin_finding(check))
        put_unreadable(check, chunk, good);
    if (chunk->header->lost_before && !is_gap_known(chunk) && begin_finding(check)) {
        put_place(check, chunk);
        label_count(check->out, chunk->header->lost_before);
        text_string(check->out, " records before it were lost when it was recorded\n");
    }
    return ret;
}

/* Chunks of a thread are numbered from 0; of a bounded file the oldest are let go. */
static void
check_order(struct check *check, const struct stream *stream)
{
    const struct chunk *chunks = &check->reader->chunks[stream->first_chunk];
    bool begins_anywhere = check->reader->header->flags & FLOW_FILE_LAST;
    uint32_t expected = begins_anywhere ? chunks[0].sequence : 0;
    for (uint32_t i = 0; i < stream->chunk_count; i++) {
        uint32_t missing = chunks[i].sequence - expected;
        expected = chunks[i].sequence + 1;
        if (!missing || is_gap_known(&chunks[i]) || !begin_finding(check))
            continue;
        put_place(check, &chunks[i]);
        label_count(check->out, missing);
        text_string(check->out,
                    label_plural(missing, " chunk before it is missing\n", " chunks before it are missing\n"));
    }
}

static void
check_file(struct check *check)
{
    struct reader *reader = check->reader;
    uint64_t end = atomic_load(&reader->header->end_unit) * (uint64_t)FLOW_UNIT_SIZE;
    reader_look_again(reader);
    if (reader->cut_off && begin_finding(check)) {
        text_string(check->out, "the file is cut off");
        if (end > reader->size) {
            text_string(check->out, ": ");
            put_bytes(check->out, end - reader->size);
            text_string(check->out, " are missing at its end");
        }
        text_string(check->out, "\n");
    }
    if (reader->doubles && begin_finding(check))
        text_format(check->out, "%u %s there twice: the first in the file is told\n", reader->doubles,
                    label_plural(reader->doubles, "chunk is", "chunks are"));
}

static void
put_rest(struct check *check)
{
    if (check->findings > check->shown)
        text_format(check->out, "and %llu more like these\n", (unsigned long long)(check->findings - check->shown));
}

static void
put_sum(struct check *check)
{
    struct text *out = check->out;
    text_string(out, check->findings ? "damaged: " : "sound: ");
    label_counted(out, check->records, " record", " records");
    text_string(out, check->findings ? " can be read, " : ", ");
    put_bytes(out, check->bytes);
    text_string(out, " in ");
    label_counted(out, check->reader->chunk_count, " chunk\n", " chunks\n");
}

static int
check_all(struct check *check)
{
    struct reader *reader = check->reader;
    int ret = 0;
    check_file(check);
    for (uint32_t i = 0; i < reader->stream_count; i++)
        check_order(check, &reader->streams[i]);
    for (uint32_t i = 0; i < reader->chunk_count && ret >= 0; i++)
        ret = check_chunk(check, i);
    put_rest(check);
    return check->out->failed ? -ENOMEM : ret;
}

int
show_damage(struct text *out, struct reader *reader, unsigned shown, bool *sound)
{
    struct check check = {.out = out, .reader = reader, .shown = shown};
    int ret = check_all(&check);
    *sound = check.findings == 0;
    return ret;
}

int
show_verify(struct text *out, struct reader *reader, bool *sound)
{
    struct check check = {.out = out, .reader = reader, .shown = FINDINGS_SHOWN};
    int ret = check_all(&check);
    put_sum(&check);
    *sound = check.findings == 0;
    return out->failed ? -ENOMEM : ret;
}
