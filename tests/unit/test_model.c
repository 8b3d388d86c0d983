#include "../../src/model/child_lists.h"
#include "../../src/model/value_text.h"
#include "model_fixture.h"

static void
begin_with(struct fixture *f, enum flow_clock clock)
{
    build_trace(&f->b, clock);
    build_chunk(&f->b, 1, 1, 0);
    build_thread(&f->b, 1001, true, "MainThread");
}

static void
begin(struct fixture *f)
{
    begin_with(f, FLOW_CLOCK_MONOTONIC);
}

/* The number of the only call of this function. */
static uint32_t
find(const struct fixture *f, const char *qualname)
{
    uint32_t found = MODEL_NONE;
    unsigned count = 0;
    for (uint32_t i = 0; i < f->model.call_count; i++) {
        struct slice name = f->model.calls[i].code->qualname;
        if (name.length == strlen(qualname) && memcmp(name.data, qualname, name.length) == 0) {
            found = i;
            count++;
        }
    }
    if (count != 1)
        unit_fail(__FILE__, __LINE__, "%s was called %u times", qualname, count);
    return count ? found : 0;
}

static const struct call *
get(const struct fixture *f, const char *qualname)
{
    return &f->model.calls[find(f, qualname)];
}

static void
build_process_end(struct fixture *f, uint32_t process)
{
    static const uint8_t interpreter_ended = 1;
    build_meta_chunk(&f->b, process);
    build_extended(&f->b, FLOW_EXTENDED_PROCESS_END, &interpreter_ended, 1);
}

TEST(calls_nest)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 10, "main");
    build_record(&f.b, 5, FLOW_CALL_VALUES);
    build_code(&f.b, "first", 0, 2);
    build_int(&f.b, 3);
    build_str(&f.b, "x");
    build_record(&f.b, 5, FLOW_RETURN_VALUE);
    build_int(&f.b, 42);
    build_call(&f.b, 1, "second");
    build_record(&f.b, 1, FLOW_RETURN);
    build_record(&f.b, 8, FLOW_RETURN);
    end(&f);
    uint32_t main_call = find(&f, "main");
    uint32_t first = find(&f, "first");
    uint32_t second = find(&f, "second");
    const struct call *calls = f.model.calls;
    CHECK_NUMBER(f.model.call_count, 3);
    CHECK_NUMBER(calls[main_call].parent, MODEL_NONE);
    struct child_lists lists;
    CHECK_NUMBER(child_lists_build(&lists, &f.model), 0);
    CHECK_NUMBER(lists.first[main_call], first);
    CHECK_NUMBER(lists.next[first], second);
    CHECK_NUMBER(lists.next[second], MODEL_NONE);
    child_lists_free(&lists);
    CHECK_NUMBER(calls[second].parent, main_call);
    CHECK_NUMBER(calls[main_call].start_ns, 10);
    CHECK_NUMBER(call_duration(&calls[main_call]), 20);
    CHECK_NUMBER(call_duration(&calls[first]), 5);
    CHECK_NUMBER(calls[first].outcome, OUTCOME_RETURNED);
    struct value_head head;
    struct value value = call_result(&f.model, &calls[first]);
    CHECK_NUMBER(value_read(&f.reader, &value, &head), 0);
    CHECK_NUMBER(head.integer, 42);
    value = call_argument(&f.model, &calls[first], 1);
    CHECK_NUMBER(value_read(&f.reader, &value, &head), 0);
    CHECK_TEXT(head.bytes.data, head.bytes.length, "x");
    CHECK(call_argument(&f.model, &calls[first], 2).data == NULL);
    CHECK(call_argument(&f.model, &calls[second], 0).data == NULL);
    CHECK_NUMBER(f.model.track_count, 1);
    CHECK_NUMBER(f.model.tracks[0].kind, TRACK_MAIN);
    CHECK_NUMBER(f.model.tracks[0].first_root, main_call);
    CHECK_NUMBER(f.model.tracks[0].call_count, 3);
    finish(&f);
}

TEST(what_has_not_ended_is_running)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 10, "main");
    build_call(&f.b, 10, "inner");
    build_call(&f.b, 10, "done");
    build_record(&f.b, 5, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(get(&f, "main")->outcome, OUTCOME_RUNNING);
    CHECK_NUMBER(get(&f, "inner")->outcome, OUTCOME_RUNNING);
    CHECK_NUMBER(get(&f, "inner")->end_ns, 35);
    CHECK_NUMBER(get(&f, "done")->outcome, OUTCOME_RETURNED);
    finish(&f);
}

TEST(records_without_a_call_are_ignored)
{
    struct fixture f;
    begin(&f);
    build_record(&f.b, 1, FLOW_RETURN);
    build_yield(&f.b, 1);
    build_unwind(&f.b, 1, 1, "ValueError", 0);
    build_record(&f.b, 1, FLOW_DROP);
    build_number(&f.b, UINT64_MAX);
    build_call(&f.b, 1, "main");
    end(&f);
    CHECK_NUMBER(f.model.call_count, 1);
    finish(&f);
}

TEST(lost_calls_are_abandoned)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_call(&f.b, 1, "lost");
    build_call(&f.b, 1, "lost too");
    build_record(&f.b, 1, FLOW_DROP);
    build_number(&f.b, 2);
    build_record(&f.b, 1, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(get(&f, "lost")->outcome, OUTCOME_ABANDONED);
    CHECK_NUMBER(get(&f, "lost too")->outcome, OUTCOME_ABANDONED);
    CHECK_NUMBER(get(&f, "main")->outcome, OUTCOME_RETURNED);
    finish(&f);
}

/* --- generators --------------------------------------------------------- */

