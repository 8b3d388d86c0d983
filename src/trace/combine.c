#include "combine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "varint.h"

#define RECORD_MORE 64 /* bytes by which a record may grow: its dt, its age, numbers of processes */

/* The trace that is added. */
struct source {
    struct reader *reader;
    const struct combine_run *run;
    uint32_t *numbers; /* Owned; of its processes, ascending: the first becomes `base` */
    uint32_t count, base;
    uint32_t runs;     /* that it has itself */
    bool time;         /* its times count */
    uint64_t first;    /* when the chunk before began, in the new trace */
};

/* --- numbers of processes ------------------------------------------------ */

static int
compare_numbers(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static int
find_processes(struct source *source)
{
    const struct reader *reader = source->reader;
    source->numbers = malloc((reader->chunk_count + (size_t)1) * sizeof *source->numbers);
    if (!source->numbers)
        return -ENOMEM;
    for (uint32_t i = 0; i < reader->chunk_count; i++)
        source->numbers[i] = reader->chunks[i].process;
    if (reader->chunk_count)
        qsort(source->numbers, reader->chunk_count, sizeof *source->numbers, compare_numbers);
    for (uint32_t i = 0; i < reader->chunk_count; i++)
        if (!source->count || source->numbers[i] != source->numbers[source->count - 1])
            source->numbers[source->count++] = source->numbers[i];
    return 0;
}

/* How many have a smaller number. */
static uint32_t
rank_of(const struct source *source, uint64_t number)
{
    uint32_t low = 0, high = source->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (source->numbers[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One that nothing else is known of stays unknown. */
static uint32_t
new_number(const struct source *source, uint64_t number)
{
    uint32_t rank = rank_of(source, number);
    return rank < source->count && source->numbers[rank] == number ? source->base + rank : UINT32_MAX;
}

/* --- records ------------------------------------------------------------- */

static bool
make_room(struct combine *combine, size_t more)
{
    if (combine->used + more <= combine->room)
        return true;
    size_t room = 2 * combine->room > combine->used + more ? 2 * combine->room : combine->used + more;
    void *grown = realloc(combine->buffer, room);
    if (!grown)
        return false;
    combine->buffer = grown;
    combine->room = room;
    return true;
}

static uint8_t *
put_bytes(uint8_t *p, const void *data, size_t length)
{
    if (length)
        memcpy(p, data, length);
    return p + length;
}

/* id, kind, text name, process, ...: the end of what stands before the process, which is 0 if there is none. */
static const uint8_t *
find_origin_process(struct slice payload, uint64_t *process, const uint8_t **after)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t number;
    *process = 0;
    for (int i = 0; i < 3 && p; i++)
        p = varint_get(p, end, &number);
    if (!p || number > (uint64_t)(end - p))
        return NULL;
    p += number; /* of the name */
    *after = varint_get(p, end, process);
    return *after ? p : NULL;
}

static uint8_t *
put_origin(const struct source *source, uint8_t *p, struct slice payload)
{
    uint64_t process;
    const uint8_t *after;
    const uint8_t *at = find_origin_process(payload, &process, &after);
    if (!at || !process)
        return put_bytes(varint_put(p, payload.length), payload.data, payload.length);
    uint8_t number[VARINT_MAX];
    size_t length = (size_t)(varint_put(number, new_number(source, process)) - number);
    size_t before = (size_t)(at - (const uint8_t *)payload.data);
    size_t rest = payload.length - (size_t)(after - (const uint8_t *)payload.data);
    p = varint_put(p, before + length + rest);
    p = put_bytes(p, payload.data, before);
    p = put_bytes(p, number, length);
    return put_bytes(p, after, rest);
}

/* Of a trace that was merged itself. */
static uint8_t *
put_run(struct combine *combine, struct source *source, uint8_t *p, struct slice payload)
{
    const uint8_t *at = (const uint8_t *)payload.data;
    const uint8_t *end = at + payload.length;
    uint64_t run, first, count;
    const uint8_t *rest = varint_get(at, end, &run);
    rest = rest ? varint_get(rest, end, &first) : NULL;
    rest = rest ? varint_get(rest, end, &count) : NULL;
    if (!rest || run > UINT32_MAX / 2 || first > UINT32_MAX || count > UINT32_MAX)
        return put_bytes(varint_put(p, payload.length), payload.data, payload.length);
    uint32_t rank = rank_of(source, first);
    uint8_t numbers[3 * VARINT_MAX];
    uint8_t *q = varint_put(numbers, combine->runs + run);
    q = varint_put(q, source->base + rank);
    q = varint_put(q, rank_of(source, first + count) - rank);
    source->runs = run > source->runs ? (uint32_t)run : source->runs;
    p = varint_put(p, (uint64_t)(q - numbers) + (uint64_t)(end - rest));
    p = put_bytes(p, numbers, (size_t)(q - numbers));
    return put_bytes(p, rest, (size_t)(end - rest));
}

static uint8_t *
put_extended(struct combine *combine, struct source *source, uint8_t *p, const struct record *record)
{
    p = varint_put(p, record->extended);
    if (record->extended == FLOW_EXTENDED_ORIGIN)
        return put_origin(source, p, record->payload);
    if (record->extended == FLOW_EXTENDED_RUN)
        return put_run(combine, source, p, record->payload);
    return put_bytes(varint_put(p, record->payload.length), record->payload.data, record->payload.length);
}

/* Up to its age as it is; `first_ns` is when the chunk begins, as start_ns after the trace's start. */
static uint8_t *
put_open(uint8_t *p, const struct record *record, const uint8_t *fields, uint64_t age)
{
    p = put_bytes(p, fields, (size_t)((const uint8_t *)record->payload.data - fields));
    p = varint_put(p, age);
    return varint_put(p, record->count);
}

/* --- chunks -------------------------------------------------------------- */

/* After the start of its trace. */
static uint64_t
since_start(const struct source *source, uint64_t ns)
{
    int64_t since = (int64_t)(ns - source->reader->header->start_mono_ns);
    return since > 0 && since < INT64_MAX / 2 ? (uint64_t)since : 0;
}

/* Rewrites the records of a chunk into the buffer. `last_ns` goes on from chunk to chunk of a thread. -E2BIG: what did
 * not fit any more is left out. */
static int
rewrite(struct combine *combine, struct source *source, uint32_t index, uint64_t first_ns, uint64_t *last_ns)
{
    struct reader *reader = source->reader;
    uint64_t now = first_ns;
    struct cursor cursor;
    struct record record;
    int ret;
    cursor_open_chunk(&cursor, reader, index);
    cursor.last_ns = *last_ns;
    combine->used = 0;
    while ((ret = cursor_next(&cursor, &record)) > 0) {
        const uint8_t *fields;
        uint64_t head;
        fields = varint_get(cursor.next - record.size, cursor.next, &head);
        if (combine->used + record.size + RECORD_MORE + sizeof(struct flow_chunk_header)
            > (size_t)FLOW_CHUNK_UNITS_MAX * FLOW_UNIT_SIZE)
            return -E2BIG;
        if (!make_room(combine, record.size + (size_t)RECORD_MORE))
            return -ENOMEM;
        uint64_t dt = source->time && record.time_ns > now ? record.time_ns - now : 0;
        now += dt;
        uint8_t *p = varint_put(combine->buffer + combine->used, dt << 4 | record.type);
        if (record.type == FLOW_EXTENDED)
            p = put_extended(combine, source, p, &record);
        else if (record.type == FLOW_OPEN)
            p = put_open(p, &record, fields, source->time ? first_ns - record.start_ns : 0);
        else
            p = put_bytes(p, fields, (size_t)(cursor.next - fields));
        combine->used = (size_t)(p - combine->buffer);
    }
    *last_ns = cursor.last_ns;
    return ret;
}

static void
set_times(const struct combine *combine, const struct source *source, struct flow_chunk_header *header, uint64_t first,
          uint64_t last)
{
    uint64_t start = combine->header.start_mono_ns + source->run->start_ns;
    bool time = combine->header.clock != FLOW_CLOCK_NONE;
    header->first_ns = start + first;
    header->first_ticks = time ? header->first_ns : 0;
    atomic_store(&header->last_ns, start + last);
    atomic_store(&header->last_ticks, time ? start + last : 0);
}

/* When a chunk begins. Of two of one number, as only damage makes them, whose times are nonsense both would begin at 0:
 * the second would be taken for the first once more. */
static uint64_t
first_of(struct source *source, uint32_t index, uint64_t first)
{
    const struct chunk *chunk = &source->reader->chunks[index];
    bool again = index && chunk[-1].process == chunk->process && chunk[-1].thread == chunk->thread
                 && chunk[-1].sequence == chunk->sequence;
    source->first = first + (again && first == source->first);
    return source->first;
}

static int
add_chunk(struct combine *combine, struct source *source, uint32_t index, uint64_t *last_ns)
{
    struct chunk *chunk = &source->reader->chunks[index];
    struct flow_chunk_header header = recover_header(source->reader, index);
    bool event = header.kind == FLOW_CHUNK_EVENTS;
    uint64_t first = first_of(source, index, source->time || !event ? since_start(source, header.first_ns) : 0);
    uint64_t last = source->time || !event ? since_start(source, atomic_load(&header.last_ns)) : 0;
    int ret = rewrite(combine, source, index, first, last_ns);
    reader_forget(source->reader, index);
    if (ret == -E2BIG)
        chunk->damaged = true; /* the next one begins anew */
    else if (ret < 0)
        return ret;
    header.process = new_number(source, header.process);
    set_times(combine, source, &header, first, last > first ? last : first);
    return output_chunk(&combine->output, &header, combine->buffer, combine->used);
}

static bool
is_first_of_stream(const struct reader *reader, uint32_t index)
{
    const struct chunk *chunk = &reader->chunks[index];
    return index == 0 || chunk->header->kind == FLOW_CHUNK_META || chunk[-1].process != chunk->process
           || chunk[-1].thread != chunk->thread;
}

static int
add_chunks(struct combine *combine, struct source *source)
{
    const struct reader *reader = source->reader;
    uint64_t last_ns = 0;
    int ret = 0;
    for (uint32_t i = 0; i < reader->chunk_count && ret >= 0; i++) {
        last_ns = is_first_of_stream(reader, i) ? 0 : last_ns;
        ret = add_chunk(combine, source, i, &last_ns);
    }
    return ret;
}

/* --- what the run says of itself ------------------------------------------ */

static uint8_t *
put_text(uint8_t *p, const char *text, size_t length)
{
    return put_bytes(varint_put(p, length), text, length);
}

static uint8_t *
put_head(uint8_t *p, enum flow_extended subtype, size_t length)
{
    return varint_put(varint_put(varint_put(p, FLOW_EXTENDED), subtype), length);
}

static int
add_about(struct combine *combine, const struct source *source)
{
    enum { TEXT_MAX = 1000 };
    const struct combine_run *run = source->run;
    size_t name = strnlen(run->name, TEXT_MAX), clock = strnlen(run->clock, TEXT_MAX);
    uint8_t payload[5 * VARINT_MAX + 2 * TEXT_MAX];
    uint8_t *end = varint_put(payload, combine->runs + (uint64_t)1);
    end = varint_put(varint_put(end, source->base), source->count);
    end = put_text(put_text(end, run->name, name), run->clock, clock);
    size_t length = (size_t)(end - payload);
    combine->used = 0;
    if (!make_room(combine, length + run->text_length + RECORD_MORE + RECORD_MORE))
        return -ENOMEM;
    uint8_t *p = combine->buffer;
    if (!source->runs)
        p = put_bytes(put_head(p, FLOW_EXTENDED_RUN, length), payload, length);
    if (run->text_length)
        p = put_bytes(put_head(p, FLOW_EXTENDED_PROCESS, run->text_length), run->texts, run->text_length);
    const struct flow_chunk_header *first = NULL;
    for (uint32_t i = 0; i < source->reader->chunk_count && !first; i++)
        if (source->reader->chunks[i].process == source->numbers[0])
            first = source->reader->chunks[i].header;
    struct flow_chunk_header header = {
        .kind = FLOW_CHUNK_META, .process = source->base, .pid = first ? first->pid : 0, .flags = FLOW_CHUNK_LAST};
    set_times(combine, source, &header, 0, 0);
    return p == combine->buffer
               ? 0
               : output_chunk(&combine->output, &header, combine->buffer, (size_t)(p - combine->buffer));
}

int
combine_add(struct combine *combine, struct reader *reader, const struct combine_run *run)
{
    struct source source = {.reader = reader,
                            .run = run,
                            .base = combine->processes + 1,
                            .time = reader->header->clock != FLOW_CLOCK_NONE
                                    && combine->header.clock != FLOW_CLOCK_NONE};
    bool was_cut_off = reader->cut_off;
    int ret = find_processes(&source);
    if (ret == 0 && source.count)
        ret = add_chunks(combine, &source);
    if (ret >= 0 && source.count)
        ret = add_about(combine, &source);
    reader_look_again(reader);
    if (ret >= 0 && reader->cut_off != was_cut_off)
        ret = -ENODATA;
    free(source.numbers);
    combine->processes += source.count;
    combine->runs += source.runs ? source.runs : 1;
    struct flow_file_header *header = &combine->header;
    header->minor = reader->header->minor > header->minor ? reader->header->minor : header->minor;
    atomic_fetch_add(&header->unrecorded, atomic_load(&reader->header->unrecorded));
    return ret < 0 ? ret : 0;
}

/* --- the file ------------------------------------------------------------ */

int
combine_open(struct combine *out, const char *path, const struct combine_settings *settings)
{
    *out = (struct combine){0};
    struct flow_file_header *header = &out->header;
    header->minor = FLOW_MINOR;
    header->clock = settings->time ? FLOW_CLOCK_MONOTONIC : FLOW_CLOCK_NONE;
    header->flags = (settings->values ? 0u : FLOW_FILE_NO_VALUES) | (settings->time ? 0u : FLOW_FILE_NO_TIME);
    header->start_mono_ns = settings->start_mono_ns;
    header->start_ticks = settings->time ? settings->start_mono_ns : 0;
    header->start_unix_ns = settings->start_unix_ns;
    if (getrandom(header->trace_id, sizeof header->trace_id, GRND_NONBLOCK) < 0)
        memcpy(header->trace_id, &settings->start_unix_ns, sizeof settings->start_unix_ns);
    return output_open(&out->output, path);
}

int
combine_close(struct combine *combine)
{
    return output_close(&combine->output, &combine->header);
}

void
combine_drop(struct combine *combine)
{
    output_drop(&combine->output);
    free(combine->buffer);
    combine->buffer = NULL;
}
