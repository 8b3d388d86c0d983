/* trace_builder.h - builds the bytes of a trace by hand, whole or damaged, for the tests.
 *
 *   struct trace_builder b;
 *   build_trace(&b, FLOW_CLOCK_MONOTONIC);
 *   build_chunk(&b, 1, 1, 0);
 *   build_call(&b, 10, "main");          10 ns after the record before
 *   build_record(&b, 5, FLOW_RETURN);
 *   build_open(&b, &reader);             also ends the chunk
 */
#ifndef FLOW_TRACE_BUILDER_H
#define FLOW_TRACE_BUILDER_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/trace/reader.h"
#include "../../src/trace/varint.h"

#define BUILD_START_NS 1000000u /* every trace's start_mono_ns */
#ifndef BUILD_UNITS
#define BUILD_UNITS 64
#endif

struct trace_builder {
    uint8_t *data; /* Owned */
    uint32_t units;
    struct flow_chunk_header *chunk;
    uint8_t *p;
    uint32_t functions; /* defined so far; numbers are never used twice */
    uint64_t now;       /* ns since the trace's start */
};

static inline struct flow_file_header *
build_header(struct trace_builder *b)
{
    return (struct flow_file_header *)(void *)b->data;
}

static inline void
build_trace(struct trace_builder *b, enum flow_clock clock)
{
    *b = (struct trace_builder){.data = calloc(BUILD_UNITS, FLOW_UNIT_SIZE), .units = 1};
    struct flow_file_header *header = build_header(b);
    memcpy(header->magic, FLOW_MAGIC, sizeof header->magic);
    header->major = FLOW_MAJOR;
    header->minor = FLOW_MINOR;
    header->byte_order = FLOW_BYTE_ORDER;
    header->unit_size = FLOW_UNIT_SIZE;
    header->clock = clock;
    header->start_ticks = header->start_mono_ns = BUILD_START_NS;
    atomic_store(&header->next_unit, 1);
}

static inline void
build_chunk_end(struct trace_builder *b)
{
    if (!b->chunk)
        return;
    atomic_store(&b->chunk->committed, (uint32_t)(b->p - (uint8_t *)b->chunk));
    atomic_store(&b->chunk->last_ticks, BUILD_START_NS + b->now);
    atomic_store(&b->chunk->last_ns, BUILD_START_NS + b->now);
    b->chunk = NULL;
}

/* The chunk's clock goes on where the last one ended. */
static inline void
build_chunk(struct trace_builder *b, uint32_t process, uint32_t thread, uint32_t sequence)
{
    build_chunk_end(b);
    assert(b->units < BUILD_UNITS);
    b->chunk = (struct flow_chunk_header *)(void *)(b->data + (size_t)b->units++ * FLOW_UNIT_SIZE);
    b->chunk->kind = FLOW_CHUNK_EVENTS;
    b->chunk->units = 1;
    b->chunk->process = process;
    b->chunk->pid = 1000 + process;
    b->chunk->thread = thread;
    b->chunk->sequence = sequence;
    b->chunk->first_ticks = b->chunk->first_ns = BUILD_START_NS + b->now;
    atomic_store(&b->chunk->magic, FLOW_CHUNK_MAGIC);
    b->p = (uint8_t *)(b->chunk + 1);
}

static inline void
build_meta_chunk(struct trace_builder *b, uint32_t process)
{
    build_chunk(b, process, 0, 0);
    b->chunk->kind = FLOW_CHUNK_META;
}

/* --- fields ------------------------------------------------------------- */

static inline void
build_number(struct trace_builder *b, uint64_t n)
{
    b->p = varint_put(b->p, n);
}

static inline void
build_byte(struct trace_builder *b, int byte)
{
    *b->p++ = (uint8_t)byte;
}

static inline void
build_bytes(struct trace_builder *b, const void *data, size_t length)
{
    if (length) /* else there may be no data */
        memcpy(b->p, data, length);
    b->p += length;
}

static inline void
build_text(struct trace_builder *b, const char *text)
{
    build_number(b, strlen(text));
    build_bytes(b, text, strlen(text));
}

/* Always a definition. */
static inline void
build_string(struct trace_builder *b, const char *text)
{
    build_number(b, 0);
    build_text(b, text);
}

static inline void
build_str(struct trace_builder *b, const char *text)
{
    build_byte(b, FLOW_VALUE_STR_WHOLE);
    build_string(b, text);
}

static inline void
build_int(struct trace_builder *b, int n)
{
    assert(n >= FLOW_VALUE_SMALL_MIN && n <= FLOW_VALUE_SMALL_MAX);
    build_byte(b, n - FLOW_VALUE_SMALL_MIN);
}

static inline void
build_head(struct trace_builder *b, enum flow_value tag, uint64_t total, uint64_t count)
{
    build_byte(b, (int)tag);
    build_number(b, total);
    build_number(b, count);
}

