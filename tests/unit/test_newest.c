/* Of a trace that has too many calls the newest are read. */
#include "model_fixture.h"

static void
build_calls(struct trace_builder *b, uint32_t thread, uint32_t sequence, uint32_t calls)
{
    build_chunk(b, 1, thread, sequence);
    if (sequence == 0)
        build_thread(b, 1000 + thread, thread == 1, thread == 1 ? "MainThread" : "worker");
    else
        build_open_call(b, "work", 10 * sequence, 0);
    atomic_store(&b->chunk->calls, calls);
    for (uint32_t i = 0; i < calls; i++) {
        build_call(b, 1, sequence == 0 && i == 0 ? "work" : "step");
        if (sequence || i)
            build_record(b, 1, FLOW_RETURN);
    }
}

/* A main thread that waits for its only worker. */
static void
build_waiting(struct fixture *f)
{
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
    build_thread(&f->b, 1001, true, "MainThread");
    build_call(&f->b, 1, "main");
    atomic_store(&f->b.chunk->calls, 1);
    for (uint32_t i = 0; i < 8; i++)
        build_calls(&f->b, 2, i, 2000);
    build_meta_chunk(&f->b, 1);
}

static void
check_kept(uint64_t newest, uint32_t chunks, uint32_t calls, uint64_t left_out)
{
    struct fixture f;
    build_waiting(&f);
    CHECK_NUMBER(build_open(&f.b, &f.reader), 0);
    CHECK_NUMBER(reader_keep_newest(&f.reader, newest), 0);
    CHECK_NUMBER(f.reader.event_chunk_count, chunks);
    CHECK_NUMBER(f.reader.chunk_count, chunks + 1);
    CHECK_NUMBER(f.reader.calls_left_out, left_out);
    CHECK_NUMBER(model_build(&f.model, &f.reader), 0);
    CHECK_NUMBER(f.model.call_count, calls);
    CHECK_NUMBER(f.reader.damaged, 0);
    CHECK_NUMBER(f.model.calls[0].outcome, OUTCOME_RUNNING);
    for (uint32_t i = 0; i < f.model.call_count; i++) /* arguments are looked for by chunk */
        CHECK(!call_argument(&f.model, &f.model.calls[i], 0).data);
    finish(&f);
}

TEST(the_newest_calls_are_kept)
{
    check_kept(16001, 9, 16001, 0);
    check_kept(16000, 8, 1 + 1 + 14000, 2000); /* the worker's "work" is reopened */
    check_kept(6100, 4, 1 + 1 + 6000, 10000);
    check_kept(2500, 2, 1 + 1 + 2000, 14000);
}

TEST(the_last_call_is_read_however_few_are_asked_for)
{
    check_kept(1, 1, 2001, 14001);
}

TEST(what_waited_is_told_before_what_is_new)
{
    struct fixture f;
    build_waiting(&f);
    CHECK_NUMBER(build_open(&f.b, &f.reader), 0);
    CHECK_NUMBER(reader_keep_newest(&f.reader, 4000), 0);
    CHECK_NUMBER(model_build(&f.model, &f.reader), 0);
    CHECK(slice_is(f.model.calls[0].code->qualname, "main"));
    CHECK_NUMBER(f.model.track_count, 2);
    CHECK(f.model.tracks[0].kind == TRACK_MAIN || f.model.tracks[1].kind == TRACK_MAIN);
    finish(&f);
}
