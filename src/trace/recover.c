#include "recover.h"

#include <errno.h>
#include <string.h>

#include "writer.h"

/* --- what can be read --------------------------------------------------- */

struct sum {
    uint64_t calls;     /* of the thread, before the next record */
    bool has_calls;     /* they are known */
    uint32_t sequence;  /* of its next chunk */
    uint64_t lost_bytes; /* at the end of the last one */
};

/* Of so many bytes that are gone; a header that is damaged itself may say anything. */
static void
add_missing_calls(struct losses *losses, uint64_t calls, uint64_t bytes)
{
    if (calls <= bytes / 2) /* a call takes two bytes or more */
        losses->missing_calls += calls;
}

static void
look_before(const struct chunk *chunk, struct sum *sum, struct losses *losses, bool begins_anywhere)
{
    uint32_t missing = chunk->sequence - sum->sequence;
    bool holds = missing < UINT32_MAX / 2;
    if (begins_anywhere && !sum->has_calls)
        return;
    losses->missing_chunks += holds ? missing : 0;
    uint64_t bytes = (uint64_t)missing * FLOW_UNIT_SIZE * 4 + sum->lost_bytes;
    if (holds && chunk->header->calls_before > sum->calls)
        add_missing_calls(losses, chunk->header->calls_before - sum->calls, bytes);
}

/* The chunk ends where it can't be read any more. 0 or -ENOMEM. */
static int
measure_chunk(struct reader *reader, uint32_t index, struct sum *sum, struct losses *losses)
{
    struct chunk *chunk = &reader->chunks[index];
    const uint8_t *good = chunk->data;
    struct cursor cursor;
    struct record record;
    int ret;
    cursor_open_chunk(&cursor, reader, index);
    while ((ret = cursor_next(&cursor, &record)) > 0) {
        good = cursor.next;
        losses->records++;
        sum->calls += record.type == FLOW_CALL || record.type == FLOW_CALL_VALUES;
    }
    reader_forget(reader, index);
    sum->lost_bytes = (uint64_t)(chunk->end - good);
    losses->cut_chunks += chunk->damaged;
    losses->lost_bytes += sum->lost_bytes;
    losses->bytes += (uint64_t)(good - chunk->data);
    losses->lost_records += chunk->header->lost_before;
    losses->chunks++;
    chunk->end = good;
    return ret;
}

static int
measure_stream(struct reader *reader, const struct stream *stream, struct losses *losses)
{
    struct sum sum = {0};
    bool begins_anywhere = reader->header->flags & FLOW_FILE_LAST;
    int ret = 0;
    for (uint32_t i = stream->first_chunk; i < stream->first_chunk + stream->chunk_count && ret >= 0; i++) {
        const struct chunk *chunk = &reader->chunks[i];
        if (!(atomic_load(&chunk->header->flags) & FLOW_CHUNK_GAP))
            look_before(chunk, &sum, losses, begins_anywhere);
        sum = (struct sum){.calls = chunk->header->calls_before, .has_calls = true, .sequence = chunk->sequence + 1};
        ret = measure_chunk(reader, i, &sum, losses);
    }
    /* Behind the last chunk of a thread its own header alone can tell, as of a while before. */
    const struct chunk *last = &reader->chunks[stream->first_chunk + stream->chunk_count - 1];
    uint64_t calls = last->header->calls_before + atomic_load(&last->header->calls);
    if (sum.lost_bytes && calls > sum.calls)
        add_missing_calls(losses, calls - sum.calls, sum.lost_bytes);
    return ret;
}

static bool
is_known(const struct flow_chunk_header *chunk)
{
    return chunk->kind == FLOW_CHUNK_EVENTS || chunk->kind == FLOW_CHUNK_META;
}

/* The next chunk of another kind from `offset` on, which moves behind it; or NULL. */
static const struct flow_chunk_header *
next_strange(const struct reader *reader, size_t *offset)
{
    while (*offset + sizeof(struct flow_chunk_header) <= reader->size) {
        const struct flow_chunk_header *chunk = (const void *)(reader->map + *offset);
        size_t units = reader_chunk_units(chunk);
        *offset += (units ? units : 1) * FLOW_UNIT_SIZE;
        if (units && !is_known(chunk))
            return chunk;
    }
    return NULL;
}