static inline void
build_typed(struct trace_builder *b, enum flow_value tag, const char *type)
{
    build_byte(b, (int)tag);
    build_string(b, type);
}

/* The fields of FIELDS as a shape: 0 defines one of these names, else its number. The values follow. */
static inline void
build_shaped(struct trace_builder *b, uint32_t number, const char *type, const char *const *names, uint32_t count)
{
    build_byte(b, FLOW_VALUE_SHAPED);
    build_number(b, number);
    if (number)
        return;
    build_string(b, type);
    build_number(b, count);
    build_number(b, count);
    for (uint32_t i = 0; i < count; i++)
        build_string(b, names[i]);
}

/* The definition of a code of this number. */
static inline void
build_code_definition(struct trace_builder *b, uint32_t number, const char *qualname, uint32_t flags,
                      uint32_t parameters)
{
    build_number(b, 0);
    build_number(b, flags);
    build_number(b, number);
    build_string(b, qualname);
    build_string(b, "module");
    build_string(b, "file.py");
    build_number(b, 7);
    build_number(b, parameters);
    for (uint32_t i = 0; i < parameters; i++) {
        build_string(b, (char[]){(char)('a' + i), '\0'});
        build_byte(b, FLOW_PARAMETER_PLAIN);
    }
}

static inline void
build_code(struct trace_builder *b, const char *qualname, uint32_t flags, uint32_t parameters)
{
    build_code_definition(b, b->functions++, qualname, flags, parameters);
}

static inline void
build_exception(struct trace_builder *b, uint64_t id, const char *type)
{
    build_number(b, id);
    build_byte(b, type != NULL);
    if (!type)
        return;
    build_string(b, type);
    build_typed(b, FLOW_VALUE_ARGS, type);
    build_number(b, 1);
    build_number(b, 1);
    build_str(b, "message");
    build_string(b, "raiser");
    build_string(b, "raiser.py");
    build_number(b, 41);
    build_string(b, "");
}

/* --- records ------------------------------------------------------------ */

static inline void
build_record(struct trace_builder *b, uint64_t dt, enum flow_record type)
{
    build_number(b, dt << 4 | type);
    b->now += dt;
}

static inline void
build_call(struct trace_builder *b, uint64_t dt, const char *qualname)
{
    build_record(b, dt, FLOW_CALL);
    build_code(b, qualname, 0, 0);
}

static inline void
build_generator(struct trace_builder *b, uint64_t dt, const char *qualname, uint64_t id)
{
    build_record(b, dt, FLOW_CALL);
    build_code(b, qualname, FLOW_CODE_COROUTINE, 0);
    build_number(b, id);
}

static inline void
build_yield(struct trace_builder *b, uint64_t dt)
{
    build_record(b, dt, FLOW_YIELD);
    build_number(b, FLOW_YIELD_AWAIT);
    build_byte(b, FLOW_VALUE_ABSENT);
}

/* What it awaits: a task of that name, or something else. */
static inline void
build_await(struct trace_builder *b, uint64_t dt, uint32_t line, const char *task)
{
    build_record(b, dt, FLOW_YIELD);
    build_number(b, FLOW_YIELD_AWAIT);
    build_head(b, FLOW_VALUE_TUPLE, 2, 2);
    build_byte(b, FLOW_VALUE_INT);
    build_number(b, line << 1);
    build_typed(b, task ? FLOW_VALUE_TEXT : FLOW_VALUE_OBJECT, task ? "Task" : "Future");
    if (task)
        build_text(b, task);
}

static inline void
build_resume(struct trace_builder *b, uint64_t dt, const char *qualname, uint64_t id)
{
    build_record(b, dt, FLOW_RESUME);
    build_number(b, id);
    build_code(b, qualname, FLOW_CODE_COROUTINE, 0);
}

static inline void
build_throw(struct trace_builder *b, uint64_t dt, const char *qualname, uint64_t id, uint64_t exception,
            const char *type)
{
    build_record(b, dt, FLOW_THROW);
    build_number(b, id);
    build_code(b, qualname, FLOW_CODE_COROUTINE, 0);
    build_exception(b, exception, type);
}

static inline void
build_unwind(struct trace_builder *b, uint64_t dt, uint64_t exception, const char *type, uint64_t caller_line)
{
    build_record(b, dt, FLOW_UNWIND);
    build_exception(b, exception, type);
    build_number(b, 11);
    build_number(b, caller_line << 1);
}

/* RAISE with enum flow_raise, or HANDLED. */
static inline void
build_seen(struct trace_builder *b, enum flow_record record, uint64_t exception, const char *type, uint64_t line,
           uint64_t how)
{
    build_record(b, 1, record);
    build_exception(b, exception, type);
    build_number(b, line);
    if (record == FLOW_RAISE)
        build_number(b, how);
}