TEST(a_generator_is_one_call_that_waits)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 10, "main");
    build_generator(&f.b, 10, "generator", 1);
    build_yield(&f.b, 5);
    build_resume(&f.b, 100, "generator", 1);
    build_call(&f.b, 1, "helper");
    build_record(&f.b, 1, FLOW_RETURN);
    build_yield(&f.b, 1);
    build_resume(&f.b, 50, "generator", 1);
    build_record(&f.b, 2, FLOW_RETURN);
    build_record(&f.b, 1, FLOW_RETURN);
    end(&f);
    const struct call *generator = get(&f, "generator");
    CHECK_NUMBER(f.model.call_count, 3);
    CHECK_NUMBER(call_waiting_ns(&f.model, generator), 150);
    CHECK_NUMBER(call_duration(generator), 160);
    CHECK_NUMBER(call_suspensions(&f.model, generator), 2);
    CHECK_NUMBER(generator->parent, find(&f, "main"));
    CHECK_NUMBER(generator->outcome, OUTCOME_RETURNED);
    CHECK_NUMBER(get(&f, "helper")->parent, find(&f, "generator"));
    finish(&f);
}

TEST(a_generator_may_move_to_another_thread)
{
    struct fixture f;
    begin(&f);
    build_generator(&f.b, 10, "generator", 1);
    build_yield(&f.b, 5);
    build_chunk(&f.b, 1, 2, 0);
    build_call(&f.b, 10, "worker");
    build_resume(&f.b, 10, "generator", 1);
    build_record(&f.b, 1, FLOW_RETURN);
    build_record(&f.b, 1, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(f.model.call_count, 2);
    CHECK_NUMBER(get(&f, "generator")->outcome, OUTCOME_RETURNED);
    CHECK_NUMBER(call_waiting_ns(&f.model, get(&f, "generator")), 20);
    CHECK_NUMBER(get(&f, "generator")->track, 0);
    CHECK_NUMBER(get(&f, "worker")->track, 1);
    finish(&f);
}

TEST(a_generator_whose_start_was_not_seen)
{
    struct fixture f;
    begin(&f);
    build_resume(&f.b, 10, "unknown", 8);
    build_yield(&f.b, 5);
    build_throw(&f.b, 5, "unknown too", 9, 1, "ValueError");
    build_resume(&f.b, 5, "unknown", 8);
    build_record(&f.b, 1, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(f.model.call_count, 2);
    CHECK_NUMBER(get(&f, "unknown")->outcome, OUTCOME_RETURNED);
    CHECK_NUMBER(call_waiting_ns(&f.model, get(&f, "unknown")), 10);
    finish(&f);
}

TEST(a_generator_that_is_dropped_is_abandoned_if_the_process_ended_in_order)
{
    for (int ended = 0; ended < 2; ended++) {
        struct fixture f;
        begin(&f);
        build_call(&f.b, 1, "main");
        build_generator(&f.b, 10, "generator", 1);
        build_yield(&f.b, 5);
        build_record(&f.b, 100, FLOW_RETURN);
        if (ended)
            build_process_end(&f, 1);
        end(&f);
        CHECK_NUMBER(get(&f, "generator")->outcome, ended ? OUTCOME_ABANDONED : OUTCOME_RUNNING);
        CHECK_NUMBER(call_duration(get(&f, "generator")), 5);
        finish(&f);
    }
}

/* --- exceptions --------------------------------------------------------- */

TEST(an_exception_leaves_calls_until_one_catches_it)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "process");
    build_call(&f.b, 1, "charge");
    build_call(&f.b, 1, "send");
    build_unwind(&f.b, 1, 5, "PaymentError", 20);
    build_unwind(&f.b, 1, 5, NULL, 88);
    build_record(&f.b, 1, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(f.model.exception_count, 1);
    const struct exception *e = &f.model.exceptions[0];
    CHECK_TEXT(e->type.data, e->type.length, "PaymentError");
    CHECK_NUMBER(e->calls_left, 2);
    CHECK_NUMBER(e->first_call, find(&f, "send"));
    CHECK_NUMBER(e->last_call, find(&f, "charge"));
    CHECK_NUMBER(e->caught_by, find(&f, "process"));
    CHECK_NUMBER(e->caught_line, 88);
    CHECK_NUMBER(e->line, 41);
    CHECK(!e->benign);
    CHECK_NUMBER(get(&f, "send")->outcome, OUTCOME_RAISED);
    CHECK_NUMBER(call_exception(&f.model, get(&f, "send")), 0);
    CHECK_NUMBER(get(&f, "process")->outcome, OUTCOME_RETURNED);
    CHECK_NUMBER(call_exception(&f.model, get(&f, "process")), MODEL_NONE);
    finish(&f);
}

TEST(an_exception_that_nobody_catches)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_call(&f.b, 1, "inner");
    build_unwind(&f.b, 1, 5, "ValueError", 3);
    build_unwind(&f.b, 1, 5, NULL, 0);
    end(&f);
    CHECK_NUMBER(f.model.exceptions[0].caught_by, MODEL_NONE);
    CHECK_NUMBER(f.model.exceptions[0].calls_left, 2);
    finish(&f);
}

TEST(one_exception_after_another_are_two)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_call(&f.b, 1, "inner");
    build_unwind(&f.b, 1, 5, "KeyError", 3);
    build_unwind(&f.b, 1, 6, "ValueError", 0);
    end(&f);
    CHECK_NUMBER(f.model.exception_count, 2);
    CHECK_NUMBER(f.model.exceptions[0].caught_by, find(&f, "main"));
    CHECK_NUMBER(call_exception(&f.model, get(&f, "main")), 1);
    finish(&f);
}

