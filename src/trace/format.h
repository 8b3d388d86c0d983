/* format.h - the .flow trace file, byte by byte. This header is the spec.
 *
 * A file is a row of 64 KiB units. Unit 0 holds the file header; every later
 * unit belongs to a chunk of one or more units, claimed by an atomic add on
 * the header's next_unit, so that threads and processes share the file without
 * a lock. A chunk has one writer for its whole life: one thread of one process.
 *
 *   unit 0        1          2          4          5
 *   +------------+----------+----------+----------+---
 *   |file header | chunk    | chunk, 2 units      | chunk ...
 *   +------------+----------+----------+----------+---
 *
 *   chunk: +-----------------+-----------------------------+----------+
 *          | header, 128 B   | records ... up to committed | untouched|
 *          +-----------------+-----------------------------+----------+
 *
 * Invariants
 *   - A chunk's magic is stored last and with release order: a unit without it
 *     was claimed and never begun. `committed` is stored, with release order,
 *     after each record; bytes past it mean nothing.
 *   - A chunk is self-contained: strings and code are defined in it before
 *     they are referred to, and it begins with OPEN records for the calls that
 *     are running (the innermost FLOW_OPEN_MAX of them).
 *   - All numbers are little-endian. "varint" is LEB128, at most 10 bytes.
 *   - Within one writer's records, a greenlet's among them, calls nest: CALL and RESUME push, RETURN,
 *     YIELD and UNWIND pop the top, DROP pops several.
 *
 * A record is a varint (dt << 4 | type), dt being the ticks since the record
 * before it in the chunk (for the first: since first_ticks), then the fields
 * that its type has:
 *
 *    7     4 3      0
 *   +-------+--------+----------------+--- - -
 *   |dt low | type   | more of dt ... | fields
 *   +-------+--------+----------------+--- - -
 *
 * Fields
 *   string     varint n. 0: a definition follows, varint length and UTF-8
 *              bytes, and takes the chunk's next string number (from 1);
 *              else string number n.
 *   code       varint n. 0: a definition follows and takes the chunk's next
 *              code number (from 1); else code number n. A definition is
 *              varint flags (FLOW_CODE_*), varint function (unique in the
 *              process), string qualname, string module, string file,
 *              varint first line, varint number of parameters, and for each a
 *              string name and a byte FLOW_PARAMETER_*.
 *   exception  varint id, unique in the process, then a byte; if that is 1 a
 *              definition follows: string type, value message, string raising
 *              function, string raising file, varint raising line, string
 *              type of the cause ("" if none). Each chunk defines an
 *              exception before its first other use.
 *   text       varint length and bytes; never interned.
 *   value      a tag byte FLOW_VALUE_* and what the tag says.
 *
 * EXTENDED records carry varint subtype, varint length and that many bytes, so
 * that an older reader skips what it does not know. For the same reason they
 * hold text and never define strings or code.
 */
#ifndef FLOW_FORMAT_H
#define FLOW_FORMAT_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_MAGIC "\211FLOW\r\n\032" /* 89 46 4c 4f 57 0d 0a 1a */
#define FLOW_MAJOR 1
#define FLOW_MINOR 1
#define FLOW_BYTE_ORDER 0x01020304u
#define FLOW_UNIT_SIZE 65536u
#define FLOW_CHUNK_MAGIC 0x4b4e4843u /* "CHNK" */
#define FLOW_CHUNK_UNITS_MAX 1024u
#define FLOW_OPEN_MAX 512u

enum flow_clock {
    FLOW_CLOCK_NONE = 0,      /* every dt is 0 */
    FLOW_CLOCK_MONOTONIC = 1, /* a tick is a nanosecond of CLOCK_MONOTONIC */
    FLOW_CLOCK_CYCLES = 2,    /* a tick is 2^clock_shift cycles of the CPU's invariant counter */
};

enum flow_file_flags {
    FLOW_FILE_NO_VALUES = 1,
    FLOW_FILE_NO_TIME = 2,
    FLOW_FILE_LAST = 4,  /* --last: a flow_bound follows; chunks lie in its slots and are recycled */
    FLOW_FILE_LIMIT = 8, /* --limit: a flow_bound follows, without slots */
};