int
recover_measure(struct reader *reader, struct losses *out)
{
    *out = (struct losses){0};
    struct sum meta = {0};
    int ret = 0;
    for (uint32_t i = 0; i < reader->stream_count && ret >= 0; i++)
        ret = measure_stream(reader, &reader->streams[i], out);
    for (uint32_t i = reader->event_chunk_count; i < reader->chunk_count && ret >= 0; i++)
        ret = measure_chunk(reader, i, &meta, out);
    size_t offset = FLOW_UNIT_SIZE;
    while (next_strange(reader, &offset))
        out->strange_chunks++;
    return ret;
}

/* --- what is written ---------------------------------------------------- */

struct flow_chunk_header
recover_header(const struct reader *reader, uint32_t index)
{
    const struct chunk *chunk = &reader->chunks[index];
    struct flow_chunk_header header = *chunk->header;
    if (header.kind != FLOW_CHUNK_EVENTS) { /* it has no place in a row */
        header.lost_before = 0;
        return header;
    }
    if (chunk->damaged)
        atomic_fetch_and(&header.flags, ~(uint32_t)FLOW_CHUNK_LAST);
    bool first = index == 0 || chunk[-1].process != chunk->process || chunk[-1].thread != chunk->thread;
    bool in_order = chunk->sequence == (first ? 0 : chunk[-1].sequence + 1);
    if (in_order && !first && chunk[-1].damaged && !header.lost_before) /* else the numbers would not tell */
        header.lost_before = 1;
    if (!in_order || header.lost_before)
        atomic_fetch_or(&header.flags, FLOW_CHUNK_GAP);
    return header;
}

static int
write_chunks(struct reader *reader, struct output *output)
{
    int ret = 0;
    for (uint32_t i = 0; i < reader->chunk_count && ret == 0; i++) {
        const struct chunk *chunk = &reader->chunks[i];
        struct flow_chunk_header header = recover_header(reader, i);
        ret = output_chunk(output, &header, chunk->data, (size_t)(chunk->end - chunk->data));
    }
    return ret;
}

/* What a later version has added is kept as it is; in a trace of this one it is damage. */
static int
write_strange(const struct reader *reader, struct output *output)
{
    size_t offset = FLOW_UNIT_SIZE;
    const struct flow_chunk_header *chunk;
    int ret = 0;
    while (reader->header->minor > FLOW_MINOR && ret == 0 && (chunk = next_strange(reader, &offset))) {
        size_t size = atomic_load(&chunk->committed);
        size_t room = (size_t)(reader->map + reader->size - (const uint8_t *)chunk);
        if (size >= sizeof *chunk && size <= room && size <= reader_chunk_units(chunk) * FLOW_UNIT_SIZE)
            ret = output_chunk(output, chunk, (const uint8_t *)(chunk + 1), size - sizeof *chunk);
    }
    return ret;
}

static int
write_texts(const struct reader *reader, struct output *output, const uint8_t *texts, size_t length)
{
    const struct flow_chunk_header *first = NULL;
    for (uint32_t i = 0; i < reader->chunk_count; i++)
        if (!first || reader->chunks[i].header->process < first->process)
            first = reader->chunks[i].header;
    if (!first)
        return 0;
    uint64_t ns = reader->header->start_mono_ns;
    struct flow_chunk_header header = {
        .kind = FLOW_CHUNK_META, .process = first->process, .pid = first->pid, .first_ns = ns, .last_ns = ns};
    header.first_ticks = reader->header->start_ticks;
    header.last_ticks = header.first_ticks;
    atomic_store(&header.flags, FLOW_CHUNK_LAST);
    uint8_t record[4 * VARINT_MAX + RECOVER_TEXTS_MAX];
    uint8_t *end = writer_put_extended(record, FLOW_EXTENDED_PROCESS, texts, length);
    return output_chunk(output, &header, record, (size_t)(end - record));
}

int
recover_write(struct reader *reader, const char *path, const uint8_t *texts, size_t length)
{
    struct output output;
    int ret = length <= RECOVER_TEXTS_MAX ? output_open(&output, path) : -E2BIG;
    if (ret < 0)
        return ret;
    ret = write_chunks(reader, &output);
    if (ret == 0)
        ret = write_strange(reader, &output);
    if (ret == 0 && length)
        ret = write_texts(reader, &output, texts, length);
    bool was_cut_off = reader->cut_off;
    reader_look_again(reader);
    if (ret == 0 && reader->cut_off != was_cut_off)
        ret = -ENODATA;
    if (ret == 0)
        ret = output_close(&output, reader->header);
    output_drop(&output);
    return ret;
}
