/* writer.h - creates or joins a trace file and appends records to it.
 *
 * A writer belongs to one thread, which alone writes to its chunk; threads and
 * processes meet only in the atomic counters of the file header. A record is
 * built straight in the mapped chunk and counts once writer_commit() has
 * published it, so a process that dies loses at most the record in the making.
 *
 * Use:  uint8_t *p = writer_begin(w, FLOW_RETURN_VALUE);   NULL: recording is off
 *       p = writer_...(w, p, ...);
 *       writer_commit(w, p);
 *
 * A record may take WRITER_RECORD_MAX bytes; whoever encodes keeps to it.
 */
#ifndef FLOW_WRITER_H
#define FLOW_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clock.h"
#include "format.h"
#include "protocol.h"
#include "slice.h"
#include "varint.h"

#define WRITER_RECORD_MAX 12288
#define WRITER_UNITS_MAX 4 /* a thread's first chunk is one unit, then 2, then 4; with --last as slots are */

/* A place in the file for one chunk. */
struct place {
    uint64_t unit;
    uint32_t units;
    struct flow_slot *slot; /* NULL: none of --last's */
    uint64_t word;          /* as it stands in the slot */
    uint64_t before;        /* as it stood there */
};

struct trace_file {
    char *path;                      /* Owned. */
    int fd;
    uint64_t device, inode;          /* what fd must be: a program may close and reuse it */
    struct flow_file_header *header; /* mapped, shared by all processes */
    struct flow_chunk_header *meta;  /* of this process, mapped, with room to say what is lost; or NULL */
    uint32_t meta_used, meta_room;   /* bytes of it; those that its pages have */
    _Atomic bool meta_taken;         /* by a thread that appends to it */
    struct flow_bound *bound;        /* in the header, or NULL: see bound.h */
    uint64_t limit_units;
    uint32_t meta_slots, event_slots, slot_units; /* 0: the file has no slots */
    bool tells_dead;                 /* pids tell here who is no more */
    struct place meta_place;         /* of this process's META: sealed when it ends */
};

struct trace_settings {
    bool values;
    bool time;
    uint64_t last, limit; /* bytes that the file may have; 0: any number */
};

/* 0 or -errno; -EINVAL for a bound that can't be, -EBUSY if somebody records to `path`. Creates the file under a
 * temporary name, then moves it over `path`. */
int trace_file_create(struct trace_file **out, const char *path, const struct trace_settings *settings);
/* 0 or -errno; -EINVAL if it is no trace of this version. */
int trace_file_join(struct trace_file **out, const char *path);
void trace_file_close(struct trace_file *file);
/* A descriptor which, as long as it is open, keeps others from replacing the file. -1 if there is none left. */
int trace_file_hold(const struct trace_file *file);
/* The number of a new process in this trace. */
uint32_t trace_file_add_process(struct trace_file *file);
/* Appends a META chunk of EXTENDED records, already encoded. */
int trace_file_add_meta(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length);
/* The same for what a process says at its start, and keeps room for trace_file_lose(). */
int trace_file_begin_process(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records,
                             size_t length);
/* Appends to what the process said at its start, in another chunk where that is full. -EAGAIN: another thread does
 * just now; -ENOBUFS: a bounded file has no other chunk for this. */
int trace_file_append(struct trace_file *file, uint32_t process, uint32_t pid, const uint8_t *records, size_t length);
/* After fork, in the child: forgets what the parent's process keeps. */
void trace_file_after_fork(struct trace_file *file);
/* Says that and why this process records no more: where a thread has no chunk to say it in. Needs neither memory
 * nor disk. -ENOSPC if it has been said, -EAGAIN while another thread appends. */
int trace_file_lose(struct trace_file *file, const char *reason);

/* What a chunk must say of a function the first time that it is named there. */
struct writer_code {
    uint32_t number; /* from 0, unique in this process */
    uint32_t flags;
    uint32_t first_line;
    uint32_t parameter_count;
    struct {
        char *name; /* Owned. */
        uint8_t kind;
    } *parameters; /* Owned. */
    char *qualname; /* Owned, UTF-8, as are the next two. For a NUL they have C0 80, and so have parameters. */
    char *module;
    char *file;
};

void writer_code_free(struct writer_code *code);

/* A call that is running, as the next chunk must repeat it. */
struct writer_open_call {
    const struct writer_code *code;
    uint64_t generator;
    uint64_t start_ticks;
    uint64_t ordinal;
};

struct writer_string {
    uint64_t hash;
    uint32_t epoch; /* the slot holds if this is the writer's */
    uint32_t offset; /* of the bytes in the chunk */
    uint32_t length;
    uint32_t number;
};

#define WRITER_STRINGS 1024 /* a power of two */

