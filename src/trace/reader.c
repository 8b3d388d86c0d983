#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "varint.h"

/* --- tables ------------------------------------------------------------- */

static bool
make_room(void **items, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return true;
    uint32_t more = *room ? 2 * *room : 64;
    void *grown = realloc(*items, more * size);
    if (!grown)
        return false;
    *items = grown;
    *room = more;
    return true;
}

struct code_table {
    uint32_t *slots; /* index + 1 into reader->codes; 0: free */
    size_t mask;
};

static size_t
code_slot(const struct reader *reader, const struct code_table *table, uint32_t process, uint32_t number)
{
    uint64_t hash = ((uint64_t)process << 32 | number) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(hash >> 32) & table->mask;
    for (; table->slots[i]; i = (i + 1) & table->mask) {
        const struct code *code = reader->codes[table->slots[i] - 1];
        if (code->process == process && code->number == number)
            break;
    }
    return i;
}

static bool
grow_code_table(struct reader *reader, struct code_table *table)
{
    if (table->slots && reader->code_count * 2 < table->mask)
        return true;
    struct code_table bigger = {NULL, table->slots ? 2 * table->mask + 1 : 255};
    bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (uint32_t i = 0; i < reader->code_count; i++)
        bigger.slots[code_slot(reader, &bigger, reader->codes[i]->process, reader->codes[i]->number)] = i + 1;
    free(table->slots);
    *table = bigger;
    return true;
}

static void
free_code(struct code *code)
{
    if (code)
        free(code->parameters);
    free(code);
}

/* Takes `code` over. The one that is known by this number, or this one, or NULL without memory. */
static const struct code *
add_code(struct reader *reader, struct code *code)
{
    struct code_table *table = reader->code_table;
    void *codes = reader->codes;
    if (!grow_code_table(reader, table) || !make_room(&codes, reader->code_count, &reader->code_room, sizeof code)) {
        free_code(code);
        return NULL;
    }
    reader->codes = codes;
    size_t slot = code_slot(reader, table, code->process, code->number);
    if (table->slots[slot]) {
        free_code(code);
        return reader->codes[table->slots[slot] - 1];
    }
    code->index = reader->code_count;
    reader->codes[reader->code_count++] = code;
    table->slots[slot] = reader->code_count;
    return code;
}

/* --- fields ------------------------------------------------------------- */

/* Where reading stands. A cursor defines what it passes; without one, reading
 * only looks up. `bad` is sticky: later gets give zeros. */
struct input {
    const uint8_t *p, *end;
    struct reader *reader;
    struct chunk *chunk;
    struct cursor *cursor; /* NULL: look up only */
    bool bad;
    bool no_memory;
};

static uint64_t
get_varint(struct input *in)
{
    uint64_t n = 0;
    const uint8_t *p = in->bad ? NULL : varint_get(in->p, in->end, &n);
    if (!p) {
        in->bad = true;
        return 0;
    }
    in->p = p;
    return n;
}

static uint32_t
get_small(struct input *in)
{
    uint64_t n = get_varint(in);
    if (n > UINT32_MAX)
        in->bad = true;
    return in->bad ? 0 : (uint32_t)n;
}

static uint8_t
get_byte(struct input *in)
{
    if (in->bad || in->p >= in->end) {
        in->bad = true;
        return 0;
    }
    return *in->p++;
}

static struct slice
get_bytes(struct input *in, uint64_t length)
{
    if (in->bad || length > (uint64_t)(in->end - in->p)) {
        in->bad = true;
        return (struct slice){0};
    }
    struct slice slice = {(const char *)in->p, (size_t)length};
    in->p += length;
    return slice;
}

static struct slice
get_text(struct input *in)
{
    return get_bytes(in, get_varint(in));
}

static void
define_string(struct input *in, struct slice string)
{
    struct chunk *chunk = in->chunk;
    if (!in->cursor || in->bad || in->cursor->strings_seen++ < chunk->string_count)
        return;
    void *strings = chunk->strings;
    if (!make_room(&strings, chunk->string_count, &chunk->string_room, sizeof string)) {
        in->bad = in->no_memory = true;
        return;
    }
    chunk->strings = strings;
    chunk->strings[chunk->string_count++] = string;
}

static struct slice
get_string(struct input *in)
{
    uint64_t n = get_varint(in);
    if (n == 0) {
        struct slice string = get_text(in);
        define_string(in, string);
        return string;
    }
    if (in->bad || n > in->chunk->string_count) {
        in->bad = true;
        return (struct slice){0};
    }
    return in->chunk->strings[n - 1];
}

