#include "region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hot.h"
#include "secret.h"

/* What a suspended generator has of regions. */
struct resting {
    uint32_t count;
    struct activation regions[];
};

static const void *
key_of(uint64_t id)
{
    return (const void *)(uintptr_t)id;
}

/* --- records ------------------------------------------------------------ */

static void
write_return(struct thread *thread)
{
    uint8_t *p = writer_begin(&thread->writer, FLOW_RETURN);
    if (p)
        writer_commit(&thread->writer, p);
}

#define ENTRIES_MAX 64 /* of a traceback that are looked at */

/* Where the exception stands in what the region stands on; 0 unknown. */
static uint64_t
line_of(struct thread *thread, PyObject *exception)
{
    const struct activation *owner = thread_top_call(thread);
    PyTracebackObject *newest = (PyTracebackObject *)PyException_GetTraceback(exception);
    int line = 0;
    int i = 0;
    for (const PyTracebackObject *entry = newest; entry && owner && !line && i < ENTRIES_MAX;
         entry = entry->tb_next, i++) {
        PyCodeObject *code = PyFrame_GetCode(entry->tb_frame);
        if (function_known(thread->recorder, code) == owner->function)
            line = entry->tb_lineno > 0 ? entry->tb_lineno : PyCode_Addr2Line(code, entry->tb_lasti);
        Py_DECREF(code);
    }
    Py_XDECREF(newest);
    return line > 0 ? (uint64_t)line : 0;
}

/* It comes up at the same place in what the region stands on. */
static void
write_unwind(struct thread *thread, PyObject *exception)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    uint8_t *p = frame ? writer_begin(&thread->writer, FLOW_UNWIND) : NULL;
    if (p) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        uint64_t line = line_of(thread, exception);
        p = exception_put(thread, p, exception, code, PyFrame_GetLasti(frame), SEEN_HANDLED);
        p = varint_put(p, line);
        writer_commit(&thread->writer, varint_put(p, line << 1 | !line));
        exception_put_detail(thread, exception);
        Py_DECREF(code);
    }
    else {
        write_return(thread);
    }
    Py_XDECREF(frame);
}

static void
write_suspension(struct thread *thread, int kind)
{
    uint8_t *p = writer_begin(&thread->writer, FLOW_YIELD);
    if (!p)
        return;
    p = varint_put(p, (uint64_t)kind);
    *p++ = FLOW_VALUE_ABSENT;
    writer_commit(&thread->writer, p);
}

/* --- regions begin ------------------------------------------------------ */

static uint8_t *
put_values(struct thread *thread, uint8_t *p, const struct function *function, const struct region_words *words)
{
    struct value_encoder encoder;
    value_encoder_open(&encoder, &thread->writer, thread_names(thread), &thread->recorder->limits, p);
    for (uint32_t i = 0; i < function->code.parameter_count; i++)
        p = function->parameters[i].secret ? secret_put(&encoder, p, words->values[i])
                                           : value_put(&encoder, p, words->values[i]);
    return p;
}

/* The CALL record, and the activation. False: recording has ended. */
static bool
begin(struct thread *thread, struct function *function, const struct region_words *words, uint64_t id)
{
    bool region = function->code.flags & FLOW_CODE_REGION;
    bool with_values = thread->recorder->values && function->code.parameter_count > 0;
    if (thread->depth == thread->root_depth)
        link_begin_root(thread, true);
    const struct activation *owner = thread_top(thread);
    uint64_t task = link_task(thread);
    task = !task && owner ? owner->task : task;
    struct writer *writer = &thread->writer;
    uint8_t *p = writer_begin(writer, with_values ? FLOW_CALL_VALUES : FLOW_CALL);
    const struct activation begun = {.function = function,
                                     .frame = key_of(id),
                                     .generator = region ? thread_next_number(thread) : 0,
                                     .task = task,
                                     .start_ticks = writer->last_ticks,
                                     .ordinal = writer->calls};
    if (!p || !thread_push(thread, begun))
        return false;
    writer->calls++;
    p = writer_code(writer, p, &function->code);
    if (region)
        p = varint_put(p, begun.generator);
    if (with_values)
        p = put_values(thread, p, function, words);
    writer_commit(writer, p);
    return true;
}