/* What a chunk has last called the codes whose numbers are equal modulo WRITER_CODES: more would not fit in a
 * chunk, and a program that makes functions without end makes numbers without end. */
struct writer_defined {
    uint32_t epoch; /* holds if this is the writer's */
    uint32_t code; /* writer_code.number */
    uint32_t number;
};

#define WRITER_CODES 16384 /* a power of two */

/* What the chunk has numbered for keys of whoever encodes: types by name, shapes. */
struct writer_key {
    uint64_t key;
    uint32_t epoch; /* holds if this is the writer's */
    uint32_t number;
};

#define WRITER_KEYS 128 /* a power of two */

/* What the chunk has numbered for strings of whoever encodes, by their address and hash: one alone may be another's
 * soon. */
struct writer_source {
    const void *string; /* compared only */
    uint64_t hash;
    uint32_t epoch;     /* holds if this is the writer's */
    uint32_t number;
};

#define WRITER_SOURCES 256 /* a power of two */

struct writer {
    uint8_t *p; /* committed end of the current chunk */
    uint8_t *limit; /* past it a record may not begin */
    uint8_t *base;
    struct flow_chunk_header *chunk; /* NULL: nothing claimed yet, or recording is off */
    uint64_t last_ticks;
    uint64_t tie_due; /* when the chunk's clocks are to be tied again */
    uint32_t clock;
    uint32_t epoch; /* counts chunks; tells whose definitions hold */
    struct trace_file *file; /* Borrowed. */
    uint32_t process, pid, thread, sequence;
    uint32_t string_count, code_count, shape_count;
    struct writer_string *strings; /* WRITER_STRINGS slots. Owned. */
    struct writer_defined *codes; /* code_room slots. Owned. */
    uint32_t code_room; /* a power of two, or 0 */
    uint64_t calls; /* begun by this thread */
    struct writer_key keys[WRITER_KEYS];
    struct writer_source sources[WRITER_SOURCES];
    struct place place; /* of the chunk; what the file says of it anybody can change */
    bool unplaced; /* the chunk is in no file: all slots were others' */
    uint64_t greenlet; /* that its records are of now, as a GREENLET record told; 0: the thread's own */
    char greenlet_name[64];
    uint64_t lost;
    int error; /* errno that ended recording; 0 while it goes on */
    uint64_t native_id;
    bool is_main;
    char name[64];
    /* Lists the running calls, outermost first; NULL where there are none. */
    size_t (*open_calls)(void *context, const struct writer_open_call **out);
    /* A chunk has been begun: writes what it is to say before the running calls, and finds room. NULL: nothing. */
    void (*begun)(void *context);
    /* A chunk could not be had: recording ends, and writer_lose() may say it. NULL: nobody need know. */
    void (*failed)(void *context, int error);
    void *context; /* of these three */
};

/* 0 or -errno. Claims no chunk yet. */
int writer_init(struct writer *writer, struct trace_file *file, uint32_t process, uint32_t pid, uint32_t thread);
/* Seals the chunk, gives its unused pages back, frees everything. */
void writer_close(struct writer *writer);
/* After fork, in the child: forgets the parent's chunk without touching it. */
void writer_forget(struct writer *writer);
/* Claims the next chunk. 0 or -errno, which also stands in writer->error. */
int writer_next_chunk(struct writer *writer);
void writer_tie(struct writer *writer, uint64_t ticks);
/* Says in the chunk that and why recording ends here, and ends it for this writer. -ENOENT if it has no chunk. */
int writer_lose(struct writer *writer, int error, const char *reason);

#define WRITER_TIE_TICKS (1u << 22) /* about every 10 ms of a cycle counter */

/* The next record will go into the chunk that is current now, */
static inline void
writer_make_room(struct writer *writer)
{
    if (writer->p > writer->limit)
        writer_next_chunk(writer);
}

/* though it comes after so many bytes of others. */
static inline void
writer_make_room_after(struct writer *writer, size_t bytes)
{
    if (!writer->chunk || writer->p + bytes > writer->limit)
        writer_next_chunk(writer);
}

static inline uint8_t *
writer_begin_at(struct writer *writer, enum flow_record type, uint64_t ticks)
{
    if (writer->p > writer->limit && writer_next_chunk(writer) < 0)
        return NULL;
    uint64_t dt = 0;
    if (ticks > writer->last_ticks) {
        dt = ticks - writer->last_ticks;
        writer->last_ticks = ticks;
    }
    if (ticks > writer->tie_due)
        writer_tie(writer, ticks);
    uint64_t head = dt << 4 | type;
    if (head < 0x80 || head >= 0x4000)
        return varint_put(writer->p, head);
    writer->p[0] = (uint8_t)(head | 0x80); /* mostly it takes two bytes */
    writer->p[1] = (uint8_t)(head >> 7);
    return writer->p + 2;
}