TEST(control_flow_is_benign)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_call(&f.b, 1, "inner");
    build_unwind(&f.b, 1, 5, "StopIteration", 3);
    end(&f);
    CHECK(f.model.exceptions[0].benign);
    finish(&f);
}

TEST(an_exception_thrown_into_a_coroutine_leaves_it)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_generator(&f.b, 1, "coroutine", 1);
    build_yield(&f.b, 1);
    build_throw(&f.b, 5, "coroutine", 1, 3, "CancelledError");
    build_unwind(&f.b, 1, 3, NULL, 12);
    build_record(&f.b, 1, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(f.model.exception_count, 1);
    CHECK_NUMBER(f.model.exceptions[0].first_call, find(&f, "coroutine"));
    CHECK_NUMBER(f.model.exceptions[0].caught_by, find(&f, "main"));
    CHECK_NUMBER(call_waiting_ns(&f.model, get(&f, "coroutine")), 5);
    finish(&f);
}

/* --- tasks, threads, jobs ----------------------------------------------- */

TEST(a_task_is_a_track_under_its_creator)
{
    for (int announced_first = 0; announced_first < 2; announced_first++) {
        struct fixture f;
        begin(&f);
        build_generator(&f.b, 1, "main", 1);
        build_call(&f.b, 1, "start");
        if (announced_first)
            build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
        build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
        build_generator(&f.b, 1, "fetch", 2);
        build_call(&f.b, 1, "helper");
        build_record(&f.b, 1, FLOW_RETURN);
        build_yield(&f.b, 1);
        if (!announced_first)
            build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
        build_record(&f.b, 1, FLOW_RETURN);
        build_yield(&f.b, 1);
        build_resume(&f.b, 1, "fetch", 2);
        build_call(&f.b, 1, "late helper");
        build_record(&f.b, 1, FLOW_RETURN);
        build_unwind(&f.b, 1, 1, "ValueError", 0);
        build_resume(&f.b, 1, "main", 1);
        build_record(&f.b, 1, FLOW_RETURN);
        end(&f);
        const struct call *fetch = get(&f, "fetch");
        CHECK_NUMBER(f.model.track_count, 2);
        CHECK_NUMBER(fetch->parent, MODEL_NONE);
        CHECK_NUMBER(fetch->origin, FLOW_SPAWN_TASK);
        CHECK_NUMBER(call_spawned_by(&f.model, fetch), find(&f, "start"));
        const struct track *track = &f.model.tracks[fetch->track];
        CHECK_NUMBER(track->kind, TRACK_TASK);
        CHECK_TEXT(track->name.data, track->name.length, "Task-2");
        CHECK_NUMBER(track->creator, find(&f, "start"));
        CHECK_NUMBER(track->first_root, find(&f, "fetch"));
        CHECK_NUMBER(track->call_count, 3);
        CHECK_NUMBER(get(&f, "helper")->track, fetch->track);
        CHECK_NUMBER(get(&f, "late helper")->track, fetch->track);
        CHECK_NUMBER(get(&f, "late helper")->parent, find(&f, "fetch"));
        CHECK_NUMBER(get(&f, "main")->track, 0);
        CHECK_NUMBER(f.model.exceptions[0].caught_by, MODEL_NONE);
        finish(&f);
    }
}

TEST(what_runs_in_a_sub_interpreter_has_been_called_from_another)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 3, FLOW_SPAWN_JOB, "");
    build_call(&f.b, 1, "host");
    build_record(&f.b, 100, FLOW_RETURN);
    build_record(&f.b, 1, FLOW_RETURN);
    f.b.now = 0;
    build_chunk(&f.b, 2, 1, 0);
    build_origin_in(&f.b, 50, 1, FLOW_SPAWN_INTERPRETER, 1);
    build_call(&f.b, 1, "guest");
    build_record(&f.b, 1, FLOW_RETURN);
    build_origin_in(&f.b, 0, 3, FLOW_SPAWN_JOB, 1);
    build_call(&f.b, 1, "job");
    build_record(&f.b, 1, FLOW_RETURN);
    build_origin_in(&f.b, 0, 0, FLOW_SPAWN_INTERPRETER, 0);
    build_call(&f.b, 1, "own");
    build_record(&f.b, 1, FLOW_RETURN);
    end(&f);
    CHECK_NUMBER(call_spawned_by(&f.model, get(&f, "guest")), find(&f, "host"));
    CHECK_NUMBER(get(&f, "guest")->origin, FLOW_SPAWN_INTERPRETER);
    CHECK_NUMBER(call_spawned_by(&f.model, get(&f, "job")), find(&f, "main"));
    CHECK_NUMBER(get(&f, "own")->origin, 0);
    finish(&f);
}

TEST(interpreters_that_are_not_there_have_called_nothing)
{
    static const uint64_t wild[] = {0, 2, 9, UINT32_MAX, (uint64_t)UINT32_MAX + 2, UINT64_MAX};
    for (size_t i = 0; i < 36; i++) {
        struct fixture f;
        begin(&f);
        build_call(&f.b, 1, "main");
        build_origin_in(&f.b, 0, wild[i / 6], i % 2 ? FLOW_SPAWN_INTERPRETER : FLOW_SPAWN_JOB, wild[i % 6]);
        build_chunk(&f.b, 2, 1, 0);
        build_origin_in(&f.b, 0, wild[i / 6], i % 2 ? FLOW_SPAWN_INTERPRETER : FLOW_SPAWN_JOB, wild[i % 6]);
        build_call(&f.b, 50, "guest");
        end(&f);
        CHECK_NUMBER(call_spawned_by(&f.model, get(&f, "guest")), MODEL_NONE);
        finish(&f);
    }
}

