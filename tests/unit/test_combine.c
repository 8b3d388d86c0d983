/* Traces that are merged: their processes, their times, what links them. */
#include <errno.h>
#include <sys/stat.h>

#include "../../src/show/show.h"
#include "../../src/trace/combine.h"
#include "model_fixture.h"
#include "unit.h"

#define SECOND 1000000000u

static char out_path[300];

static void
make_path(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(out_path, sizeof out_path, "%s/flow-combine-%d", base ? base : "/tmp", getpid());
}

static void
open_source(struct trace_builder *b, struct reader *reader)
{
    struct losses losses;
    CHECK_NUMBER(build_open(b, reader), 0);
    CHECK_NUMBER(recover_measure(reader, &losses), 0);
}

struct merged {
    struct reader reader;
    struct model model;
};

/* The second begins so much later. */
static void
merge(struct merged *out, struct reader *sources, uint32_t count, uint64_t later, bool time)
{
    struct combine combine;
    struct combine_settings settings = {
        .time = time, .values = true, .start_mono_ns = 5 * (uint64_t)SECOND, .start_unix_ns = 1};
    char name[8] = "a.flow";
    make_path();
    CHECK_NUMBER(combine_open(&combine, out_path, &settings), 0);
    for (uint32_t i = 0; i < count; i++) {
        name[0] = (char)('a' + i);
        struct combine_run run = {.name = name, .clock = "exact", .start_ns = i * later};
        CHECK_NUMBER(combine_add(&combine, &sources[i], &run), 0);
        reader_close(&sources[i]);
    }
    CHECK_NUMBER(combine_close(&combine), 0);
    combine_drop(&combine);
    char message[256] = "";
    CHECK_NUMBER(reader_open(&out->reader, out_path, message, sizeof message), 0);
    struct text text = {0};
    bool sound;
    CHECK_NUMBER(show_verify(&text, &out->reader, &sound), 0);
    CHECK(sound);
    text_free(&text);
    CHECK_NUMBER(model_build(&out->model, &out->reader), 0);
}

static void
forget(struct merged *merged)
{
    model_free(&merged->model);
    reader_close(&merged->reader);
    unlink(out_path);
}

static const struct call *
call_named(const struct model *model, const char *name, uint32_t run)
{
    for (uint32_t i = 0; i < model->call_count; i++)
        if (slice_is(model->calls[i].code->qualname, name) && model_run_of(model, i) == run)
            return &model->calls[i];
    unit_fail(__FILE__, __LINE__, "no call of %s in run %u", name, run);
    return &model->calls[0];
}

static uint32_t
number_of(const struct model *model, const struct call *call)
{
    return (uint32_t)(call - model->calls);
}

/* Process `process` of pid 1000 + process; so does each builder. */
static void
build_run(struct trace_builder *b, enum flow_clock clock, uint32_t process)
{
    build_trace(b, clock);
    build_chunk(b, process, 1, 0);
    build_thread(b, 1001, true, "MainThread");
    build_call(b, 1000, "main");
    build_call(b, 1000, "leaf");
    build_record(b, 500, FLOW_RETURN);
    build_record(b, 500, FLOW_RETURN);
    build_meta_chunk(b, process);
    build_extended(b, FLOW_EXTENDED_PROCESS, (const uint8_t *)"\7program\6app.py", 15);
}

TEST(runs_have_processes_of_their_own)
{
    struct trace_builder a, b;
    struct reader sources[2];
    struct merged merged;
    build_run(&a, FLOW_CLOCK_MONOTONIC, 1);
    build_run(&b, FLOW_CLOCK_MONOTONIC, 1);
    open_source(&a, &sources[0]);
    open_source(&b, &sources[1]);
    merge(&merged, sources, 2, SECOND, true);
    const struct model *model = &merged.model;
    CHECK_NUMBER(model->call_count, 4);
    CHECK_NUMBER(model->process_count, 2);
    CHECK_NUMBER(model->run_count, 2);
    CHECK_TEXT(model->runs[1].name.data, model->runs[1].name.length, "b.flow");
    CHECK_TEXT(model->runs[1].clock.data, model->runs[1].clock.length, "exact");
    CHECK_NUMBER(call_named(model, "main", 1)->start_ns, 1000);
    CHECK_NUMBER(call_named(model, "leaf", 1)->end_ns, 2500);
    CHECK_NUMBER(call_named(model, "main", 2)->start_ns, SECOND + 1000);
    CHECK_NUMBER(call_named(model, "leaf", 2)->parent, number_of(model, call_named(model, "main", 2)));
    CHECK_NUMBER(model->duration_ns, SECOND + 3000);
    CHECK(!model->processes[0].replaced); /* the same pid, elsewhere */
    struct text text = {0};
    struct show_options options = {.width = 100, .time = true, .lines = 100};
    CHECK_NUMBER(show_tree(&text, model, &options), 0);
    text_bytes(&text, "", 1);
    CHECK(strstr(text.data, "2 runs · 4 calls"));
    CHECK(strstr(text.data, "run 1 · a.flow · app.py"));
    CHECK(strstr(text.data, "run 2 · b.flow · app.py"));
    text_free(&text);
    forget(&merged);
    build_free(&a);
    build_free(&b);
}