static inline uint8_t *
writer_begin(struct writer *writer, enum flow_record type)
{
    return writer_begin_at(writer, type, clock_ticks(writer->clock));
}

static inline void
writer_commit(struct writer *writer, uint8_t *p)
{
    writer->p = p;
    protocol_publish(writer->chunk, (uint32_t)(p - writer->base));
}

/* The first mention in a chunk defines the code; later ones take a byte or two. */
uint8_t *writer_define_code(struct writer *writer, uint8_t *p, const struct writer_code *code);

static inline uint8_t *
writer_code(struct writer *writer, uint8_t *p, const struct writer_code *code)
{
    uint32_t slot = code->number & (WRITER_CODES - 1);
    if (slot < writer->code_room && writer->codes[slot].epoch == writer->epoch
        && writer->codes[slot].code == code->number)
        return varint_put(p, writer->codes[slot].number);
    return writer_define_code(writer, p, code);
}

/* An interned string; needs length + 2 * VARINT_MAX bytes of room. */
uint8_t *writer_string(struct writer *writer, uint8_t *p, const char *data, size_t length);
/* The number that the chunk has for `key`, or 0. */
static inline uint32_t
writer_known(const struct writer *writer, uint64_t key)
{
    const struct writer_key *slot = &writer->keys[(key ^ key >> 32) & (WRITER_KEYS - 1)];
    return slot->key == key && slot->epoch == writer->epoch ? slot->number : 0;
}

static inline void
writer_remember(struct writer *writer, uint64_t key, uint32_t number)
{
    writer->keys[(key ^ key >> 32) & (WRITER_KEYS - 1)] = (struct writer_key){key, writer->epoch, number};
}

/* The number that the chunk has for what `string`, of this hash, says; or 0. */
static inline uint32_t
writer_known_string(const struct writer *writer, const void *string, uint64_t hash)
{
    const struct writer_source *slot = &writer->sources[hash & (WRITER_SOURCES - 1)];
    return slot->string == string && slot->hash == hash && slot->epoch == writer->epoch ? slot->number : 0;
}

static inline void
writer_remember_string(struct writer *writer, const void *string, uint64_t hash, uint32_t number)
{
    writer->sources[hash & (WRITER_SOURCES - 1)] = (struct writer_source){string, hash, writer->epoch, number};
}

/* Begins the definition of a shape, which is known by this key from now on. */
static inline uint8_t *
writer_define_shape(struct writer *writer, uint8_t *p, uint64_t key)
{
    writer_remember(writer, key, ++writer->shape_count);
    *p++ = 0;
    return p;
}

/* The number of the string that writer_string() has just written at `p`. */
static inline uint32_t
writer_string_number(const struct writer *writer, const uint8_t *p)
{
    uint64_t number = 0;
    varint_get(p, p + VARINT_MAX, &number);
    return number ? (uint32_t)number : writer->string_count;
}

/* The number of this string if the chunk has it, else 0: it need not be looked for again. */
uint32_t writer_find_string(const struct writer *writer, const char *data, size_t length);
/* A text, never interned. */
uint8_t *writer_text(uint8_t *p, const char *data, size_t length);
/* The same of a name that a NUL ends, in which C0 80 stands for NUL, as UTF-8 itself never has it: Java does so too. */
uint8_t *writer_name(uint8_t *p, const char *name);
/* Its bytes in `room`; what has none of these stays where it is. A name that is longer than the room is not changed. */
struct slice writer_name_bytes(char *room, size_t size, const char *name);
/* Encodes a whole EXTENDED record at `p`. The payload may stand behind it, from p + WRITER_EXTENDED_HEAD on. */
#define WRITER_EXTENDED_HEAD (3 * VARINT_MAX)
uint8_t *writer_put_extended(uint8_t *p, enum flow_extended subtype, const uint8_t *payload, size_t length);
/* Encodes a SOURCE record; `hash` may be empty. It takes its texts and WRITER_SOURCE_MORE bytes at most. */
#define WRITER_SOURCE_MORE (8 * VARINT_MAX)
uint8_t *writer_put_source(uint8_t *p, struct slice file, struct slice path, uint64_t size, int64_t mtime_ns,
                           struct slice hash);
/* From here on records are of this greenlet. `by`: 0, or 1 + the greenlet whose call on top began it. `name`: NULL is
 * as before; it is told where it begins, and anew where that may have been let go. */
int writer_greenlet(struct writer *writer, uint64_t greenlet, uint64_t by, const char *name, bool hub);
/* Repeats the running calls, for a reader that has only this chunk. */
void writer_open_calls(struct writer *writer);
/* Writes a whole EXTENDED record. 0 or -errno. */
int writer_extended(struct writer *writer, enum flow_extended subtype, const uint8_t *payload, size_t length);

#endif