/* Untimed, the worker's thread comes before the one that made it. */
TEST(threads_and_jobs_know_their_creator_in_any_order)
{
    static const enum flow_spawn kinds[] = {FLOW_SPAWN_THREAD, FLOW_SPAWN_JOB};
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        begin_with(&f, FLOW_CLOCK_NONE);
        build_link(&f.b, FLOW_EXTENDED_ORIGIN, 3, kinds[i], "");
        build_call(&f.b, 0, "work");
        build_record(&f.b, 0, FLOW_RETURN);
        build_link(&f.b, FLOW_EXTENDED_ORIGIN, 0, kinds[i], "");
        build_call(&f.b, 0, "own");
        build_record(&f.b, 0, FLOW_RETURN);
        build_chunk(&f.b, 1, 2, 0);
        build_call(&f.b, 0, "creator");
        build_link(&f.b, FLOW_EXTENDED_SPAWN, 3, kinds[i], "");
        build_record(&f.b, 0, FLOW_RETURN);
        end(&f);
        CHECK_NUMBER(call_spawned_by(&f.model, get(&f, "work")), find(&f, "creator"));
        CHECK_NUMBER(get(&f, "work")->origin, kinds[i]);
        CHECK_NUMBER(get(&f, "work")->parent, MODEL_NONE);
        CHECK_NUMBER(call_spawned_by(&f.model, get(&f, "own")), MODEL_NONE);
        CHECK_NUMBER(get(&f, "own")->origin, 0);
        CHECK_NUMBER(f.model.tracks[0].creator, kinds[i] == FLOW_SPAWN_THREAD ? find(&f, "creator") : MODEL_NONE);
        finish(&f);
    }
}

TEST(threads_are_merged_by_time)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 10, "first");
    build_call(&f.b, 20, "third");
    f.b.now = 0;
    build_chunk(&f.b, 1, 2, 0);
    build_call(&f.b, 20, "second");
    build_call(&f.b, 20, "fourth");
    end(&f);
    CHECK_NUMBER(find(&f, "first"), 0);
    CHECK_NUMBER(find(&f, "second"), 1);
    CHECK_NUMBER(find(&f, "third"), 2);
    CHECK_NUMBER(find(&f, "fourth"), 3);
    CHECK_NUMBER(f.model.duration_ns, 40);
    finish(&f);
}

TEST(callbacks_are_roots_below_who_asked_for_them)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "top");
    build_call(&f.b, 1, "asks");
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_CALLBACK, "");
    build_record(&f.b, 1, FLOW_RETURN);
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_CALLBACK, "");
    build_call(&f.b, 1, "tick");
    build_call(&f.b, 1, "inner");
    build_record(&f.b, 1, FLOW_RETURN);
    build_unwind(&f.b, 1, 1, "ValueError", 0);
    build_call(&f.b, 1, "next");
    end(&f);
    const struct call *tick = get(&f, "tick");
    CHECK_NUMBER(tick->parent, MODEL_NONE);
    CHECK_NUMBER(tick->origin, FLOW_SPAWN_CALLBACK);
    CHECK_NUMBER(call_spawned_by(&f.model, tick), find(&f, "asks"));
    CHECK_NUMBER(tick->track, 0);
    CHECK_NUMBER(get(&f, "inner")->parent, find(&f, "tick"));
    CHECK_NUMBER(get(&f, "next")->parent, find(&f, "top"));
    CHECK_NUMBER(f.model.exceptions[0].caught_by, MODEL_NONE);
    finish(&f);
}

static void
build_name(struct trace_builder *b, uint64_t id, const char *name)
{
    uint8_t payload[64];
    uint8_t *p = varint_put(varint_put(payload, id), strlen(name));
    memcpy(p, name, strlen(name));
    build_extended(b, FLOW_EXTENDED_NAME, payload, (size_t)(p - payload) + strlen(name));
}

TEST(a_task_may_get_its_name_late)
{
    struct fixture f;
    begin(&f);
    build_generator(&f.b, 1, "main", 1);
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_generator(&f.b, 1, "eager", 2);
    build_yield(&f.b, 1);
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "named");
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 8, FLOW_SPAWN_TASK, "Task-3");
    build_generator(&f.b, 1, "late", 3);
    build_name(&f.b, 8, "named late");
    build_name(&f.b, 99, "nobody");
    end(&f);
    struct slice name = f.model.tracks[get(&f, "eager")->track].name;
    CHECK_TEXT(name.data, name.length, "named");
    name = f.model.tracks[get(&f, "late")->track].name;
    CHECK_TEXT(name.data, name.length, "named late");
    finish(&f);
}

static void
build_first_call(struct trace_builder *b, uint64_t id, const char *name, uint64_t generator)
{
    uint8_t payload[64];
    uint8_t *p = varint_put(varint_put(payload, id), strlen(name));
    memcpy(p, name, strlen(name));
    p = varint_put(p + strlen(name), generator);
    build_extended(b, FLOW_EXTENDED_NAME, payload, (size_t)(p - payload));
}

/* In a chunk of a recording that has let the beginning go. */
TEST(a_task_whose_beginning_is_gone_has_its_name)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "loop");
    build_first_call(&f.b, 7, "left over", 3);
    build_resume(&f.b, 1, "worker", 3);
    build_call(&f.b, 1, "leaf");
    build_record(&f.b, 1, FLOW_RETURN);
    build_yield(&f.b, 1);
    build_call(&f.b, 1, "between");
    build_record(&f.b, 1, FLOW_RETURN);
    build_first_call(&f.b, 7, "renamed", 3); /* as another chunk says again */
    build_resume(&f.b, 1, "worker", 3);
    build_yield(&f.b, 1);
    build_resume(&f.b, 1, "stray", 4); /* of which nobody tells */
    end(&f);
    const struct call *worker = get(&f, "worker");
    struct slice name = f.model.tracks[worker->track].name;
    CHECK_TEXT(name.data, name.length, "renamed");
    CHECK_NUMBER(f.model.tracks[worker->track].kind, TRACK_TASK);
    CHECK_NUMBER(worker->parent, MODEL_NONE);
    CHECK_NUMBER(worker->origin, FLOW_SPAWN_TASK);
    CHECK_NUMBER(get(&f, "leaf")->track, worker->track);
    CHECK_NUMBER(get(&f, "between")->parent, find(&f, "loop"));
    CHECK_NUMBER(get(&f, "stray")->parent, find(&f, "loop"));
    finish(&f);
}