/* Ticks of different lengths: each trace's own rate holds. */
TEST(cycles_of_each_become_nanoseconds)
{
    struct trace_builder builders[2];
    struct reader sources[2];
    struct merged merged;
    for (uint32_t i = 0; i < 2; i++) {
        build_run(&builders[i], FLOW_CLOCK_CYCLES, 1);
        build_chunk_end(&builders[i]);
        struct flow_chunk_header *last = (void *)(builders[i].data + 2 * FLOW_UNIT_SIZE);
        last->last_ticks = BUILD_START_NS + 10000;
        last->last_ns = BUILD_START_NS + 10000 * (2 + i); /* 2 and 3 ns */
        open_source(&builders[i], &sources[i]);
    }
    merge(&merged, sources, 2, SECOND, true);
    CHECK_NUMBER(call_duration(call_named(&merged.model, "main", 1)), 4000);
    CHECK_NUMBER(call_duration(call_named(&merged.model, "main", 2)), 6000);
    CHECK_NUMBER(call_named(&merged.model, "leaf", 2)->start_ns, SECOND + 6000);
    CHECK_NUMBER(merged.reader.header->clock, FLOW_CLOCK_MONOTONIC);
    forget(&merged);
    build_free(&builders[0]);
    build_free(&builders[1]);
}

/* Pid 1002 was started by main() of run 1; a process of that pid in run 2 was not. */
TEST(pids_link_within_a_run)
{
    struct trace_builder a, b;
    struct reader sources[2];
    struct merged merged;
    build_trace(&a, FLOW_CLOCK_MONOTONIC);
    build_chunk(&a, 1, 1, 0);
    build_call(&a, 10, "main");
    build_link(&a, FLOW_EXTENDED_SPAWN, 1002, FLOW_SPAWN_PROCESS, "");
    build_chunk(&a, 2, 1, 0);
    build_call(&a, 10, "child");
    build_record(&a, 5, FLOW_RETURN);
    build_trace(&b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&b, 2, 1, 0);
    build_call(&b, 10, "stranger");
    build_record(&b, 5, FLOW_RETURN);
    open_source(&a, &sources[0]);
    open_source(&b, &sources[1]);
    merge(&merged, sources, 2, 1000, true);
    const struct model *model = &merged.model;
    const struct call *child = call_named(model, "child", 1), *stranger = call_named(model, "stranger", 2);
    CHECK_NUMBER(call_spawned_by(model, child), number_of(model, call_named(model, "main", 1)));
    CHECK_NUMBER(call_spawned_by(model, stranger), MODEL_NONE);
    forget(&merged);
    build_free(&a);
    build_free(&b);
}

/* In a sub-interpreter ORIGIN names another process by its number, which is another now. */
TEST(numbers_of_processes_in_records_are_the_new_ones)
{
    struct trace_builder a, b;
    struct reader sources[2];
    struct merged merged;
    build_run(&a, FLOW_CLOCK_MONOTONIC, 7);
    build_trace(&b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&b, 300, 1, 0);
    build_call(&b, 10, "host");
    build_chunk(&b, 4000, 1, 0);
    build_origin_in(&b, 20, 1, FLOW_SPAWN_INTERPRETER, 300);
    build_call(&b, 10, "guest");
    build_record(&b, 5, FLOW_RETURN);
    open_source(&a, &sources[0]);
    open_source(&b, &sources[1]);
    merge(&merged, sources, 2, 1000, true);
    const struct model *model = &merged.model;
    CHECK_NUMBER(call_spawned_by(model, call_named(model, "guest", 2)), number_of(model, call_named(model, "host", 2)));
    for (uint32_t i = 0; i < model->process_count; i++)
        CHECK(model->processes[i].number <= 3);
    CHECK_NUMBER(merged.reader.header->next_process, 4);
    forget(&merged);
    build_free(&a);
    build_free(&b);
}

/* Calls that were running when a chunk began. */
TEST(ages_of_open_calls_are_kept)
{
    struct trace_builder builders[2];
    struct reader sources[2];
    struct merged merged;
    for (uint32_t i = 0; i < 2; i++) {
        build_trace(&builders[i], FLOW_CLOCK_MONOTONIC);
        builders[i].now = 5000;
        build_chunk(&builders[i], 1, 1, 3); /* the chunks before it are gone */
        build_open_call(&builders[i], "outer", 3000, 0);
        build_open_call(&builders[i], "inner", 2000, 1);
        build_call(&builders[i], 10, "new");
        build_record(&builders[i], 5, FLOW_RETURN);
        open_source(&builders[i], &sources[i]);
    }
    merge(&merged, sources, 2, SECOND, true);
    CHECK_NUMBER(call_named(&merged.model, "outer", 1)->start_ns, 2000);
    CHECK_NUMBER(call_named(&merged.model, "inner", 2)->start_ns, SECOND + 3000);
    CHECK_NUMBER(call_named(&merged.model, "new", 2)->start_ns, SECOND + 5010);
    forget(&merged);
    build_free(&builders[0]);
    build_free(&builders[1]);
}