struct flow_file_header {
    uint8_t magic[8];
    uint16_t major;
    uint16_t minor;
    uint32_t byte_order;
    uint32_t unit_size;
    uint32_t clock;       /* enum flow_clock */
    uint32_t clock_shift;
    uint32_t flags;       /* enum flow_file_flags */
    uint64_t start_ticks; /* the same moment on three clocks */
    uint64_t start_mono_ns;
    uint64_t start_unix_ns;
    uint8_t trace_id[16];
    _Atomic uint64_t next_unit;
    _Atomic uint32_t next_process; /* processes are numbered from 1 */
    _Atomic uint32_t unrecorded;   /* processes that found no room or memory to begin in */
    _Atomic uint64_t end_unit;     /* the file has been made this long, in units: a shorter one was cut off */
};

static_assert(sizeof(struct flow_file_header) == 96, "the file header is 96 bytes");
static_assert(offsetof(struct flow_file_header, start_ticks) == 32, "no padding");
static_assert(offsetof(struct flow_file_header, next_unit) == 72, "no padding");

/* A bounded file says so in its header's flags, and has this behind the header. With FLOW_FILE_LAST it is cut into
 * slots: META slots of one unit each from unit 1 on, then event slots of slot_units. A slot holds one chunk, and
 * after it is sealed another: protocol.h has each step of that. next_unit is how far slots were used. */
#define FLOW_BOUND_OFFSET 4096u

enum flow_slot_state {
    FLOW_SLOT_FREE = 0,    /* never used */
    FLOW_SLOT_CLAIMED = 1, /* its owner writes to it */
    FLOW_SLOT_SEALED = 2,  /* next to be recycled if its age is the least */
    FLOW_SLOT_KEPT = 3,    /* for ever: META of the first process */
};

struct flow_slot {
    _Atomic uint64_t word; /* claim << 24 | pid << 2 | enum flow_slot_state. The pid is 0 where it tells nothing */
    _Atomic uint64_t age;  /* counts the slots that are sealed */
};

#define FLOW_SLOT_CLAIM_SHIFT 24
#define FLOW_SLOT_PID_MAX 0x3fffffu /* the kernel's own limit */

struct flow_bound {
    uint64_t units; /* the file never has more */
    uint32_t meta_slots;
    uint32_t event_slots;
    uint32_t slot_units;
    uint32_t pid_space;              /* of pids, where they tell who is alive; 0 unknown */
    _Atomic uint64_t claims;         /* that were ever made: each has a number of its own, from 1 */
    _Atomic uint64_t seals;
    _Atomic uint64_t chunks_let_go;  /* of events: recycled */
    _Atomic uint64_t calls_let_go;   /* that began in these */
    _Atomic uint64_t calls_unplaced; /* by threads for which no slot was left: others held them all */
    _Atomic uint32_t refused;        /* chunks that --limit had no room for */
    uint8_t reserved[60];
    struct flow_slot slots[];
};

static_assert(sizeof(struct flow_bound) == 128, "slots begin at 4096 + 128");

#define FLOW_SLOTS_MAX ((FLOW_UNIT_SIZE - FLOW_BOUND_OFFSET - sizeof(struct flow_bound)) / sizeof(struct flow_slot))

enum flow_chunk_kind {
    FLOW_CHUNK_EVENTS = 1,
    FLOW_CHUNK_META = 2, /* EXTENDED records about a process */
};

enum flow_chunk_flags {
    FLOW_CHUNK_SEALED = 1, /* its writer has left it in order */
    FLOW_CHUNK_LAST = 2,   /* ... and ended there: no later chunk of this thread */
    FLOW_CHUNK_GAP = 4,    /* what is missing before it was damaged, and left out when the trace was written anew */
};

struct flow_chunk_header {
    _Atomic uint32_t magic;
    uint16_t kind;         /* enum flow_chunk_kind */
    uint16_t units;
    uint32_t process;      /* number of the process in this trace */
    uint32_t pid;
    uint32_t thread;       /* number of the thread in its process, from 1 */
    uint32_t sequence;     /* of this chunk among its thread's, from 0 */
    uint64_t calls_before; /* calls that the thread had begun before this chunk */
    uint64_t first_ticks;  /* two readings of both clocks: at the first record ... */
    uint64_t first_ns;
    _Atomic uint64_t last_ticks; /* ... and a later one, the same as first at the start */
    _Atomic uint64_t last_ns;
    uint32_t open_calls;   /* running calls at the start; OPEN records may be fewer */
    uint32_t lost_before;  /* records lost between the last chunk and this */
    _Atomic uint32_t flags;
    _Atomic uint32_t committed; /* bytes of the chunk that hold, this header included */
    _Atomic uint64_t claim; /* FLOW_FILE_LAST: the claim of the slot that it was written under; stored last of all */
    _Atomic uint64_t calls; /* that began in it, as of last_ticks */
    uint8_t reserved[32];
};