/* It runs when the chunk begins. */
TEST(a_task_that_runs_when_a_chunk_begins_has_its_name)
{
    struct fixture f;
    begin(&f);
    build_chunk_end(&f.b);
    build_chunk(&f.b, 1, 1, 5);
    build_first_call(&f.b, 7, "left over", 3);
    build_open_call(&f.b, "loop", 10, 0);
    build_open_generator(&f.b, "worker", 3, 5, 1);
    build_call(&f.b, 1, "leaf");
    end(&f);
    struct slice name = f.model.tracks[get(&f, "leaf")->track].name;
    CHECK_TEXT(name.data, name.length, "left over");
    CHECK_NUMBER(get(&f, "leaf")->parent, find(&f, "worker"));
    CHECK_NUMBER(get(&f, "worker")->parent, MODEL_NONE);
    CHECK_NUMBER(get(&f, "loop")->track, 0);
    finish(&f);
}

TEST(the_longest_wait_of_a_call_is_kept)
{
    struct fixture f;
    begin(&f);
    build_generator(&f.b, 1, "waits", 1);
    build_await(&f.b, 1, 300, NULL);
    build_resume(&f.b, 10, "waits", 1);
    build_await(&f.b, 1, 301, "slow");
    build_resume(&f.b, 50, "waits", 1);
    build_await(&f.b, 1, 302, NULL);
    build_resume(&f.b, 20, "waits", 1);
    build_record(&f.b, 1, FLOW_RETURN);
    build_generator(&f.b, 1, "hangs", 2);
    build_await(&f.b, 1, 310, "never");
    build_generator(&f.b, 1, "silent", 3);
    build_yield(&f.b, 1);
    end(&f);
    const struct wait *wait = waits_find(&f.model.waits, find(&f, "waits"));
    CHECK(wait && !wait->lasts);
    CHECK_NUMBER(wait->longest_ns, 50);
    struct awaited awaited = wait_read(&f.reader, wait->longest);
    CHECK_NUMBER(awaited.line, 301);
    CHECK_TEXT(awaited.task.data, awaited.task.length, "slow");
    wait = waits_find(&f.model.waits, find(&f, "hangs"));
    CHECK(wait && wait->lasts);
    CHECK_NUMBER(wait_read(&f.reader, wait->longest).line, 310);
    CHECK(!waits_find(&f.model.waits, find(&f, "silent")));
    finish(&f);
}

TEST(greenlets_have_stacks_of_their_own)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_greenlet(&f.b, 4, 1, "", false);
    build_call(&f.b, 1, "child");
    build_greenlet(&f.b, 0, 0, "", false);
    build_call(&f.b, 1, "own");
    build_greenlet(&f.b, 5, 5, "named", false);
    build_call(&f.b, 1, "grandchild");
    build_greenlet(&f.b, 4, 0, "", false);
    build_call(&f.b, 1, "inner");
    build_record(&f.b, 1, FLOW_RETURN);
    build_record(&f.b, 1, FLOW_RETURN);
    build_greenlet(&f.b, 0, 0, "", false);
    build_record(&f.b, 1, FLOW_RETURN);
    end(&f);
    const struct call *child = get(&f, "child");
    const struct call *grandchild = get(&f, "grandchild");
    CHECK_NUMBER(child->parent, MODEL_NONE);
    CHECK_NUMBER(child->origin, FLOW_SPAWN_GREENLET);
    CHECK_NUMBER(call_spawned_by(&f.model, child), find(&f, "main"));
    CHECK_NUMBER(child->outcome, OUTCOME_RETURNED);
    CHECK_NUMBER(f.model.tracks[child->track].kind, TRACK_GREENLET);
    CHECK_NUMBER(f.model.tracks[child->track].native_id, 4);
    CHECK_NUMBER(get(&f, "inner")->parent, find(&f, "child"));
    CHECK_NUMBER(get(&f, "own")->parent, find(&f, "main"));
    CHECK_NUMBER(get(&f, "own")->outcome, OUTCOME_RETURNED);
    CHECK_NUMBER(get(&f, "own")->track, get(&f, "main")->track);
    CHECK_NUMBER(get(&f, "main")->outcome, OUTCOME_RUNNING);
    CHECK_NUMBER(call_spawned_by(&f.model, grandchild), find(&f, "child"));
    CHECK_NUMBER(grandchild->outcome, OUTCOME_RUNNING);
    struct slice name = f.model.tracks[grandchild->track].name;
    CHECK_TEXT(name.data, name.length, "named");
    finish(&f);
}

TEST(an_exception_goes_on_in_the_parent_greenlet_but_not_in_a_hub)
{
    for (int hub = 0; hub < 2; hub++) {
        struct fixture f;
        begin(&f);
        build_call(&f.b, 1, "main");
        build_greenlet(&f.b, 1, 1, "", hub);
        build_call(&f.b, 1, "child");
        build_unwind(&f.b, 1, 1, "ValueError", 0);
        build_greenlet(&f.b, 0, 0, "", hub);
        build_record(&f.b, 1, FLOW_RETURN);
        end(&f);
        CHECK_NUMBER(f.model.exceptions[0].caught_by, hub ? MODEL_NONE : find(&f, "main"));
        finish(&f);
    }
}