static void
get_parameters(struct input *in, struct code *code)
{
    uint32_t count = get_small(in);
    if (in->bad || count > (uint64_t)(in->end - in->p) / 2) { /* each takes two bytes or more */
        in->bad = true;
        return;
    }
    code->parameters = calloc((size_t)count + 1, sizeof *code->parameters);
    if (!code->parameters) {
        in->bad = in->no_memory = true;
        return;
    }
    code->parameter_count = count;
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        code->parameters[i].name = get_string(in);
        code->parameters[i].kind = get_byte(in);
    }
}

static const struct code *
define_code(struct input *in)
{
    struct code *code = calloc(1, sizeof *code);
    if (!code) {
        in->bad = in->no_memory = true;
        return NULL;
    }
    code->process = in->chunk->process;
    code->flags = get_small(in);
    code->number = get_small(in);
    code->qualname = get_string(in);
    code->module = get_string(in);
    code->file = get_string(in);
    code->first_line = get_small(in);
    get_parameters(in, code);
    if (in->bad) {
        free_code(code);
        return NULL;
    }
    const struct code *known = add_code(in->reader, code);
    struct chunk *chunk = in->chunk;
    void *codes = chunk->codes;
    if (!known || !make_room(&codes, chunk->code_count, &chunk->code_room, sizeof known)) {
        in->bad = in->no_memory = true;
        return NULL;
    }
    chunk->codes = codes;
    if (in->cursor->codes_seen++ >= chunk->code_count)
        chunk->codes[chunk->code_count++] = known;
    return known;
}

/* Only cursors read code: values hold none. */
static const struct code *
get_code(struct input *in)
{
    uint64_t n = get_varint(in);
    if (n == 0 && !in->bad)
        return define_code(in);
    if (in->bad || n > in->chunk->code_count) {
        in->bad = true;
        return NULL;
    }
    return in->chunk->codes[n - 1];
}

/* --- values ------------------------------------------------------------- */

static double
get_double(struct input *in)
{
    double number = 0;
    struct slice bytes = get_bytes(in, sizeof number);
    if (bytes.data)
        memcpy(&number, bytes.data, sizeof number);
    return number;
}

/* Each child takes a byte or more: a count beyond that is damage. */
static void
get_counts(struct input *in, struct value_head *head)
{
    head->total = get_varint(in);
    head->count = get_varint(in);
    if (head->count > (uint64_t)(in->end - in->p) || head->count > head->total)
        in->bad = true;
}

static void
get_head(struct input *in, struct value_head *head)
{
    *head = (struct value_head){.tag = get_byte(in)};
    switch (head->tag) {
    case FLOW_VALUE_ABSENT:
    case FLOW_VALUE_NONE:
    case FLOW_VALUE_FALSE:
    case FLOW_VALUE_TRUE:
    case FLOW_VALUE_ELLIPSIS:
    case FLOW_VALUE_NOT_IMPLEMENTED:
    case FLOW_VALUE_REDACTED:
    case FLOW_VALUE_TRUNCATED:
    case FLOW_VALUE_UNREADABLE:
    case FLOW_VALUE_CYCLE:
        break;
    case FLOW_VALUE_INT:
        head->integer = varint_unzigzag(get_varint(in));
        break;
    case FLOW_VALUE_BIG_INT:
        head->negative = get_byte(in) == 1;
        head->total = get_varint(in);
        head->bytes = get_text(in);
        break;
    case FLOW_VALUE_COMPLEX:
        head->real = get_double(in);
        head->imaginary = get_double(in);
        break;
    case FLOW_VALUE_FLOAT:
        head->real = get_double(in);
        break;
    case FLOW_VALUE_STR:
    case FLOW_VALUE_BYTES:
    case FLOW_VALUE_BYTEARRAY:
        head->total = get_varint(in);
        head->bytes = get_text(in);
        break;
    case FLOW_VALUE_STR_WHOLE:
        head->bytes = get_string(in);
        break;
    case FLOW_VALUE_LIST:
    case FLOW_VALUE_TUPLE:
    case FLOW_VALUE_SET:
    case FLOW_VALUE_FROZENSET:
    case FLOW_VALUE_DICT:
        get_counts(in, head);
        break;
    case FLOW_VALUE_OBJECT:
        head->type = get_string(in);
        break;
    case FLOW_VALUE_FIELDS:
    case FLOW_VALUE_ARGS:
        head->type = get_string(in);
        get_counts(in, head);
        break;
    case FLOW_VALUE_WRAPPED:
        head->type = get_string(in);
        head->total = head->count = 1;
        break;
    case FLOW_VALUE_TEXT:
        head->type = get_string(in);
        head->bytes = get_text(in);
        break;
    case FLOW_VALUE_EXTENDED:
        get_varint(in);
        head->bytes = get_text(in);
        break;
    default:
        if (head->tag > 0x9f)
            in->bad = true;
        head->integer = head->tag + FLOW_VALUE_SMALL_MIN;
        head->tag = FLOW_VALUE_INT;
    }
}

