/* random_trace.h - traces of all kinds of calls and values, made from a number: for what must hold of any trace. */
#ifndef FLOW_RANDOM_TRACE_H
#define FLOW_RANDOM_TRACE_H

#include "trace_builder.h"

#define RANDOM_THREADS 4
#define RANDOM_SHAPES 8

struct random_trace {
    struct trace_builder b;
    uint64_t state;  /* what is called */
    uint64_t values; /* with which values: calls of one shape differ in them */
    uint32_t calls;  /* that may still be made */
    uint32_t thread;
    uint32_t sequence[RANDOM_THREADS + 1];
    uint64_t generators, spawns, exceptions;
    uint64_t pending; /* the exception that is on its way; 0: none */
    uint32_t shapes, shape_fields[RANDOM_SHAPES]; /* of the chunk */
};

#define RANDOM_LONG                                                                                   \
    "a_function_whose_name_is_wider_than_any_terminal_that_anybody_could_have_in_front_of_them_on_a_" \
    "desk_and_goes_on_and_on_until_the_end_of_the_line_and_beyond_it_for_good_measure"

/* A strange name now and then, and some long ones. */
static const char *const random_names[] = {
    "main",
    "load",
    "parse",
    "price",
    "Cart.add",
    "Cart.total",
    "outer.<locals>.inner",
    "<lambda>",
    "fib",
    "Repository.find_all_orders_of_a_customer_since_the_beginning_of_time",
    "f",
    "g",
    "run",
    "<genexpr>",
    RANDOM_LONG,
    "b\xd1\x8b\xd1\x81\xd1\x82\xd1\x80\xd0\xbe",
    "\xe5\x8f\x96\xe5\xbe\x97\xe3\x81\x99\xe3\x82\x8b",
    "evil\x1b[31m\nname\r\t\x07",
    "not\xff\xc3utf",
    "e\xcc\x81t\xc3\xa9",
    "zero\xe2\x80\x8bwidth\xe2\x80\xaeoverride\xc2\x85",
    "",
};

#define RANDOM_NAMES (sizeof random_names / sizeof *random_names)

static inline uint32_t
random_number(uint64_t *state, uint32_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32) % below;
}

static inline const char *
random_name(uint64_t *state)
{
    return random_names[random_number(state, random_number(state, 4) ? 9 : RANDOM_NAMES)];
}

static inline void
random_value(struct random_trace *r, unsigned depth)
{
    static const uint8_t simple[] = {FLOW_VALUE_NONE,      FLOW_VALUE_FALSE,      FLOW_VALUE_TRUE,
                                     FLOW_VALUE_ELLIPSIS,  FLOW_VALUE_ABSENT,     FLOW_VALUE_REDACTED,
                                     FLOW_VALUE_TRUNCATED, FLOW_VALUE_UNREADABLE, FLOW_VALUE_CYCLE};
    static const enum flow_value containers[] = {FLOW_VALUE_LIST, FLOW_VALUE_TUPLE, FLOW_VALUE_SET, FLOW_VALUE_DICT};
    struct trace_builder *b = &r->b;
    uint64_t *state = &r->values;
    if (random_number(state, 8) == 0) {
        build_byte(b, FLOW_VALUE_IDENTITY);
        build_number(b, random_number(state, 300));
    }
    uint32_t kind = random_number(state, depth < 3 ? 12 : 6);
    uint32_t count = random_number(state, 5);
    switch (kind) {
    case 0: build_byte(b, simple[random_number(state, sizeof simple)]); break;
    case 1:
        build_byte(b, FLOW_VALUE_INT);
        build_number(b, (uint64_t)random_number(state, 1u << 30) << random_number(state, 30));
        break;
    case 2: build_int(b, (int)random_number(state, 100)); break;
    case 3:
    case 4: build_str(b, random_name(state)); break;
    case 5: {
        double number = (double)random_number(state, 100000) / 7;
        build_byte(b, FLOW_VALUE_FLOAT);
        build_bytes(b, &number, sizeof number);
        break;
    }
    case 6:
    case 7: {
        enum flow_value tag = containers[random_number(state, 4)];
        build_head(b, tag, count + random_number(state, 3), count);
        for (uint32_t i = 0; i < count << (tag == FLOW_VALUE_DICT); i++)
            random_value(r, depth + 1);
        break;
    }
    case 8:
        build_typed(b, FLOW_VALUE_FIELDS, random_name(state));
        build_number(b, count + random_number(state, 3));
        build_number(b, count);
        for (uint32_t i = 0; i < count; i++) {
            build_string(b, random_name(state));
            random_value(r, depth + 1);
        }
        break;
    case 9: {
        uint32_t number = random_number(state, r->shapes + 1);
        if (number == 0 && r->shapes < RANDOM_SHAPES)
            r->shape_fields[r->shapes++] = count;
        else if (number == 0)
            number = 1;
        build_shaped(b, number, random_name(state), random_names, count);
        count = number ? r->shape_fields[number - 1] : count;
        for (uint32_t i = 0; i < count; i++)
            random_value(r, depth + 1);
        break;
    }
    case 10:
        build_typed(b, FLOW_VALUE_WRAPPED, random_name(state));
        random_value(r, depth + 1);
        break;
    default: build_typed(b, FLOW_VALUE_TEXT, random_name(state)); build_text(b, random_name(state));
    }
}