TEST(a_greenlet_without_a_creator_comes_from_where_its_thread_does)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "creator");
    build_link(&f.b, FLOW_EXTENDED_SPAWN, 3, FLOW_SPAWN_THREAD, "");
    build_chunk(&f.b, 1, 2, 0);
    build_link(&f.b, FLOW_EXTENDED_ORIGIN, 3, FLOW_SPAWN_THREAD, "");
    build_greenlet(&f.b, 1, 1, "", false);
    build_call(&f.b, 1, "work");
    end(&f);
    CHECK_NUMBER(call_spawned_by(&f.model, get(&f, "work")), find(&f, "creator"));
    CHECK_NUMBER(get(&f, "work")->origin, FLOW_SPAWN_THREAD);
    finish(&f);
}

/* --- gaps --------------------------------------------------------------- */

/* A chunk begins with the greenlet that runs; the others' calls follow where they run on. */
TEST(open_records_of_greenlets_are_read_after_a_gap_alone)
{
    for (uint32_t sequence = 1; sequence < 3; sequence++) {
        bool gap = sequence > 1;
        struct fixture f;
        begin(&f);
        build_call(&f.b, 1, "main");
        build_greenlet(&f.b, 4, 1, "", false);
        build_call(&f.b, 1, "child");
        build_chunk(&f.b, 1, 1, sequence);
        build_thread(&f.b, 1001, true, "MainThread");
        build_greenlet(&f.b, 4, 0, "", false);
        build_open_call(&f.b, gap ? "child again" : "child", 1, 1);
        build_call(&f.b, 1, "inner");
        build_greenlet(&f.b, 0, 0, "", false);
        build_open_call(&f.b, gap ? "main again" : "main", 2, 0);
        build_call(&f.b, 1, "own");
        build_greenlet(&f.b, 4, 0, "", false);
        build_record(&f.b, 1, FLOW_RETURN);
        build_call(&f.b, 1, "last");
        end(&f);
        CHECK_NUMBER(f.model.call_count, gap ? 7 : 5);
        CHECK_NUMBER(get(&f, "own")->parent, find(&f, gap ? "main again" : "main"));
        CHECK_NUMBER(get(&f, "inner")->parent, find(&f, gap ? "child again" : "child"));
        CHECK_NUMBER(get(&f, "inner")->outcome, OUTCOME_RETURNED);
        CHECK_NUMBER(get(&f, "last")->parent, find(&f, gap ? "child again" : "child"));
        CHECK_NUMBER(get(&f, "child")->outcome, gap ? OUTCOME_ABANDONED : OUTCOME_RUNNING);
        CHECK_NUMBER(get(&f, "main")->outcome, gap ? OUTCOME_ABANDONED : OUTCOME_RUNNING);
        CHECK(f.model.tracks[0].kind == TRACK_MAIN);
        finish(&f);
    }
}

TEST(without_a_gap_open_records_repeat_what_is_known)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_chunk(&f.b, 1, 1, 1);
    f.b.chunk->open_calls = 1;
    build_open_call(&f.b, "main", 1, 0);
    build_call(&f.b, 1, "inner");
    end(&f);
    CHECK_NUMBER(f.model.call_count, 2);
    CHECK_NUMBER(get(&f, "inner")->parent, 0);
    finish(&f);
}

TEST(after_a_gap_open_records_tell_what_runs)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "before");
    build_chunk(&f.b, 1, 1, 5);
    build_thread(&f.b, 1001, true, "MainThread");
    f.b.chunk->open_calls = 2;
    build_open_call(&f.b, "main", 1, 0);
    build_open_call(&f.b, "inner", 0, 3);
    build_record(&f.b, 3, FLOW_RETURN);
    build_call(&f.b, 1, "after");
    end(&f);
    CHECK_NUMBER(get(&f, "inner")->parent, find(&f, "main"));
    CHECK_NUMBER(get(&f, "inner")->outcome, OUTCOME_RETURNED);
    CHECK_NUMBER(get(&f, "after")->parent, find(&f, "main"));
    CHECK_NUMBER(get(&f, "main")->start_ns, 0);
    CHECK_NUMBER(get(&f, "before")->outcome, OUTCOME_ABANDONED);
    finish(&f);
}

TEST(a_forked_child_begins_with_its_parents_calls)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_chunk(&f.b, 2, 1, 0);
    f.b.chunk->open_calls = 1;
    build_open_call(&f.b, "main in the child", 1, 0);
    build_call(&f.b, 1, "work");
    end(&f);
    CHECK_NUMBER(f.model.process_count, 2);
    CHECK_NUMBER(get(&f, "work")->parent, find(&f, "main in the child"));
    finish(&f);
}

/* --- processes ---------------------------------------------------------- */

TEST(processes_tell_of_themselves)
{
    struct fixture f;
    begin(&f);
    build_call(&f.b, 1, "main");
    build_meta_chunk(&f.b, 1);
    static const uint8_t info[] = "\4argv\6app.py\6python\0063.13.0";
    build_extended(&f.b, FLOW_EXTENDED_PROCESS, info, sizeof info - 1);
    static const uint8_t status[] = {2, 0x80, 2};
    build_extended(&f.b, FLOW_EXTENDED_PROCESS_END, status, sizeof status);
    end(&f);
    CHECK_NUMBER(f.model.process_count, 1);
    const struct process *process = &f.model.processes[0];
    CHECK_NUMBER(process->pid, 1001);
    CHECK(!process->ended);
    CHECK(process->has_status);
    CHECK_NUMBER(process->wait_status, 256);
    struct slice text = process_info(process, "python");
    CHECK_TEXT(text.data, text.length, "3.13.0");
    CHECK_NUMBER(process_info(process, "nothing").length, 0);
    finish(&f);
}