static bool
enter(struct thread *thread, const struct region_words *words, uint32_t flags, uint64_t id)
{
    struct function *function = region_function(thread, words, flags);
    if (!function) {
        recorder_fault(thread->recorder, thread, ENOMEM);
        return false;
    }
    bool begun = begin(thread, function, words, id);
    if (begun && flags == FLOW_CODE_NOTE) {
        writer_make_room(&thread->writer);
        thread->depth--;
        write_return(thread);
    }
    if (!begun || flags == FLOW_CODE_NOTE)
        region_release(thread->recorder, function);
    return begun;
}

bool
region_enter(struct recorder *recorder, uint64_t id, const struct region_words *words)
{
    struct thread *thread = recorder->recording ? event_enter(recorder, false) : NULL;
    bool entered = thread && enter(thread, words, FLOW_CODE_REGION | FLOW_CODE_GENERATOR, id);
    if (thread)
        event_leave(thread);
    return entered;
}

void
region_note(struct recorder *recorder, const struct region_words *words)
{
    struct thread *thread = recorder->recording ? event_enter(recorder, false) : NULL;
    if (!thread)
        return;
    enter(thread, words, FLOW_CODE_NOTE, 0);
    event_leave(thread);
}

/* --- regions end -------------------------------------------------------- */

void
region_let_go(struct thread *thread, uint32_t count)
{
    for (uint32_t i = thread->depth - count; i < thread->depth; i++)
        if (activation_is_region(&thread->stack[i]))
            region_release(thread->recorder, thread->stack[i].function);
}

/* The region on top of the stack. */
static void
finish(struct thread *thread, PyObject *exception, bool lost)
{
    if (lost) {
        thread_drop(thread, 1);
        return;
    }
    struct function *function = thread->stack[thread->depth - 1].function;
    writer_make_room(&thread->writer);
    thread->depth--;
    if (exception)
        write_unwind(thread, exception);
    else
        write_return(thread);
    region_release(thread->recorder, function);
}

/* Was it left where it wasn't on the stack? Asked once. */
static bool
was_left_elsewhere(struct recorder *recorder, const struct activation *region, bool *lost)
{
    if (!shared_map_may_hold(&recorder->left))
        return false;
    struct pointer_entry entry = shared_map_get(&recorder->left, region->frame);
    if (!entry.key)
        return false;
    shared_map_remove(&recorder->left, region->frame);
    *lost = entry.extra;
    return true;
}

/* These go on, on top of the stack; `regions` may lie above it. */
static void
put_back(struct thread *thread, const struct activation *regions, uint32_t count)
{
    struct writer *writer = &thread->writer;
    for (uint32_t i = 0; i < count; i++) {
        struct activation region = regions[i];
        bool lost = false;
        region.at_end &= (uint8_t)~AT_END_ASIDE;
        uint8_t *p = writer_begin(writer, FLOW_RESUME);
        if (!p)
            return;
        p = varint_put(p, region.generator);
        writer_commit(writer, writer_code(writer, p, &region.function->code));
        if (!thread_push(thread, region))
            return;
        if (was_left_elsewhere(thread->recorder, &region, &lost))
            finish(thread, NULL, lost);
    }
}

/* The region at this place ends; above it stand regions alone, which go on. */
static void
end_at(struct thread *thread, uint32_t place, PyObject *exception, bool lost)
{
    uint32_t above = thread->depth - place - 1;
    for (uint32_t i = 0; i < above; i++) {
        write_suspension(thread, FLOW_YIELD_ASIDE);
        thread->depth--;
    }
    finish(thread, exception, lost);
    put_back(thread, &thread->stack[place + 1], above);
}

/* The place of the region, or `depth`. */
static uint32_t
find(const struct thread *thread, uint64_t id)
{
    for (uint32_t i = thread->depth; i-- > 0;)
        if (thread->stack[i].frame == key_of(id) && activation_is_region(&thread->stack[i])
            && !(thread->stack[i].at_end & AT_END_LEFT))
            return i;
    return thread->depth;
}

/* Does the call run that the region at this place stands on? Then those above it are over. */
static bool
runs_below(const struct thread *thread, uint32_t place)
{
    while (place > 0 && activation_is_region(&thread->stack[place - 1]))
        place--;
    return place > 0 && thread->stack[place - 1].frame == frame_running();
}