static_assert(sizeof(struct flow_chunk_header) == 128, "the chunk header is 128 bytes");
static_assert(offsetof(struct flow_chunk_header, committed) == 76, "no padding");

/* name, number, fields */
#define FLOW_RECORDS(X)                                                        \
    X(CALL, 1, "code [generator if FLOW_CODE_SUSPENDS]")                       \
    X(CALL_VALUES, 2, "as CALL, then a value for each parameter")              \
    X(RETURN, 3, "")                                                           \
    X(RETURN_VALUE, 4, "value")                                                \
    X(YIELD, 5,                                                                \
      "varint FLOW_YIELD_*, value; of an await: (line, NONE, OBJECT or TEXT "  \
      "of the type and, for a task, its name), or absent where it is that of " \
      "the record before")                                                     \
    X(RESUME, 6, "varint generator, code")                                     \
    X(THROW, 7, "varint generator, code, exception")                           \
    X(UNWIND, 8,                                                               \
      "exception, varint line, varint 2 * line in the caller + 1 if library "  \
      "code stands between; lines are 0 where unknown")                        \
    X(DROP, 9, "varint number of calls that ended unseen")                     \
    X(OPEN, 10,                                                                \
      "code [generator], varint age: ticks from its start to first_ticks, "    \
      "varint ordinal of the call in its thread")                              \
    X(RAISE, 13, "exception, varint line, varint FLOW_RAISE_*")                \
    X(HANDLED, 14, "exception, varint line: a handler of the top call has it") \
    X(EXTENDED, 15, "varint FLOW_EXTENDED_*, varint length, that many bytes")

enum flow_record {
#define X(name, number, fields) FLOW_##name = number,
    FLOW_RECORDS(X)
#undef X
};

enum flow_extended {
    FLOW_EXTENDED_PROCESS = 1,     /* pairs of texts, key and value */
    FLOW_EXTENDED_PROCESS_END = 2, /* varint: 0 the recorder was stopped, 1 the interpreter ended,
                                    * 2 wait status follows as a varint (from the parent; among a
                                    * thread's records the pid follows too), 3 it was no more when
                                    * the program had ended */
    FLOW_EXTENDED_THREAD = 3,      /* varint native id, varint 1 if main, text name */
    FLOW_EXTENDED_SPAWN = 4,       /* varint id, varint FLOW_SPAWN_*, text name, varint task: the
                                    * call on top of this thread's stack created task, thread or
                                    * job `id`; or, if it is not 0, library code in that task did */
    FLOW_EXTENDED_ORIGIN = 5,      /* varint id, varint FLOW_SPAWN_*, text name. For a task or
                                    * callback: the next CALL is its root. Else: root calls of this thread come
                                    * from `id`, until the next ORIGIN; id 0 ends it. In a sub-interpreter a
                                    * varint process may follow, which is 0, or whose `id` it is */
    FLOW_EXTENDED_LOST = 6,        /* text reason: recording stopped here */
    FLOW_EXTENDED_GREENLET = 7,    /* varint greenlet, varint by, text name, varint hub: until the next
                                    * one, or a gap, records are of this greenlet's stack; 0 is the
                                    * thread's own. `by` is not 0 where it begins: the call on top of
                                    * the stack of greenlet by - 1 began it. `hub` is 1 where a loop of
                                    * a library's switches between greenlets and keeps their exceptions.
                                    * In a chunk OPEN records follow the first switch to a greenlet
                                    * that ran in an earlier one */
    FLOW_EXTENDED_CANCEL = 8,      /* varint FLOW_CANCEL_*, and what that says */
    FLOW_EXTENDED_EXCEPTION = 9,   /* what more is known of an exception that was just defined:
                                    * varint id, varint FLOW_EXCEPTION_*, text module and text
                                    * qualname of its type, varint FLOW_CAUSE_*, varint id of the
                                    * cause (0 unknown), varint id of the group that except* split
                                    * it off (0 none), varint notes, varint n, n texts,
                                    * varint files that an OSError names, varint n, n texts,
                                    * varint exceptions in the group, varint n, and for each
                                    * varint nesting, text type, text message */
    FLOW_EXTENDED_SCOPE = 11,      /* varint 1 if recorded, varint FLOW_SCOPE_*, text top-level module,
                                    * text the root or the rule's pattern: code of it was seen */
    FLOW_EXTENDED_NAME = 12,       /* varint id, text name: what task `id`, as SPAWN and ORIGIN have it, is
                                    * called now. A varint generator may follow: its first call, which stands in
                                    * a chunk that may have been let go */
    FLOW_EXTENDED_SOURCE = 13,     /* text file, as functions have it, text path, where that was found if not there,
                                    * varint size, varint zigzag time of its last change (ns since 1970), text hash:
                                    * how it was when its first code was seen. In META chunks alone. The hash is
                                    * that of git's blob of it, 20 bytes; empty where nobody has made it */
    FLOW_EXTENDED_RUN = 15,        /* varint run, from 1; varint first process, varint how many; text name,
                                    * text how its times were brought in line: several traces were merged,
                                    * and these processes are of one. Pids of other runs are others */
};