static void
skip_value(struct input *in, unsigned depth)
{
    struct value_head head;
    if (depth > FLOW_VALUE_DEPTH_MAX)
        in->bad = true;
    get_head(in, &head);
    for (uint64_t i = 0; i < head.count && !in->bad; i++) {
        if (head.tag == FLOW_VALUE_FIELDS)
            get_string(in);
        if (head.tag == FLOW_VALUE_DICT)
            skip_value(in, depth + 1);
        skip_value(in, depth + 1);
    }
}

static struct input
open_value(const struct reader *reader, const struct value *value)
{
    /* Without a cursor nothing of the reader or the chunk is written. */
    return (struct input){.p = value->data,
                          .end = value->end,
                          .reader = (struct reader *)reader,
                          .chunk = reader->chunks + value->chunk,
                          .bad = !value->data};
}

static uint64_t
count_code_points(struct slice utf8)
{
    uint64_t n = 0;
    for (size_t i = 0; i < utf8.length; i++)
        n += ((uint8_t)utf8.data[i] & 0xc0) != 0x80;
    return n;
}

int
value_read(const struct reader *reader, struct value *value, struct value_head *out)
{
    if (!value->data) {
        *out = (struct value_head){.tag = FLOW_VALUE_ABSENT};
        return 0;
    }
    struct input in = open_value(reader, value);
    get_head(&in, out);
    if (in.bad)
        return -EBADMSG;
    if (out->tag == FLOW_VALUE_STR_WHOLE)
        out->total = count_code_points(out->bytes);
    value->data = in.p;
    return 0;
}

int
value_read_name(const struct reader *reader, struct value *value, struct slice *out)
{
    struct input in = open_value(reader, value);
    *out = get_string(&in);
    if (in.bad)
        return -EBADMSG;
    value->data = in.p;
    return 0;
}

int
value_skip(const struct reader *reader, struct value *value)
{
    if (!value->data)
        return 0;
    struct input in = open_value(reader, value);
    skip_value(&in, 0);
    if (in.bad)
        return -EBADMSG;
    value->data = in.p;
    return 0;
}

/* --- records ------------------------------------------------------------ */

static struct value
get_values(struct input *in, uint32_t count)
{
    struct value value = {in->p, in->p, (uint32_t)(in->chunk - in->reader->chunks)};
    for (uint32_t i = 0; i < count && !in->bad; i++)
        skip_value(in, 0);
    value.end = in->p;
    return value;
}

static void
get_exception(struct input *in, struct exception_record *out)
{
    out->id = get_varint(in);
    out->defined = get_byte(in) == 1;
    if (!out->defined)
        return;
    out->type = get_string(in);
    out->message = get_values(in, 1);
    out->function = get_string(in);
    out->file = get_string(in);
    out->line = get_small(in);
    out->cause = get_string(in);
}

static void
get_code_and_generator(struct input *in, struct record *out)
{
    out->code = get_code(in);
    if (out->code && out->code->flags & FLOW_CODE_SUSPENDS)
        out->generator = get_varint(in);
}