TEST(a_trace_without_times_begins_with_its_run)
{
    struct trace_builder a, b;
    struct reader sources[2];
    struct merged merged;
    build_run(&a, FLOW_CLOCK_MONOTONIC, 1);
    build_run(&b, FLOW_CLOCK_NONE, 1);
    open_source(&a, &sources[0]);
    open_source(&b, &sources[1]);
    merge(&merged, sources, 2, SECOND, true);
    CHECK_NUMBER(call_named(&merged.model, "leaf", 2)->start_ns, SECOND);
    CHECK_NUMBER(call_named(&merged.model, "leaf", 1)->start_ns, 2000);
    forget(&merged);
    build_free(&a);
    build_free(&b);
}

TEST(what_is_damaged_is_merged_as_far_as_it_is_sound)
{
    struct trace_builder a, b;
    struct reader sources[2];
    struct merged merged;
    build_run(&a, FLOW_CLOCK_MONOTONIC, 1);
    build_chunk(&a, 1, 1, 1);
    build_call(&a, 10, "later");
    build_run(&b, FLOW_CLOCK_MONOTONIC, 1);
    build_chunk_end(&a);
    a.data[FLOW_UNIT_SIZE + ((struct flow_chunk_header *)(void *)(a.data + FLOW_UNIT_SIZE))->committed - 1] = 0xff;
    open_source(&a, &sources[0]);
    open_source(&b, &sources[1]);
    merge(&merged, sources, 2, SECOND, true);
    CHECK_NUMBER(merged.model.call_count, 5);
    CHECK_NUMBER(call_named(&merged.model, "main", 1)->outcome, OUTCOME_ABANDONED);
    CHECK_NUMBER(call_named(&merged.model, "later", 1)->parent, MODEL_NONE);
    forget(&merged);
    build_free(&a);
    build_free(&b);
}

/* Two chunks of one number, both from before the trace began: neither is taken for a copy of the other. */
TEST(chunks_that_damage_made_alike_are_both_merged)
{
    struct trace_builder builders[2];
    struct reader sources[2];
    struct merged merged;
    for (uint64_t i = 0; i < 2; i++) {
        build_trace(&builders[i], FLOW_CLOCK_MONOTONIC);
        for (uint64_t k = 1; k <= 3; k++) {
            build_chunk(&builders[i], 1, 1, 0);
            builders[i].chunk->first_ticks = builders[i].chunk->first_ns = k;
            build_call(&builders[i], 10, "f");
        }
        open_source(&builders[i], &sources[i]);
    }
    merge(&merged, sources, 2, SECOND, true);
    CHECK_NUMBER(merged.model.call_count, 6);
    CHECK_NUMBER(merged.reader.doubles, 0);
    forget(&merged);
    build_free(&builders[0]);
    build_free(&builders[1]);
}

/* The runs of a merged trace stay what they are. */
TEST(a_merged_trace_can_be_merged)
{
    struct trace_builder builders[3];
    struct reader sources[2];
    struct merged merged;
    char first[sizeof out_path + 8], message[256] = "";
    struct losses losses;
    for (uint32_t i = 0; i < 3; i++)
        build_run(&builders[i], FLOW_CLOCK_MONOTONIC, 1);
    open_source(&builders[0], &sources[0]);
    open_source(&builders[1], &sources[1]);
    merge(&merged, sources, 2, SECOND, true);
    snprintf(first, sizeof first, "%s.first", out_path);
    CHECK_NUMBER(rename(out_path, first), 0);
    forget(&merged);
    open_source(&builders[2], &sources[0]);
    CHECK_NUMBER(reader_open(&sources[1], first, message, sizeof message), 0);
    CHECK_NUMBER(recover_measure(&sources[1], &losses), 0);
    merge(&merged, sources, 2, 10 * (uint64_t)SECOND, true);
    CHECK_NUMBER(merged.model.run_count, 3);
    CHECK_NUMBER(merged.model.call_count, 6);
    CHECK_TEXT(merged.model.runs[2].name.data, merged.model.runs[2].name.length, "b.flow");
    CHECK_NUMBER(call_named(&merged.model, "main", 3)->start_ns, 11 * (uint64_t)SECOND + 1000);
    unlink(first);
    forget(&merged);
    for (uint32_t i = 0; i < 3; i++)
        build_free(&builders[i]);
}