/* Takes the calls away that stand above, and are over. */
static void
drop_calls_above(struct thread *thread, uint32_t place)
{
    uint32_t depth = thread->depth;
    uint32_t kept = place + 1;
    for (uint32_t i = depth; i-- > place + 1;) {
        if (activation_is_region(&thread->stack[i])) {
            write_suspension(thread, FLOW_YIELD_ASIDE);
            thread->depth--;
        }
        else {
            thread_drop(thread, 1);
        }
    }
    for (uint32_t i = place + 1; i < depth; i++)
        if (activation_is_region(&thread->stack[i]))
            thread->stack[kept++] = thread->stack[i];
    put_back(thread, &thread->stack[place + 1], kept - place - 1);
}

static uint32_t
first_call_above(const struct thread *thread, uint32_t place)
{
    while (++place < thread->depth && activation_is_region(&thread->stack[place]))
        ;
    return place;
}

static bool
leave_here(struct thread *thread, uint64_t id, PyObject *exception, bool lost)
{
    uint32_t place = find(thread, id);
    if (place == thread->depth)
        return false;
    uint32_t call = first_call_above(thread, place);
    if (call < thread->depth && runs_below(thread, place)) {
        drop_calls_above(thread, place);
        call = thread->depth;
    }
    if (call == thread->depth) {
        end_at(thread, place, exception, lost);
        return true;
    }
    thread->stack[call].at_end |= AT_END_LEFT;
    thread->stack[place].at_end |= AT_END_LEFT;
    thread->stack[place].frame = exception;
    return true;
}

void
region_leave(struct recorder *recorder, uint64_t id, PyObject *exception, bool lost)
{
    if (!recorder->recording)
        return;
    struct thread *thread = event_enter(recorder, false);
    bool left = thread && leave_here(thread, id, exception, lost);
    struct pointer_entry entry = {.key = key_of(id), .id = id, .extra = lost};
    if (!left)
        shared_map_put(&recorder->left, entry);
    if (thread)
        event_leave(thread);
}

/* --- what they stand on is left ----------------------------------------- */

/* Another call of the same task, callback or thread goes on when the one at this place ends. */
static bool
has_caller(const struct thread *thread, uint32_t place)
{
    uint32_t root = thread->callback ? thread->root_depth : 0;
    return place > root && thread->stack[place - 1].task == thread->stack[place].task;
}

/* A generator made to a context manager yields: a region in it goes around the with block. */
static bool
is_context_manager(void)
{
    PyFrameObject *running = PyEval_GetFrame(); /* Borrowed */
    PyFrameObject *back = running ? PyFrame_GetBack(running) : NULL;
    PyCodeObject *code = back ? PyFrame_GetCode(back) : NULL;
    bool is = code
              && (PyUnicode_CompareWithASCIIString(code->co_qualname, "_GeneratorContextManager.__enter__") == 0
                  || PyUnicode_CompareWithASCIIString(code->co_qualname, "_AsyncGeneratorContextManager.__aenter__")
                         == 0);
    Py_XDECREF(code);
    Py_XDECREF(back);
    return is;
}

static bool
any_above(const struct thread *thread, uint32_t from)
{
    while (from < thread->depth && !activation_is_region(&thread->stack[from]))
        from++;
    return from < thread->depth;
}

/* The one on top: false if it ends here. */
static bool
take_aside(struct thread *thread, int suspension)
{
    struct activation *region = thread_top(thread);
    bool lost = !suspension;
    bool left = region->at_end & AT_END_LEFT || was_left_elsewhere(thread->recorder, region, &lost);
    if (left || !suspension) {
        finish(thread, NULL, lost && !(region->at_end & AT_END_LEFT));
        return false;
    }
    write_suspension(thread, suspension);
    region->at_end |= AT_END_ASIDE;
    thread->depth--;
    return true;
}

bool
region_step_aside(struct thread *thread, uint32_t from, int suspension)
{
    if (!any_above(thread, from))
        return false;
    uint32_t depth = thread->depth;
    bool around = suspension == FLOW_YIELD_PLAIN && is_context_manager();
    bool moves = (!suspension || around) && has_caller(thread, from - 1);
    thread->aside = 0;
    for (uint32_t i = depth; i-- > from;) {
        thread->stack[i].at_end &= (uint8_t)~AT_END_ASIDE;
        if (activation_is_region(&thread->stack[i]))
            take_aside(thread, moves ? FLOW_YIELD_ASIDE : suspension);
        else
            thread_drop(thread, 1);
    }
    for (uint32_t i = from; i < depth; i++)
        if (thread->stack[i].at_end & AT_END_ASIDE)
            thread->stack[from + thread->aside++] = thread->stack[i];
    thread->aside_from = from;
    if (thread->aside)
        thread->stack[from - 1].at_end |= moves ? AT_END_ASIDE : AT_END_WAKE;
    return true;
}

