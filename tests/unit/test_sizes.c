/* Sizes that nobody expects: calls 50,000 deep, a hundred thousand siblings, exceptions, tasks and waits. Every view and
 * every format takes time and memory in proportion. One that took the square of it would take ten times as long. */
#include <stdlib.h>
#include <time.h>

#define BUILD_UNITS 512

#include "../../src/model/select.h"
#include "../fuzz/exports.h"
#include "../fuzz/target.h"
#include "../fuzz/views.h"
#include "../fuzz/watch.h"
#include "random_trace.h"
#include "unit.h"

enum { DEEP = 50000, MANY = 100000 };

#ifdef __SANITIZE_ADDRESS__
#define SECONDS_MAX 90
#else
#define SECONDS_MAX 15 /* of CPU, for all of one trace; it takes one or two */
#endif

/* --- traces ------------------------------------------------------------- */

static uint32_t sequence;

static void
make_room(struct trace_builder *b)
{
    if (b->p - (uint8_t *)b->chunk > (ptrdiff_t)FLOW_UNIT_SIZE - 600)
        build_chunk(b, 1, 1, ++sequence);
}

static void
start(struct trace_builder *b)
{
    sequence = 0;
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_chunk(b, 1, 1, 0);
    build_thread(b, 7, true, "MainThread");
}

static void
put_call(struct trace_builder *b, uint32_t function, uint32_t argument)
{
    char name[16];
    make_room(b);
    snprintf(name, sizeof name, "f%u", function);
    build_record(b, 3, FLOW_CALL_VALUES);
    build_code_definition(b, function, name, 0, 1);
    build_int(b, (int)(argument % 50));
}

static void
put_return(struct trace_builder *b)
{
    make_room(b);
    build_record(b, 2, FLOW_RETURN_VALUE);
    build_int(b, 3);
}

/* An exception goes all the way up to the first call. */
static void
build_deep(struct trace_builder *b)
{
    uint64_t state = 88172645463325252u;
    start(b);
    for (uint32_t i = 0; i < DEEP; i++)
        put_call(b, i ? random_number(&state, 3) : 0, i);
    for (uint32_t i = 1; i < DEEP; i++) {
        make_room(b);
        build_unwind(b, 1, 1, i == 1 ? "ValueError" : NULL, 9);
    }
    put_return(b);
}

/* Every third raises. */
static void
build_wide(struct trace_builder *b)
{
    uint64_t state = 88172645463325252u;
    start(b);
    put_call(b, 500, 0);
    for (uint32_t i = 0; i < MANY; i++) {
        put_call(b, random_number(&state, 500), i);
        make_room(b);
        if (i % 3 == 0)
            build_unwind(b, 1, i + 1, i % 2 ? "ValueError" : "KeyError", 9);
        else
            put_return(b);
    }
    put_return(b);
}

static void
put_link(struct trace_builder *b, enum flow_extended subtype, uint32_t number)
{
    char name[32];
    make_room(b);
    snprintf(name, sizeof name, "Task-%u", number);
    build_link(b, subtype, number, FLOW_SPAWN_TASK, name);
}

static void
build_tasks(struct trace_builder *b)
{
    start(b);
    put_call(b, 0, 0);
    for (uint32_t i = 1; i <= MANY; i++) {
        put_link(b, FLOW_EXTENDED_SPAWN, i);
        put_call(b, 1, i);
        put_return(b);
    }
    put_return(b);
    for (uint32_t i = 1; i <= MANY; i++) {
        put_link(b, FLOW_EXTENDED_ORIGIN, i);
        build_generator(b, 1, "serve", i);
        put_call(b, 2, i);
        put_return(b);
        make_room(b);
        build_record(b, 1, FLOW_RETURN);
    }
}

/* A coroutine that waits again and again, and as many that wait once. */
static void
build_waits(struct trace_builder *b)
{
    start(b);
    build_generator(b, 1, "main", 1);
    for (uint32_t i = 0; i < MANY; i++) {
        make_room(b);
        build_await(b, 1, 5, i % 2 ? "Task-2" : NULL);
        build_resume(b, 1, "main", 1);
        build_generator(b, 1, "once", 2 + i);
        build_await(b, 1, 6, NULL);
        build_resume(b, 1, "once", 2 + i);
        put_call(b, 2, i);
        put_return(b);
        make_room(b);
        build_record(b, 1, FLOW_RETURN);
    }
    build_record(b, 1, FLOW_RETURN);
}

/* --- all that can be done with one --------------------------------------- */

/* As it is, or without a function. */
static void
build_model(struct model *out, struct reader *reader, const char *hidden)
{
    struct model_watcher watcher = {.pauses = PAUSES_EACH};
    struct filter filter = {0};
    struct text error = {0};
    CHECK_NUMBER(model_build_watched(out, reader, &watcher), 0);
    CHECK_NUMBER(hidden ? filter_add(&filter, "--hide", hidden, &error) : 0, 0);
    CHECK_NUMBER(hidden ? model_select(out, &filter, &error) : 0, 0);
    filter_free(&filter);
    text_free(&error);
}

static void
tell(const struct model *model, const struct model *other, const struct seed *seed)
{
    struct text text = {0};
    for (unsigned i = 0; i < VIEWS; i++) {
        views[i].show(model, seed, &text);
        text_truncate(&text, 0);
    }
    CHECK(!views_diff(model, other, seed, &text));
    for (unsigned i = 0; i < exports_count(); i++)
        exports_write(i, model, seed);
    text_free(&text);
}

/* In a few lines, and in full: `lines` says it, and by what the report is. */
static void
read_all(struct reader *reader)
{
    struct model model, other;
    struct seed seed = {.width = 80, .flags = SEED_TIME | SEED_VALUES | SEED_EXCEPTIONS};
    build_model(&model, reader, NULL);
    build_model(&other, reader, "f2");
    CHECK(model.call_count >= DEEP);
    for (unsigned all = 0; all < 2; all++) {
        seed.lines = all ? 133 : 60; /* by track; by function */
        tell(&model, &other, &seed);
    }
    model_free(&model);
    model_free(&other);
}

static void
check_size(void (*build)(struct trace_builder *b))
{
    struct trace_builder b;
    struct reader reader;
    build(&b);
    CHECK_NUMBER(build_open(&b, &reader), 0);
    size_t size = reader.size;
    clock_t begin = clock();
    watch_begin();
    views_longest = 0;
    read_all(&reader);
    for (uint32_t i = 0; i < reader.chunk_count; i++)
        reader_forget(&reader, i);
    size_t most = watch.most_in_use;
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    watch_stop();
    CHECK(seconds < SECONDS_MAX);
    if (most > TARGET_MEMORY(2 * size) + 3 * views_longest)
        unit_fail(__FILE__, __LINE__, "%zu bytes for a file of %zu", most, size);
    reader_close(&reader);
    build_free(&b);
}

TEST(calls_50000_deep_are_told_in_every_way)
{
    check_size(build_deep);
}

TEST(siblings_by_the_hundred_thousand_are_told_in_every_way)
{
    check_size(build_wide);
}

TEST(tasks_by_the_hundred_thousand_are_told_in_every_way)
{
    check_size(build_tasks);
}

TEST(waits_by_the_hundred_thousand_are_told_in_every_way)
{
    check_size(build_waits);
}