static inline void
random_next_chunk(struct random_trace *r, uint32_t thread)
{
    r->thread = thread;
    build_chunk(&r->b, 1, thread, r->sequence[thread]++);
    r->shapes = 0;
    build_thread(&r->b, 1000 + thread, thread == 1, random_names[thread + 14]);
}

/* Room for one more record. */
static inline void
random_make_room(struct random_trace *r)
{
    if (r->b.p - (uint8_t *)r->b.chunk > (ptrdiff_t)FLOW_UNIT_SIZE - 20000)
        random_next_chunk(r, r->thread);
}

static inline uint64_t
random_pause(struct random_trace *r)
{
    return random_number(&r->values, 4) ? random_number(&r->values, 2000)
                                        : (uint64_t)1 << random_number(&r->values, 38);
}

static inline void
random_end(struct random_trace *r, uint64_t generator, uint32_t function, uint32_t flags)
{
    uint32_t end = random_number(&r->state, 40);
    random_make_room(r);
    if (generator && end < 30) {
        build_yield(&r->b, random_pause(r));
        build_record(&r->b, random_pause(r), FLOW_RESUME);
        build_number(&r->b, generator);
        build_code_definition(&r->b, function, random_names[function], flags, 0);
    }
    if (r->pending ? end < 34 : end == 39) {
        bool known = r->pending;
        r->pending = known ? r->pending : ++r->exceptions;
        build_unwind(&r->b, random_pause(r), r->pending, known ? NULL : random_name(&r->values), end);
        return;
    }
    r->pending = 0;
    if (end == 38 && random_number(&r->state, 4) == 0) {
        build_record(&r->b, random_pause(r), FLOW_DROP);
        build_number(&r->b, 1);
    }
    else if (end < 20) {
        build_record(&r->b, random_pause(r), FLOW_RETURN_VALUE);
        random_value(r, 0);
    }
    else {
        build_record(&r->b, random_pause(r), FLOW_RETURN);
    }
}

static inline void random_calls(struct random_trace *r, unsigned depth);

