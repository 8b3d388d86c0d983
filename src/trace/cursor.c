/* cursor.c - the records of a thread, chunk by chunk. */
#include <errno.h>
#include <string.h>

#include "input.h"

static struct value
get_values(struct input *in, uint32_t count)
{
    struct value value = {in->p, in->p, (uint32_t)(in->chunk - in->reader->chunks)};
    for (uint32_t i = 0; i < count && !in->bad; i++)
        input_skip_value(in, 0);
    value.end = in->p;
    return value;
}

static void
get_exception(struct input *in, struct exception_record *out)
{
    out->id = input_varint(in);
    out->defined = input_byte(in) == 1;
    if (!out->defined)
        return;
    out->type = input_string(in);
    out->message = get_values(in, 1);
    out->function = input_string(in);
    out->file = input_string(in);
    out->line = input_small(in);
    out->cause = input_string(in);
}

static void
get_code_and_generator(struct input *in, struct record *out)
{
    out->code = input_code(in);
    if (out->code && out->code->flags & FLOW_CODE_SUSPENDS)
        out->generator = input_varint(in);
}

static void
get_fields(struct input *in, struct record *out)
{
    switch (out->type) {
    case FLOW_CALL: get_code_and_generator(in, out); break;
    case FLOW_CALL_VALUES:
        get_code_and_generator(in, out);
        if (out->code)
            out->values = get_values(in, out->code->parameter_count);
        break;
    case FLOW_RETURN: break;
    case FLOW_RETURN_VALUE: out->values = get_values(in, 1); break;
    case FLOW_YIELD:
        out->yield = (enum flow_yield)input_small(in);
        out->values = get_values(in, 1);
        break;
    case FLOW_RESUME:
        out->generator = input_varint(in);
        out->code = input_code(in);
        break;
    case FLOW_THROW:
        out->generator = input_varint(in);
        out->code = input_code(in);
        get_exception(in, &out->exception);
        break;
    case FLOW_UNWIND:
        get_exception(in, &out->exception);
        out->line = input_small(in);
        out->caller_line = input_small(in);
        out->indirect = out->caller_line & 1;
        out->caller_line >>= 1;
        break;
    case FLOW_RAISE:
        get_exception(in, &out->exception);
        out->line = input_small(in);
        out->how = input_small(in);
        break;
    case FLOW_HANDLED:
        get_exception(in, &out->exception);
        out->line = input_small(in);
        break;
    case FLOW_DROP: out->count = input_varint(in); break;
    case FLOW_OPEN:
        get_code_and_generator(in, out);
        out->payload = (struct slice){(const char *)in->p, 0};
        out->start_ns = input_varint(in); /* an age in ticks, until the caller converts it */
        out->count = input_varint(in);
        break;
    case FLOW_EXTENDED:
        out->extended = (enum flow_extended)input_small(in);
        out->payload = input_text(in);
        break;
    default: in->bad = true;
    }
}

static uint64_t
ns_at(const struct reader *reader, const struct chunk *chunk, uint64_t ticks)
{
    if (reader->header->clock == FLOW_CLOCK_NONE)
        return 0;
    const struct flow_chunk_header *header = chunk->header;
    double elapsed = (double)(int64_t)(ticks - header->first_ticks) * reader->ns_per_tick;
    double ns = (double)(int64_t)(header->first_ns - reader->header->start_mono_ns) + elapsed;
    return ns > 0 && ns < 9e18 ? (uint64_t)ns : 0;
}

static void
enter_chunk(struct cursor *cursor)
{
    const struct chunk *chunk = &cursor->reader->chunks[cursor->chunk];
    cursor->next = chunk->data;
    cursor->ticks = chunk->header->first_ticks;
    cursor->strings_seen = cursor->codes_seen = cursor->shapes_seen = 0;
    bool follows = cursor->started && chunk->sequence == chunk[-1].sequence + 1 && !chunk[-1].damaged
                   && chunk->header->lost_before == 0;
    cursor->gap = cursor->rebuilding = !follows;
    cursor->started = true;
}

void
cursor_open_chunk(struct cursor *out, struct reader *reader, uint32_t chunk)
{
    *out = (struct cursor){.reader = reader, .chunk = chunk, .chunk_end = chunk + 1};
    enter_chunk(out);
}

void
cursor_open(struct cursor *out, struct reader *reader, uint32_t stream)
{
    const struct stream *s = &reader->streams[stream];
    *out = (struct cursor){.reader = reader, .chunk = s->first_chunk, .chunk_end = s->first_chunk + s->chunk_count};
    enter_chunk(out);
}

static bool
next_chunk(struct cursor *cursor)
{
    if (cursor->chunk + 1 >= cursor->chunk_end)
        return false;
    cursor->chunk++;
    enter_chunk(cursor);
    return true;
}

static void
mark_damaged(struct reader *reader, struct chunk *chunk)
{
    reader->damaged += !chunk->damaged;
    chunk->damaged = true;
}

static bool
read_record(struct cursor *cursor, struct input *in, struct record *out)
{
    struct chunk *chunk = in->chunk;
    uint64_t header = input_varint(in);
    *out = (struct record){.type = (enum flow_record)(header & 15)};
    cursor->ticks += header >> 4;
    get_fields(in, out);
    if (in->bad)
        return false;
    out->time_ns = ns_at(cursor->reader, chunk, cursor->ticks);
    if (out->time_ns < cursor->last_ns)
        out->time_ns = cursor->last_ns;
    cursor->last_ns = out->time_ns;
    if (out->type == FLOW_OPEN) {
        uint64_t start = ns_at(cursor->reader, chunk, chunk->header->first_ticks - out->start_ns);
        out->start_ns = start < out->time_ns ? start : out->time_ns;
    }
    return true;
}

int
cursor_next(struct cursor *cursor, struct record *out)
{
    struct reader *reader = cursor->reader;
    for (;;) {
        struct chunk *chunk = &reader->chunks[cursor->chunk];
        struct input in = {.p = cursor->next, .end = chunk->end, .reader = reader, .chunk = chunk, .cursor = cursor};
        bool first = in.p == chunk->data;
        if (in.p < in.end && read_record(cursor, &in, out)) {
            out->size = (uint32_t)(in.p - cursor->next);
            out->defining = in.defining;
            cursor->gap = first && cursor->rebuilding;
            cursor->next = in.p;
            return 1;
        }
        if (in.no_memory)
            return -ENOMEM;
        if (cursor->next < chunk->end)
            mark_damaged(reader, chunk);
        cursor->next = chunk->end;
        if (!next_chunk(cursor))
            return 0;
    }
}