/* The exception that left the region, if that is what is known of it: it is handled still. New reference, or NULL. */
static PyObject *
exception_left_with(const struct activation *region, PyObject *exception)
{
    PyObject *handled = exception ? Py_NewRef(exception) : PyErr_GetHandledException();
    if (handled && (handled != region->frame || !PyExceptionInstance_Check(handled)))
        Py_CLEAR(handled);
    return handled;
}

/* Those on top of the stack that were left in the call which has just ended. */
static void
end_left(struct thread *thread, PyObject *exception)
{
    for (uint32_t i = thread->depth; i-- > 0 && activation_is_region(&thread->stack[i]);) {
        if (!(thread->stack[i].at_end & AT_END_LEFT))
            continue;
        PyObject *with = exception_left_with(&thread->stack[i], exception);
        end_at(thread, i, with, false);
        Py_XDECREF(with);
    }
}

void
region_after_end(struct thread *thread, unsigned at_end, PyObject *exception)
{
    if (at_end & AT_END_LEFT)
        end_left(thread, exception);
    if (at_end & AT_END_ASIDE)
        put_back(thread, &thread->stack[thread->aside_from], thread->aside);
}

/* --- generators --------------------------------------------------------- */

/* So that it is known again when the generator goes on. */
static void
mark_generator(struct thread *thread, const struct activation *generator, bool rests)
{
    struct shared_map *generators = &thread->recorder->generators;
    struct pointer_entry entry = shared_map_get(generators, generator->frame);
    entry.extra = (entry.extra & ~(uint64_t)AT_END_WAKE) | (rests ? AT_END_WAKE : 0);
    if (entry.key)
        shared_map_put(generators, entry);
}

static void
rest(struct thread *thread, const struct activation *generator)
{
    struct resting *resting = malloc(sizeof *resting + thread->aside * sizeof *resting->regions);
    struct pointer_entry entry = {.key = key_of(generator->generator), .data = resting};
    if (!resting || !shared_map_put(&thread->recorder->resting, entry)) {
        free(resting);
        recorder_fault(thread->recorder, thread, ENOMEM);
        return;
    }
    resting->count = thread->aside;
    memcpy(resting->regions, &thread->stack[thread->aside_from], thread->aside * sizeof *resting->regions);
    mark_generator(thread, generator, true);
}

void
region_after_suspension(struct thread *thread, const struct activation *suspended)
{
    if (suspended->at_end & AT_END_WAKE && thread->aside)
        rest(thread, suspended);
    region_after_end(thread, suspended->at_end, NULL);
}

void
region_wake(struct thread *thread)
{
    struct activation *generator = thread_top(thread);
    struct shared_map *map = &thread->recorder->resting;
    const void *key = key_of(generator->generator);
    generator->at_end &= (uint8_t)~AT_END_WAKE;
    mark_generator(thread, generator, false);
    struct pointer_entry entry = shared_map_get(map, key);
    struct resting *resting = (struct resting *)(uintptr_t)entry.data;
    if (!resting)
        return;
    shared_map_remove(map, key);
    put_back(thread, resting->regions, resting->count);
    free(resting);
}

/* --- the recording ends ------------------------------------------------- */

static void
free_resting(struct recorder *recorder, struct resting *resting)
{
    for (uint32_t i = 0; i < resting->count; i++)
        region_release(recorder, resting->regions[i].function);
    free(resting);
}

void
region_forget_all(struct recorder *recorder)
{
    for (int i = 0; i < SHARED_MAP_SHARDS; i++) {
        const struct pointer_map *map = &recorder->resting.shards[i].map;
        for (size_t k = 0; map->slots && k <= map->mask; k++)
            if (map->slots[k].key)
                free_resting(recorder, (struct resting *)(uintptr_t)map->slots[k].data);
    }
    shared_map_clear(&recorder->resting);
    shared_map_clear(&recorder->left);
}
