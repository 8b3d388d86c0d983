/* reader.h - opens a .flow file and yields its records, thread by thread.
 *
 * The file is mapped and never trusted: every length, number and reference is
 * checked, and what does not hold ends the chunk that it stands in, not the
 * reading. Pointers in a record lead into the map or into the reader and stay
 * valid until reader_close().
 */
#ifndef FLOW_READER_H
#define FLOW_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"
#include "slice.h"

struct parameter {
    struct slice name;
    enum flow_parameter kind;
};

/* A code object as the recorder knew it. Equal (process, number) means equal code. */
struct code {
    uint32_t process;
    uint32_t number;
    uint32_t flags; /* enum flow_code_flags */
    uint32_t first_line;
    uint32_t parameter_count;
    struct parameter *parameters; /* Owned by the reader. */
    struct slice qualname;
    struct slice module;
    struct slice file;
    uint32_t index; /* dense, over the whole trace: 0 <= index < reader->code_count */
};

/* A recorded value: undecoded bytes and the chunk that they are to be read in. */
struct value {
    const uint8_t *data; /* NULL: absent */
    const uint8_t *end;
    uint32_t chunk;      /* index in reader->chunks */
};

struct exception_record {
    uint64_t id;     /* unique in the process */
    bool defined;    /* the fields below are set */
    struct slice type;
    struct value message; /* a FLOW_VALUE_ARGS or absent */
    struct slice function;
    struct slice file;
    uint32_t line;
    struct slice cause;
};

struct record {
    enum flow_record type;
    uint64_t time_ns;        /* since the trace's start; 0 throughout with --no-time */
    const struct code *code; /* CALL*, RESUME, THROW, OPEN */
    uint64_t generator;      /* CALL*, RESUME, THROW, OPEN of code that suspends; else 0 */
    struct value values;     /* CALL_VALUES: one value a parameter, one after the other;
                              * RETURN_VALUE, YIELD: one value */
    enum flow_yield yield;   /* YIELD */
    struct exception_record exception; /* THROW, UNWIND, RAISE, HANDLED */
    uint32_t line;           /* UNWIND: in the frame that is left; RAISE, HANDLED: in the top call's */
    uint32_t how;            /* RAISE: enum flow_raise */
    uint32_t caller_line;    /* UNWIND: in the caller, 0 if unknown */
    bool indirect;           /* UNWIND: library code stands between this call and the caller */
    uint64_t count;          /* DROP: calls; OPEN: ordinal in the thread */
    uint64_t start_ns;       /* OPEN: when the call began */
    enum flow_extended extended; /* EXTENDED: subtype, and its bytes */
    struct slice payload; /* OPEN: where its age stands */
    uint32_t size;     /* bytes of the record, and */
    uint32_t defining; /* of them those that define functions */
};

struct chunk {
    const struct flow_chunk_header *header;
    const uint8_t *data; /* the records */
    const uint8_t *end;
    uint32_t process, thread, sequence;
    bool damaged;
    /* Strings, code and shapes that the chunk has defined so far; filled by cursors. */
    struct slice *strings;
    uint32_t string_count, string_room;
    const struct code **codes;
    uint32_t code_count, code_room;
    struct slice *shapes; /* bytes of their definitions */
    uint32_t shape_count, shape_room;
};

/* One thread's chunks, in order. */
struct stream {
    uint32_t process;
    uint32_t pid;
    uint32_t thread;
    uint32_t first_chunk; /* index in reader->chunks */
    uint32_t chunk_count;
};

struct reader {
    const uint8_t *map;
    size_t size;
    const struct flow_file_header *header;
    struct chunk *chunks; /* sorted by (meta last, process, thread, sequence) */
    uint32_t chunk_count;
    uint32_t event_chunk_count; /* these come first */
    uint32_t *chunk_at; /* by unit of the file: index of the chunk that has it, or UINT32_MAX */
    struct stream *streams;
    uint32_t stream_count;
    struct code **codes; /* all code met so far, by index. Owned. */
    uint32_t code_count, code_room;
    struct code_table *code_table; /* (process, number) -> code; private to input.c */
    double ns_per_tick;
    uint64_t damaged;    /* chunks in which something did not hold, and 1 if the file is cut off */
    uint32_t doubles;    /* chunks left out, as there is one of the same number before them */
    bool cut_off;        /* it is shorter than its header says */
    uint64_t calls_left_out; /* in chunks that reader_keep_newest() has dropped */
    uint64_t calls_begun;    /* in these and those that it has kept; 0 if it has dropped none */
};