enum flow_spawn {
    FLOW_SPAWN_TASK = 1,
    FLOW_SPAWN_THREAD = 2,
    FLOW_SPAWN_JOB = 3,
    FLOW_SPAWN_PROCESS = 4, /* only in SPAWN; its id is the pid */
    FLOW_SPAWN_CALLBACK = 5, /* of asyncio's call_soon() and the like */
    FLOW_SPAWN_GREENLET = 6, /* in no record: GREENLET tells */
    FLOW_SPAWN_INTERPRETER = 7, /* only in ORIGIN; its id is a thread of `process`: the call on top of that one's
                                 * stack, at this time, has called into this interpreter */
};

/* Why code of a module is recorded, or not. */
enum flow_scope {
    FLOW_SCOPE_ROOT = 1,      /* it lies in a folder of the program's: the text */
    FLOW_SCOPE_TYPED = 2,     /* it has no file: -c, standard input, a prompt, a notebook's cell */
    FLOW_SCOPE_RULE = 3,      /* --include or --exclude of the text */
    FLOW_SCOPE_STANDARD = 4,  /* the standard library */
    FLOW_SCOPE_INSTALLED = 5, /* an installed package or command */
    FLOW_SCOPE_ELSEWHERE = 6, /* in no folder of the program's */
    FLOW_SCOPE_GENERATED = 7, /* it has no file, nor has its module: exec() of a library, as namedtuple() does */
};

enum flow_cancel {
    FLOW_CANCEL_REQUEST = 1, /* varint id of the task, as in SPAWN; varint id of a SCOPE or 0; varint
                              * 2 * line in the call on top of this thread's stack, + 1 if that
                              * asked for it; text: what library code did it for, or "" */
    FLOW_CANCEL_SCOPE = 2,   /* varint id, varint line in the call on top, which has made it,
                              * text: timeout(0.5), TaskGroup */
    FLOW_CANCEL_LANDED = 3,  /* varint line where the call on top was thrown a CancelledError */
};

/* What it means that an exception leaves a call. */
enum flow_exception {
    FLOW_EXCEPTION_ERROR = 0,
    FLOW_EXCEPTION_END = 1,       /* StopIteration, StopAsyncIteration: no more items */
    FLOW_EXCEPTION_CLOSE = 2,     /* GeneratorExit, GreenletExit */
    FLOW_EXCEPTION_EXIT = 3,      /* SystemExit */
    FLOW_EXCEPTION_INTERRUPT = 4, /* KeyboardInterrupt */
    FLOW_EXCEPTION_CANCEL = 5,    /* CancelledError */
};

/* How an exception comes up in the top call; told only where it was asked for (1.1). */
enum flow_raise {
    FLOW_RAISE_CAME_IN = 0, /* out of code that is not recorded, or thrown into a generator */
    FLOW_RAISE_HERE = 1,
    FLOW_RAISE_AGAIN = 2,   /* its handler has raised it again: so it is not caught */
};

enum flow_cause {
    FLOW_CAUSE_NONE = 0,
    FLOW_CAUSE_FROM = 1,       /* raise ... from it: __cause__ */
    FLOW_CAUSE_WHILE = 2,      /* raised while it was handled: __context__ */
    FLOW_CAUSE_SUPPRESSED = 3, /* the same, hidden by `from None` */
};

enum flow_yield {
    FLOW_YIELD_PLAIN = 1,
    FLOW_YIELD_FROM = 2,
    FLOW_YIELD_AWAIT = 3,
    FLOW_YIELD_ASIDE = 4, /* of a region: it does not wait, but what it stands on ends; RESUME follows */
};