static void
build_text_pair(struct fixture *f, const char *key, const char *value)
{
    uint8_t payload[256];
    uint8_t *p = varint_put(payload, strlen(key));
    p = mempcpy(p, key, strlen(key));
    p = varint_put(p, strlen(value));
    p = mempcpy(p, value, strlen(value));
    build_extended(&f->b, FLOW_EXTENDED_PROCESS, payload, (size_t)(p - payload));
}

/* Process 1002 is a grandchild of 1001, by a shell that nobody told of; its age is 30 ms. */
static void
build_grandchild(struct fixture *f, const char *ancestors)
{
    begin(f);
    build_call(&f->b, 1000000, "main");
    build_call(&f->b, 1000000, "starts");
    build_call(&f->b, 41000000, "later");
    build_meta_chunk(&f->b, 2);
    build_text_pair(f, "ancestors", ancestors);
    build_text_pair(f, "age_ms", "30");
    build_chunk(&f->b, 2, 1, 0);
    build_thread(&f->b, 1002, true, "MainThread");
    build_call(&f->b, 1, "child");
    build_chunk(&f->b, 1, 1, 1);
    build_record(&f->b, 1, FLOW_RETURN);
    build_record(&f->b, 1, FLOW_RETURN);
    build_record(&f->b, 1, FLOW_RETURN);
    end(f);
}