/* 0, or -errno. -EINVAL, with a sentence in `message` that names what is wrong
 * with the file: not a trace, empty, from a newer version, cut off. */
int reader_open(struct reader *out, const char *path, char *message, size_t message_size);
void reader_close(struct reader *reader);
/* The steps of reader_open(), for repair.c: the map; -EINVAL with a sentence if its header isn't sound; the chunks. */
int reader_map(struct reader *reader, const char *path, char *message, size_t message_size);
int reader_check(const struct reader *reader, char *message, size_t message_size);
int reader_find(struct reader *reader);
/* The units of the chunk that begins here; 0 if none does. */
size_t reader_chunk_units(const struct flow_chunk_header *header);
/* Frees what a cursor has kept of a chunk: no value in it can be read any more, but another cursor may. */
void reader_forget(struct reader *reader, uint32_t chunk);
/* After reading: was the file cut off meanwhile? Then cut_off and damaged say so. */
void reader_look_again(struct reader *reader);
/* Right after opening: drops the oldest chunks until what is left began no more calls than that, give or take a chunk.
 * Threads that began few keep their last one, however old. 0 or -ENOMEM. */
int reader_keep_newest(struct reader *reader, uint64_t calls);
/* Finds streams, and chunk_at, of the chunks that there are. 0 or -ENOMEM. */
int reader_index(struct reader *reader);
/* How the recording was bounded, and what that has cost; NULL if it was not, or that can't be known. */
const struct flow_bound *reader_bound(const struct reader *reader);

/* The records of one stream (or, with cursor_open_chunk, of one chunk, for META). */
struct cursor {
    struct reader *reader;
    uint32_t chunk;     /* index in reader->chunks */
    uint32_t chunk_end; /* one past the stream's last */
    const uint8_t *next;
    uint64_t ticks;
    uint64_t last_ns;   /* of the record before: time does not run backwards */
    uint32_t strings_seen, codes_seen, shapes_seen; /* definitions passed in this chunk */
    bool started;
    bool gap;        /* records are missing before the one just read */
    bool rebuilding; /* OPEN records of this chunk tell what runs; else they repeat what is known */
};

void cursor_open(struct cursor *out, struct reader *reader, uint32_t stream);
void cursor_open_chunk(struct cursor *out, struct reader *reader, uint32_t chunk);
/* 1: a record; 0: the end; -ENOMEM. */
int cursor_next(struct cursor *cursor, struct record *out);

/* A step of reading a value: decodes one tag. For containers the n children
 * (twice n for a dict; for fields value_read_name() before each) follow, read one by one. */
struct value_head {
    int tag;             /* enum flow_value; small ints come as FLOW_VALUE_INT */
    int64_t integer;     /* FLOW_VALUE_INT */
    double real, imaginary;
    bool negative;       /* FLOW_VALUE_BIG_INT: its magnitude is `bytes`, `total` bits */
    struct slice bytes;  /* STR, STR_WHOLE, BYTES, BYTEARRAY, TEXT, BIG_INT */
    struct slice type;   /* OBJECT, FIELDS, WRAPPED, ARGS, TEXT */
    uint64_t total;      /* length of the original: items, code points, bytes, bits */
    uint64_t count;      /* children recorded; for WRAPPED 1 */
    uint64_t identity;   /* number of the object; 0: it has none */
    struct slice names;  /* FIELDS: those that are still to be read, unless they stand between the values */
};

/* 0, or -EBADMSG. Advances value->data past the head. Read-only: definitions in
 * the value's own bytes are read in place. A value without data is FLOW_VALUE_ABSENT. */
int value_read(const struct reader *reader, struct value *value, struct value_head *out);
/* The name of the next field of FLOW_VALUE_FIELDS, before its value. */
int value_read_name(const struct reader *reader, struct value_head *head, struct value *value, struct slice *out);
/* Advances past one whole value. */
int value_skip(const struct reader *reader, struct value *value);

#endif