enum flow_code_flags {
    FLOW_CODE_GENERATOR = 1,
    FLOW_CODE_COROUTINE = 2,
    FLOW_CODE_ASYNC_GENERATOR = 4,
    FLOW_CODE_MODULE = 8, /* a module body, or exec'd code */
    FLOW_CODE_CLASS = 16, /* a class body */
    FLOW_CODE_LIBRARY = 32, /* library or C code, called straight from recorded code: what it calls
                             * itself is not recorded. No parameters; no file if it is in C */
    FLOW_CODE_REGION = 64,  /* with GENERATOR: a named part of the program, with flowtrace.region("import"). It stands
                             * above the call that it was entered in, with which it is suspended and goes on */
    FLOW_CODE_NOTE = 128,   /* flowtrace.note("cache cold"): it returns at once */
};

/* Calls of such code have a generator id, unique in the process. */
#define FLOW_CODE_SUSPENDS (FLOW_CODE_GENERATOR | FLOW_CODE_COROUTINE | FLOW_CODE_ASYNC_GENERATOR)

enum flow_parameter {
    FLOW_PARAMETER_POSITIONAL_ONLY = 0,
    FLOW_PARAMETER_PLAIN = 1,
    FLOW_PARAMETER_KEYWORD_ONLY = 2,
    FLOW_PARAMETER_VAR_POSITIONAL = 3, /* *args */
    FLOW_PARAMETER_VAR_KEYWORD = 4,    /* **kwargs */
};

/* Value tags. 0x00 ... 0x9f is the int (tag - 32), from -32 to 127. */
#define FLOW_VALUE_SMALL_MIN (-32)
#define FLOW_VALUE_SMALL_MAX 127
#define FLOW_VALUE_DEPTH_MAX 16 /* nesting that a reader accepts */

enum flow_value {
    FLOW_VALUE_ABSENT = 0xa0, /* nothing was recorded */
    FLOW_VALUE_NONE = 0xa1,
    FLOW_VALUE_FALSE = 0xa2,
    FLOW_VALUE_TRUE = 0xa3,
    FLOW_VALUE_ELLIPSIS = 0xa4,
    FLOW_VALUE_NOT_IMPLEMENTED = 0xa5,
    FLOW_VALUE_INT = 0xa6,       /* varint, zigzag */
    FLOW_VALUE_BIG_INT = 0xa7,   /* byte sign (1: negative), varint bits, varint n, n bytes of
                                  * magnitude, little-endian; n is 0 where it is too big */
    FLOW_VALUE_FLOAT = 0xa8,     /* 8 bytes, IEEE 754 */
    FLOW_VALUE_COMPLEX = 0xa9,   /* 16 bytes, real and imaginary */
    FLOW_VALUE_STR = 0xaa,       /* varint length in code points, varint n, n bytes of UTF-8 */
    FLOW_VALUE_STR_WHOLE = 0xab, /* string */
    FLOW_VALUE_BYTES = 0xac,     /* varint length, varint n, n bytes */
    FLOW_VALUE_BYTEARRAY = 0xad, /* the same */
    FLOW_VALUE_LIST = 0xb0,      /* varint length, varint n, n values */
    FLOW_VALUE_TUPLE = 0xb1,
    FLOW_VALUE_SET = 0xb2,
    FLOW_VALUE_FROZENSET = 0xb3,
    FLOW_VALUE_DICT = 0xb4,      /* varint length, varint n, n times key and value */
    FLOW_VALUE_OBJECT = 0xb5,    /* string type: only the type is known */
    FLOW_VALUE_FIELDS = 0xb6,    /* string type, varint fields, varint n, n times string, value;
                                  * of exceptions the args come first, with "" for a name */
    FLOW_VALUE_WRAPPED = 0xb7,   /* string type, value: a subclass of a builtin, Decimal, ... */
    FLOW_VALUE_ARGS = 0xb8,      /* string type, varint length, varint n, n values: Type(a, b) */
    FLOW_VALUE_TEXT = 0xb9,      /* string type, text shown as it is: Color.RED, <function f> */
    FLOW_VALUE_IDENTITY = 0xba,  /* varint number, then a value that begins with another tag: the object
                                  * has this number among those of its type's name in the process */
    FLOW_VALUE_SHAPED = 0xbb,    /* varint number of a shape, as for strings: 0 defines the next, as string
                                  * type, varint fields, varint n, n strings. Then n values: FIELDS whose
                                  * names stand in the shape */
    FLOW_VALUE_REDACTED = 0xbc,
    FLOW_VALUE_TRUNCATED = 0xbd, /* there is more, beyond the limits */
    FLOW_VALUE_UNREADABLE = 0xbe,
    FLOW_VALUE_CYCLE = 0xbf,     /* a container that holds itself */
    FLOW_VALUE_EXTENDED = 0xf0,  /* varint subtype, varint n, n bytes */
};

#endif