static inline void
random_call(struct random_trace *r, unsigned depth)
{
    uint32_t function = random_number(&r->state, random_number(&r->state, 3) ? 6 : RANDOM_NAMES);
    uint32_t flags = function == 13                                      ? FLOW_CODE_GENERATOR
                     : function == 4                                     ? FLOW_CODE_COROUTINE
                     : function == 7 && random_number(&r->state, 3) == 0 ? FLOW_CODE_CLASS
                                                                         : 0;
    uint32_t number = flags & FLOW_CODE_CLASS ? 100 : function;
    uint32_t parameters = flags ? 0 : function % 5;
    uint64_t generator = flags & FLOW_CODE_SUSPENDS ? ++r->generators : 0;
    random_make_room(r);
    build_record(&r->b, random_pause(r), parameters ? FLOW_CALL_VALUES : FLOW_CALL);
    build_code_definition(&r->b, number, random_names[function], flags, parameters);
    if (generator)
        build_number(&r->b, generator);
    for (uint32_t i = 0; i < parameters; i++)
        random_value(r, 0);
    r->calls -= r->calls > 0;
    random_calls(r, depth + 1);
    random_end(r, generator, number, flags);
}

/* Down, and down again: a recursion or a chain of calls. */
static inline void
random_descent(struct random_trace *r)
{
    uint32_t levels = 1 + random_number(&r->state, 80);
    uint32_t function = random_number(&r->state, RANDOM_NAMES);
    for (uint32_t i = 0; i < levels; i++) {
        random_make_room(r);
        build_record(&r->b, random_pause(r), FLOW_CALL);
        build_code_definition(&r->b, 200 + function, random_names[function], 0, 0);
        r->calls -= r->calls > 0;
    }
    for (uint32_t i = 0; i < levels; i++)
        build_record(&r->b, random_pause(r), FLOW_RETURN);
}

static inline void
random_task(struct random_trace *r)
{
    uint64_t id = ++r->spawns;
    random_make_room(r);
    build_link(&r->b, FLOW_EXTENDED_SPAWN, id, FLOW_SPAWN_TASK, "");
    build_link(&r->b, FLOW_EXTENDED_ORIGIN, id, FLOW_SPAWN_TASK, random_name(&r->values));
    random_call(r, 4);
}

static inline void
random_calls(struct random_trace *r, unsigned depth)
{
    uint32_t count = depth == 0 ? 12 : random_number(&r->state, depth > 9 ? 1 : depth > 4 ? 3 : 7);
    for (uint32_t i = 0; i < count && r->calls; i++) {
        uint64_t begin = r->state;
        uint32_t rounds = random_number(&r->state, 3) ? 1 : 1 + random_number(&r->state, 15);
        uint32_t kind = random_number(&r->state, 30);
        uint64_t round = r->state;
        for (uint32_t j = 0; j < rounds && r->calls; j++) {
            r->state = round; /* the same again */
            if (kind == 0)
                random_descent(r);
            else if (kind == 1)
                random_task(r);
            else
                random_call(r, depth);
        }
        if (r->state == begin)
            return;
    }
}

/* At most about `calls` calls in a few threads. Some do not end. */
static inline void
random_trace(struct random_trace *out, uint64_t seed, uint32_t calls)
{
    *out = (struct random_trace){.state = seed * 0x9e3779b97f4a7c15u + 1, .values = seed + 0x2545f4914f6cdd1du};
    build_trace(&out->b, FLOW_CLOCK_MONOTONIC);
    uint32_t threads = 1 + random_number(&out->state, RANDOM_THREADS);
    for (uint32_t i = 1; i <= threads; i++) {
        random_next_chunk(out, i);
        if (i > 1)
            build_link(&out->b, FLOW_EXTENDED_ORIGIN, 900 + i,
                       random_number(&out->state, 2) ? FLOW_SPAWN_THREAD : FLOW_SPAWN_JOB, "");
        out->calls = calls / threads + 1;
        out->pending = 0;
        random_calls(out, 0);
        if (random_number(&out->state, 3) == 0) {
            random_make_room(out);
            build_call(&out->b, 10, "unended");
        }
        if (i < threads) {
            random_make_room(out);
            build_link(&out->b, FLOW_EXTENDED_SPAWN, 901 + i, FLOW_SPAWN_THREAD, "");
        }
    }
    build_chunk_end(&out->b);
}

#endif