static void
get_fields(struct input *in, struct record *out)
{
    switch (out->type) {
    case FLOW_CALL:
        get_code_and_generator(in, out);
        break;
    case FLOW_CALL_VALUES:
        get_code_and_generator(in, out);
        if (out->code)
            out->values = get_values(in, out->code->parameter_count);
        break;
    case FLOW_RETURN:
        break;
    case FLOW_RETURN_VALUE:
        out->values = get_values(in, 1);
        break;
    case FLOW_YIELD:
        out->yield = (enum flow_yield)get_small(in);
        out->values = get_values(in, 1);
        break;
    case FLOW_RESUME:
        out->generator = get_varint(in);
        out->code = get_code(in);
        break;
    case FLOW_THROW:
        out->generator = get_varint(in);
        out->code = get_code(in);
        get_exception(in, &out->exception);
        break;
    case FLOW_UNWIND:
        get_exception(in, &out->exception);
        out->line = get_small(in);
        out->caller_line = get_small(in);
        out->indirect = out->caller_line & 1;
        out->caller_line >>= 1;
        break;
    case FLOW_DROP:
        out->count = get_varint(in);
        break;
    case FLOW_OPEN:
        get_code_and_generator(in, out);
        out->start_ns = get_varint(in); /* an age in ticks, until the caller converts it */
        out->count = get_varint(in);
        break;
    case FLOW_EXTENDED:
        out->extended = (enum flow_extended)get_small(in);
        out->payload = get_text(in);
        break;
    default:
        in->bad = true;
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
    cursor->strings_seen = cursor->codes_seen = 0;
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
    uint64_t header = get_varint(in);
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

/* --- the file ----------------------------------------------------------- */

static int
check_header(const struct reader *reader, char *message, size_t size)
{
    const struct flow_file_header *header = reader->header;
    if (memcmp(header->magic, FLOW_MAGIC, sizeof header->magic) != 0)
        snprintf(message, size, "this is not a FlowTrace trace");
    else if (header->byte_order != FLOW_BYTE_ORDER)
        snprintf(message, size, "this trace was recorded on a machine of another byte order");
    else if (header->major > FLOW_MAJOR)
        snprintf(message, size, "this trace has format version %u and this FlowTrace reads up to %u: upgrade FlowTrace",
                 header->major, FLOW_MAJOR);
    else if (header->unit_size != FLOW_UNIT_SIZE || header->major == 0)
        snprintf(message, size, "the header of this trace is damaged");
    else
        return 0;
    return -EINVAL;
}

#define UNITS_IN_THE_MAKING 64

static bool
add_chunk(struct reader *reader, uint32_t *room, size_t offset, size_t units)
{
    const struct flow_chunk_header *header = (const void *)(reader->map + offset);
    void *chunks = reader->chunks;
    if (!make_room(&chunks, reader->chunk_count, room, sizeof *reader->chunks))
        return false;
    reader->chunks = chunks;
    size_t size = units * FLOW_UNIT_SIZE;
    if (size > reader->size - offset) {
        size = reader->size - offset;
        reader->cut_off = true;
    }
    size_t committed = atomic_load_explicit(&header->committed, memory_order_acquire);
    bool damaged = committed < sizeof *header || committed > size;
    if (damaged) {
        reader->damaged++;
        committed = committed > size ? size : sizeof *header;
    }
    reader->chunks[reader->chunk_count++] = (struct chunk){
        .header = header,
        .data = (const uint8_t *)header + sizeof *header,
        .end = (const uint8_t *)header + committed,
        .process = header->process,
        .thread = header->thread,
        .sequence = header->sequence,
        .damaged = damaged,
    };
    return true;
}

/* The units of the chunk that begins here; 0 if none does. */
static size_t
count_units(const struct flow_chunk_header *header)
{
    if (atomic_load_explicit(&header->magic, memory_order_acquire) != FLOW_CHUNK_MAGIC)
        return 0;
    uint16_t units = header->units;
    return units <= FLOW_CHUNK_UNITS_MAX ? units : 0;
}

static int
find_chunks(struct reader *reader)
{
    uint32_t room = 0;
    size_t offset = FLOW_UNIT_SIZE;
    while (offset + sizeof(struct flow_chunk_header) <= reader->size) {
        const struct flow_chunk_header *header = (const void *)(reader->map + offset);
        size_t units = count_units(header);
        bool known = header->kind == FLOW_CHUNK_EVENTS || header->kind == FLOW_CHUNK_META;
        if (units && known && !add_chunk(reader, &room, offset, units))
            return -ENOMEM;
        offset += (units ? units : 1) * FLOW_UNIT_SIZE;
    }
    /* Writers claim units before they lengthen the file, a few at a time. */
    uint64_t claimed = atomic_load_explicit(&reader->header->next_unit, memory_order_acquire);
    reader->cut_off |= claimed > reader->size / FLOW_UNIT_SIZE + UNITS_IN_THE_MAKING;
    reader->damaged += reader->cut_off && !reader->damaged;
    return 0;
}

static int
compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int
compare_chunks(const void *left, const void *right)
{
    const struct chunk *a = left;
    const struct chunk *b = right;
    int order = compare(a->header->kind == FLOW_CHUNK_META, b->header->kind == FLOW_CHUNK_META);
    if (!order)
        order = compare(a->process, b->process);
    if (!order)
        order = compare(a->thread, b->thread);
    if (!order)
        order = compare(a->sequence, b->sequence);
    return order ? order : compare((uintptr_t)a->header, (uintptr_t)b->header);
}

static int
find_streams(struct reader *reader)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < reader->event_chunk_count; i++) {
        const struct chunk *chunk = &reader->chunks[i];
        if (i > 0 && chunk[-1].process == chunk->process && chunk[-1].thread == chunk->thread) {
            reader->streams[reader->stream_count - 1].chunk_count++;
            continue;
        }
        void *streams = reader->streams;
        if (!make_room(&streams, reader->stream_count, &room, sizeof *reader->streams))
            return -ENOMEM;
        reader->streams = streams;
        reader->streams[reader->stream_count++] =
            (struct stream){chunk->process, chunk->header->pid, chunk->thread, i, 1};
    }
    return 0;
}