static inline void
build_open_call(struct trace_builder *b, const char *qualname, uint64_t age, uint64_t ordinal)
{
    build_record(b, 0, FLOW_OPEN);
    build_code(b, qualname, 0, 0);
    build_number(b, age);
    build_number(b, ordinal);
}

static inline void
build_open_generator(struct trace_builder *b, const char *qualname, uint64_t id, uint64_t age, uint64_t ordinal)
{
    build_record(b, 0, FLOW_OPEN);
    build_code(b, qualname, FLOW_CODE_COROUTINE, 0);
    build_number(b, id);
    build_number(b, age);
    build_number(b, ordinal);
}

static inline void
build_extended(struct trace_builder *b, enum flow_extended subtype, const uint8_t *payload, size_t length)
{
    build_record(b, 0, FLOW_EXTENDED);
    build_number(b, subtype);
    build_number(b, length);
    build_bytes(b, payload, length);
}

/* SPAWN or ORIGIN. */
static inline void
build_link(struct trace_builder *b, enum flow_extended subtype, uint64_t id, enum flow_spawn kind, const char *name)
{
    uint8_t payload[256];
    uint8_t *p = varint_put(payload, id);
    p = varint_put(p, kind);
    p = varint_put(p, strlen(name));
    memcpy(p, name, strlen(name));
    build_extended(b, subtype, payload, (size_t)(p - payload) + strlen(name));
}

/* ORIGIN in a sub-interpreter. */
static inline void
build_origin_in(struct trace_builder *b, uint64_t dt, uint64_t id, enum flow_spawn kind, uint64_t process)
{
    uint8_t payload[4 * VARINT_MAX];
    uint8_t *p = varint_put(varint_put(payload, id), kind);
    p = varint_put(varint_put(p, 0), process);
    build_record(b, dt, FLOW_EXTENDED);
    build_number(b, FLOW_EXTENDED_ORIGIN);
    build_number(b, (uint64_t)(p - payload));
    build_bytes(b, payload, (size_t)(p - payload));
}

/* What cancel `kind` says: two or three numbers, and a text unless it is NULL. */
static inline void
build_cancel(struct trace_builder *b, enum flow_cancel kind, const uint64_t *numbers, unsigned count, const char *via)
{
    uint8_t payload[256];
    uint8_t *p = varint_put(payload, kind);
    for (unsigned i = 0; i < count; i++)
        p = varint_put(p, numbers[i]);
    if (via) {
        p = varint_put(p, strlen(via));
        memcpy(p, via, strlen(via));
        p += strlen(via);
    }
    build_extended(b, FLOW_EXTENDED_CANCEL, payload, (size_t)(p - payload));
}

static inline void
build_greenlet(struct trace_builder *b, uint64_t id, uint64_t by, const char *name, bool hub)
{
    uint8_t payload[256];
    uint8_t *p = varint_put(payload, id);
    p = varint_put(p, by);
    p = varint_put(p, strlen(name));
    memcpy(p, name, strlen(name));
    p = varint_put(p + strlen(name), hub);
    build_extended(b, FLOW_EXTENDED_GREENLET, payload, (size_t)(p - payload));
}

static inline void
build_thread(struct trace_builder *b, uint64_t native_id, bool is_main, const char *name)
{
    uint8_t payload[256];
    uint8_t *p = varint_put(payload, native_id);
    p = varint_put(p, is_main);
    p = varint_put(p, strlen(name));
    memcpy(p, name, strlen(name));
    build_extended(b, FLOW_EXTENDED_THREAD, payload, (size_t)(p - payload) + strlen(name));
}

/* --- the file ----------------------------------------------------------- */

/* Opens any bytes as a trace. reader_open()'s result. */
static inline int
build_open_bytes(const void *data, size_t size, struct reader *out, char *message, size_t message_size)
{
    const char *folder = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/flow-unit-XXXXXX", folder ? folder : "/tmp");
    int fd = mkstemp(path);
    assert(fd >= 0);
    size_t written = 0;
    while (written < size) {
        ssize_t n = write(fd, (const char *)data + written, size - written);
        assert(n > 0);
        written += (size_t)n;
    }
    close(fd);
    int ret = reader_open(out, path, message, message_size);
    unlink(path);
    return ret;
}

static inline size_t
build_size(const struct trace_builder *b)
{
    return (size_t)b->units * FLOW_UNIT_SIZE;
}

/* Ends the chunk and opens the trace. */
static inline int
build_open(struct trace_builder *b, struct reader *out)
{
    char message[256] = "";
    build_chunk_end(b);
    return build_open_bytes(b->data, build_size(b), out, message, sizeof message);
}

static inline void
build_free(struct trace_builder *b)
{
    free(b->data);
    b->data = NULL;
}

#endif
