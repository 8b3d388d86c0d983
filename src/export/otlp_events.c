/* otlp_events.c - what happened within a span: exceptions, and the waits of coroutines. */
#include "otlp.h"

#define WAITS_MAX 64  /* events of a span; how many more there are it says */
#define CAUGHT_MAX 32

/* --- exceptions ------------------------------------------------------------------------------ */

/* exit() with 0 is how programs end that have nothing to complain about. */
static bool
is_success(const struct model *model, const struct exception *exception)
{
    struct value value = exception->message;
    struct value_head head;
    if (exception->meaning != FLOW_EXCEPTION_EXIT || !value.data || value_read(model->reader, &value, &head) < 0
        || head.tag != FLOW_VALUE_ARGS)
        return false;
    if (!head.total)
        return true;
    return value_read(model->reader, &value, &head) == 0
           && (head.tag == FLOW_VALUE_NONE || (head.tag == FLOW_VALUE_INT && head.integer == 0));
}

const struct exception *
otlp_error_of(const struct model *model, const struct call *call)
{
    uint32_t raised = call->outcome == OUTCOME_RAISED ? call_exception(model, call) : MODEL_NONE;
    const struct exception *exception = raised != MODEL_NONE ? &model->exceptions[raised] : NULL;
    bool is_error = exception && !exception->benign && !exception_is_cancellation(exception)
                    && !is_success(model, exception);
    return is_error ? exception : NULL;
}

void
otlp_put_type(struct otlp *otlp, const char *key, const struct exception *exception)
{
    text_truncate(&otlp->name, 0);
    traceback_type(&otlp->name, exception);
    otlp_put_string(otlp, key, text_content(&otlp->name));
}

/* --- events ------------------------------------------------------------------------------------ */

static void
begin_event(struct otlp *otlp, const char *name, uint64_t unix_ns, bool *any)
{
    sink_format(otlp->sink, "%s{\"timeUnixNano\":\"%llu\",\"name\":\"%s\",", *any ? "," : ",\"events\":[",
                (unsigned long long)unix_ns, name);
    *any = true;
    otlp_begin_attributes(otlp);
}

/* `call`: that it left, or MODEL_NONE. */
static void
put_exception(struct otlp *otlp, uint32_t index, uint64_t unix_ns, uint32_t call, bool *any)
{
    const struct exception *exception = &otlp->model->exceptions[index];
    struct text *text = &otlp->scratch;
    begin_event(otlp, "exception", unix_ns, any);
    otlp_put_type(otlp, "exception.type", exception);
    text_truncate(text, 0);
    traceback_message(text, otlp->model, exception);
    otlp_put_string(otlp, "exception.message", text_content(text));
    text_truncate(text, 0);
    if (call != MODEL_NONE) {
        traceback_put(text, &otlp->tracebacks, call);
        otlp_put_string(otlp, "exception.stacktrace", text_content(text));
        text_truncate(text, 0);
    }
    otlp_put_key(otlp, "exception.escaped");
    otlp_put(otlp, call != MODEL_NONE ? "\"boolValue\":true}}" : "\"boolValue\":false}}");
    otlp_put(otlp, "]}");
}

static void
put_wait(struct otlp *otlp, const struct pause *pause, bool *any)
{
    begin_event(otlp, "wait", otlp->start_unix_ns + pause->start_ns, any);
    text_truncate(&otlp->scratch, 0);
    facts_pause_for(&otlp->scratch, otlp->model, pause);
    if (otlp->scratch.length)
        otlp_put_string(otlp, "flowtrace.awaited", text_content(&otlp->scratch));
    text_truncate(&otlp->scratch, 0);
    if (pause->open_ns == PAUSE_OVER)
        otlp_put_int(otlp, "flowtrace.waiting_ns", (int64_t)(pause->end_ns - pause->start_ns));
    otlp_put(otlp, "]}");
}

/* The first ones; returns how many more there are. The list leads from the last to the first. */
static uint32_t
put_waits(struct otlp *otlp, uint32_t number, bool *any)
{
    const struct pause *items = otlp->model->pauses.items;
    uint32_t last = otlp->last_within ? MODEL_NONE : pauses_last(otlp->model, PAUSE_CALL, number);
    uint32_t first[WAITS_MAX], count = 0;
    for (uint32_t i = last; i != MODEL_NONE; i = items[i].before)
        count += facts_pause_waits(&items[i]);
    uint32_t shown = count < WAITS_MAX ? count : WAITS_MAX, at = count;
    for (uint32_t i = last; i != MODEL_NONE; i = items[i].before)
        if (facts_pause_waits(&items[i]) && --at < WAITS_MAX)
            first[at] = i;
    for (uint32_t i = 0; i < shown; i++)
        put_wait(otlp, &items[first[i]], any);
    return count - shown;
}

/* The waits; then those that it caught itself, of which the time is not known; the one that it ended with. */
void
otlp_put_events(struct otlp *otlp, uint32_t number)
{
    const struct call *call = &otlp->model->calls[number];
    uint32_t raised = call->outcome == OUTCOME_RAISED ? call_exception(otlp->model, call) : MODEL_NONE;
    uint32_t count = 0;
    const struct caught *caught = otlp->model->caught_count ? exception_caught_in(otlp->model, number, &count) : NULL;
    bool any = false;
    uint32_t dropped = put_waits(otlp, number, &any);
    for (uint32_t i = 0; i < count && i < CAUGHT_MAX; i++)
        put_exception(otlp, caught[i].exception, otlp_end_of(otlp, number), MODEL_NONE, &any);
    dropped += count > CAUGHT_MAX ? count - CAUGHT_MAX : 0;
    if (raised != MODEL_NONE)
        put_exception(otlp, raised, otlp_end_of(otlp, number), number, &any);
    otlp_put(otlp, any ? "]" : "");
    if (dropped)
        sink_format(otlp->sink, ",\"droppedEventsCount\":%u", dropped);
}