TEST(a_process_of_which_no_call_has_told)
{
    static const struct {
        const char *ancestors, *creator;
    } cases[] = {{"77/0 1001/1001", "starts"},
                 {"1001/0", "starts"},
                 {"1001/5", NULL},
                 {"77/0", NULL},
                 {"", NULL},
                 {"1001", NULL},
                 {"99999999999999999999999/1 1001/1001", NULL},
                 {"/ /", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        build_grandchild(&f, cases[i].ancestors);
        const struct call *child = get(&f, "child");
        CHECK_NUMBER(child->origin, cases[i].creator ? FLOW_SPAWN_PROCESS : 0);
        CHECK_NUMBER(call_spawned_by(&f.model, child), cases[i].creator ? find(&f, cases[i].creator) : MODEL_NONE);
        finish(&f);
    }
}

TEST(the_parent_tells_how_a_process_ended)
{
    static const uint8_t killed[] = {2, 9, 0xea, 7}, unknown[] = {2, 9, 0x63}, cut[] = {2, 9};
    struct fixture f;
    begin(&f);
    build_meta_chunk(&f.b, 2);
    build_text_pair(&f, "command", "child.py");
    build_chunk(&f.b, 1, 1, 1);
    build_extended(&f.b, FLOW_EXTENDED_PROCESS_END, unknown, sizeof unknown);
    build_extended(&f.b, FLOW_EXTENDED_PROCESS_END, cut, sizeof cut);
    build_extended(&f.b, FLOW_EXTENDED_PROCESS_END, killed, sizeof killed);
    end(&f);
    CHECK_NUMBER(f.model.process_count, 2);
    for (uint32_t i = 0; i < f.model.process_count; i++) {
        CHECK_NUMBER(f.model.processes[i].has_status, f.model.processes[i].pid == 1002);
        CHECK_NUMBER(f.model.processes[i].wait_status, f.model.processes[i].pid == 1002 ? 9 : 0);
    }
    finish(&f);
}

static void
build_module(struct fixture *f, bool recorded, enum flow_scope why, const char *name, const char *what)
{
    uint8_t payload[256];
    uint8_t *p = varint_put(payload, recorded);
    p = varint_put(p, why);
    p = varint_put(p, strlen(name));
    p = mempcpy(p, name, strlen(name));
    p = varint_put(p, strlen(what));
    p = mempcpy(p, what, strlen(what));
    build_extended(&f->b, FLOW_EXTENDED_SCOPE, payload, (size_t)(p - payload));
}

TEST(modules_and_why_they_were_recorded)
{
    struct fixture f;
    begin(&f);
    build_module(&f, true, FLOW_SCOPE_ROOT, "pkg", "/home");
    build_module(&f, false, FLOW_SCOPE_STANDARD, "json", "");
    build_call(&f.b, 1, "main");
    build_module(&f, true, FLOW_SCOPE_ROOT, "app", "/home");
    build_module(&f, false, (enum flow_scope)77, "strange", "");
    build_module(&f, false, FLOW_SCOPE_RULE, "", "");
    build_extended(&f.b, FLOW_EXTENDED_SCOPE, (const uint8_t *)"\1\1\3ab", 5); /* cut short */
    build_meta_chunk(&f.b, 1);
    build_module(&f, false, FLOW_SCOPE_RULE, "pkg", "pkg.s*");
    build_module(&f, false, FLOW_SCOPE_STANDARD, "json", "");
    end(&f);
    static const char *const expected[] = {"app", "pkg", "pkg", "json"};
    CHECK_NUMBER(f.model.module_count, 4);
    for (uint32_t i = 0; i < f.model.module_count && i < 4; i++)
        CHECK_TEXT(f.model.modules[i].name.data, f.model.modules[i].name.length, expected[i]);
    CHECK(f.model.modules[1].recorded);
    CHECK(!f.model.modules[2].recorded);
    CHECK_TEXT(f.model.modules[2].what.data, f.model.modules[2].what.length, "pkg.s*");
    finish(&f);
}

/* --- anything else ------------------------------------------------------ */

static void
build_a_bit_of_everything(struct fixture *f)
{
    begin(f);
    build_generator(&f->b, 1, "main", 1);
    build_record(&f->b, 5, FLOW_CALL_VALUES);
    build_code(&f->b, "first", 0, 2);
    build_head(&f->b, FLOW_VALUE_LIST, 3, 2);
    build_str(&f->b, "x");
    build_typed(&f->b, FLOW_VALUE_FIELDS, "Order");
    build_number(&f->b, 1);
    build_number(&f->b, 1);
    build_string(&f->b, "id");
    build_int(&f->b, 1);
    build_head(&f->b, FLOW_VALUE_DICT, 1, 1);
    build_int(&f->b, 1);
    build_byte(&f->b, FLOW_VALUE_NONE);
    build_link(&f->b, FLOW_EXTENDED_SPAWN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_record(&f->b, 5, FLOW_RETURN_VALUE);
    build_int(&f->b, 42);
    build_yield(&f->b, 1);
    build_link(&f->b, FLOW_EXTENDED_ORIGIN, 7, FLOW_SPAWN_TASK, "Task-2");
    build_generator(&f->b, 1, "fetch", 2);
    build_unwind(&f->b, 1, 1, "ValueError", 9);
    build_chunk(&f->b, 1, 1, 1);
    build_open_call(&f->b, "main", 1, 0);
    build_throw(&f->b, 1, "main", 1, 2, "KeyError");
    build_unwind(&f->b, 1, 2, NULL, 9);
    build_record(&f->b, 1, FLOW_DROP);
    build_number(&f->b, 1);
    build_greenlet(&f->b, 3, 1, "", false);
    build_call(&f->b, 1, "in a greenlet");
    build_greenlet(&f->b, 0, 0, "", false);
    build_chunk(&f->b, 1, 2, 0);
    build_link(&f->b, FLOW_EXTENDED_ORIGIN, 8, FLOW_SPAWN_THREAD, "worker");
    build_greenlet(&f->b, 3, 9, "other", true);
    build_resume(&f->b, 1, "fetch", 2);
    build_call(&f->b, 1, "inner");
    build_process_end(f, 1);
    build_chunk_end(&f->b);
}

static uint32_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

/* Mostly where something is: a unit's first bytes. */
static void
mutate(uint8_t *data, size_t size, uint64_t *state)
{
    uint32_t count = 1 + next_random(state) % 8;
    for (uint32_t i = 0; i < count; i++) {
        size_t unit = next_random(state) % (size / FLOW_UNIT_SIZE);
        size_t offset = next_random(state) % 4 ? 128 + next_random(state) % 400 : next_random(state) % 128;
        if (unit == 0)
            offset %= 96;
        uint8_t *byte = data + unit * FLOW_UNIT_SIZE + offset;
        switch (next_random(state) % 3) {
        case 0: *byte = (uint8_t)next_random(state); break;
        case 1: *byte ^= (uint8_t)(1u << next_random(state) % 8); break;
        default: *byte = next_random(state) % 2 ? 0xff : 0; break;
        }
    }
}

static void
check_links(const struct model *model)
{
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        CHECK(call->parent == MODEL_NONE || call->parent < i);
        CHECK(call->track < model->track_count);
        uint32_t spawner = call_spawned_by(model, call);
        uint32_t exception = call_exception(model, call);
        CHECK(spawner == MODEL_NONE || spawner < model->call_count);
        CHECK(exception == MODEL_NONE || exception < model->exception_count);
        CHECK(call->outcome <= OUTCOME_ABANDONED);
        CHECK(call->end_ns >= call->start_ns);
        CHECK(call_waiting_ns(model, call) <= call_duration(call));
    }
}

static void
print_value(struct text *out, const struct reader *reader, struct value value)
{
    struct value_limits narrow = {30, 2};
    struct value_limits all = {0, 0};
    struct value again = value;
    out->length = 0;
    value_text(out, reader, &value, &narrow);
    value_text(out, reader, &again, &all);
}

static void
read_everything(const void *data, size_t size, struct text *text)
{
    struct reader reader;
    struct model model;
    char message[256];
    if (build_open_bytes(data, size, &reader, message, sizeof message) < 0)
        return;
    CHECK_NUMBER(model_build(&model, &reader), 0);
    check_links(&model);
    for (uint32_t i = 0; i < model.call_count; i++) {
        const struct call *call = &model.calls[i];
        for (uint32_t j = 0; j < call->code->parameter_count; j++)
            print_value(text, &reader, call_argument(&model, call, j));
        print_value(text, &reader, call_result(&model, call));
        value_type_name(&reader, call_result(&model, call));
    }
    for (uint32_t i = 0; i < model.exception_count; i++)
        print_value(text, &reader, model.exceptions[i].message);
    for (uint32_t i = 0; i < model.process_count; i++)
        process_info(&model.processes[i], "argv");
    model_free(&model);
    reader_close(&reader);
}

TEST(damaged_bytes_do_no_harm)
{
    struct fixture f;
    struct text text = {0};
    uint64_t state = 0x9e3779b97f4a7c15u;
    const char *rounds = getenv("UNIT_FUZZ_ROUNDS");
    build_a_bit_of_everything(&f);
    size_t size = build_size(&f.b);
    uint8_t *copy = malloc(size);
    read_everything(f.b.data, size, &text);
    for (int i = rounds ? atoi(rounds) : 1000; i > 0; i--) {
        memcpy(copy, f.b.data, size);
        mutate(copy, size, &state);
        size_t shown = next_random(&state) % 8 ? size : next_random(&state) % (size + 1);
        read_everything(copy, shown, &text);
    }
    free(copy);
    text_free(&text);
    build_free(&f.b);
}