/* From the trace's start to the latest tie of the two clocks. */
static double
find_rate(const struct reader *reader)
{
    uint64_t ticks = reader->header->start_ticks;
    uint64_t ns = reader->header->start_mono_ns;
    uint64_t last_ticks = ticks;
    uint64_t last_ns = ns;
    for (uint32_t i = 0; i < reader->chunk_count; i++) {
        const struct flow_chunk_header *header = reader->chunks[i].header;
        uint64_t chunk_ns = atomic_load_explicit(&header->last_ns, memory_order_acquire);
        if (chunk_ns <= last_ns)
            continue;
        last_ns = chunk_ns;
        last_ticks = atomic_load_explicit(&header->last_ticks, memory_order_relaxed);
    }
    double rate = last_ticks > ticks ? (double)(last_ns - ns) / (double)(last_ticks - ticks) : 1;
    return isfinite(rate) && rate > 1e-3 && rate < 1e6 ? rate : 1;
}

static int
open_map(struct reader *reader, const char *path, char *message, size_t message_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* should it be a pipe */
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0) {
        int error = errno;
        snprintf(message, message_size, "%s", strerror(error));
        if (fd >= 0)
            close(fd);
        return -error;
    }
    int ret = -EINVAL;
    if (S_ISDIR(status.st_mode))
        snprintf(message, message_size, "this is a folder, not a trace");
    else if (!S_ISREG(status.st_mode))
        snprintf(message, message_size, "this is a device or a pipe, not a trace");
    else if (status.st_size == 0)
        snprintf(message, message_size, "the file is empty");
    else if (status.st_size < (off_t)FLOW_UNIT_SIZE)
        snprintf(message, message_size, "this is not a FlowTrace trace, or it was cut off");
    else
        ret = 0;
    if (ret == 0) {
        reader->size = (size_t)status.st_size;
        void *map = mmap(NULL, reader->size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            ret = -errno;
            snprintf(message, message_size, "%s", strerror(-ret));
        }
        else {
            reader->map = map;
            reader->header = map;
        }
    }
    close(fd);
    return ret;
}

int
reader_open(struct reader *out, const char *path, char *message, size_t message_size)
{
    *out = (struct reader){0};
    int ret = open_map(out, path, message, message_size);
    if (ret == 0)
        ret = check_header(out, message, message_size);
    if (ret < 0)
        goto fail;
    out->code_table = calloc(1, sizeof(struct code_table));
    ret = out->code_table ? find_chunks(out) : -ENOMEM;
    if (ret < 0)
        goto fail;
    if (out->chunk_count)
        qsort(out->chunks, out->chunk_count, sizeof *out->chunks, compare_chunks);
    while (out->event_chunk_count < out->chunk_count
           && out->chunks[out->event_chunk_count].header->kind == FLOW_CHUNK_EVENTS)
        out->event_chunk_count++;
    ret = find_streams(out);
    if (ret < 0)
        goto fail;
    out->ns_per_tick = out->header->clock == FLOW_CLOCK_CYCLES ? find_rate(out) : 1;
    return 0;
fail:
    if (ret == -ENOMEM)
        snprintf(message, message_size, "not enough memory to read this trace");
    reader_close(out);
    return ret;
}

void
reader_close(struct reader *reader)
{
    for (uint32_t i = 0; i < reader->chunk_count; i++) {
        free(reader->chunks[i].strings);
        free(reader->chunks[i].codes);
    }
    for (uint32_t i = 0; i < reader->code_count; i++)
        free_code(reader->codes[i]);
    if (reader->code_table)
        free(((struct code_table *)reader->code_table)->slots);
    free(reader->code_table);
    free(reader->codes);
    free(reader->chunks);
    free(reader->streams);
    if (reader->map)
        munmap((void *)(uintptr_t)reader->map, reader->size);
    *reader = (struct reader){0};
}
