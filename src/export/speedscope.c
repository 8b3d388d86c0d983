/* speedscope.c - a profile of each track, call by call, as https://www.speedscope.app reads it.
 *
 * A wait is a frame of its own within the call that waits, named after what it waits for, so that it counts for no
 * function; so is the time in which a generator's consumer works, unless that makes calls. A call that did not end
 * is closed at the end of its track and has "(unfinished)" behind its name.
 */
#include "export.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/functions.h"
#include "../model/label.h"
#include "facts.h"
#include "pause_names.h"

enum { WAITING_FRAME, SUSPENDED_FRAME, FIRST_FRAME /* of the functions */ };

struct speedscope {
    struct sink *sink;
    struct export *export;
    const struct model *model;
    struct functions functions;
    struct pause_names waits;
    uint32_t first_wait;  /* frame of the first of these */
    uint32_t *unfinished; /* Owned; by function: the frame of its calls that did not end, or MODEL_NONE */
    uint32_t frames;
    uint64_t at, done;
    uint64_t events;      /* of this track */
    uint32_t track;
    bool in_profile, any_profile;
};

/* --- frames ------------------------------------------------------------- */

static void
put_frame(struct speedscope *to, const struct code *code, const char *mark)
{
    struct text name = {0};
    label_function(&name, code);
    text_string(&name, mark);
    sink_format(to->sink, "%s{\"name\":", to->frames++ ? ",\n" : "");
    to->sink->error = name.failed && !to->sink->error ? -ENOMEM : to->sink->error;
    sink_json(to->sink, (struct slice){name.data ? name.data : "", name.failed ? 0 : name.length});
    text_free(&name);
    if (code->file.length) {
        sink_string(to->sink, ",\"file\":");
        sink_json(to->sink, code->file);
    }
    if (code->first_line)
        sink_format(to->sink, ",\"line\":%u", code->first_line);
    sink_string(to->sink, "}");
}

static void
put_wait_frames(struct speedscope *to)
{
    struct text name = {0};
    to->first_wait = to->frames;
    for (uint32_t i = 0; i < to->waits.count; i++) {
        text_truncate(&name, 0);
        text_string(&name, "(waiting: ");
        facts_pause_for(&name, to->model, &to->model->pauses.items[to->waits.pauses[i]]);
        text_string(&name, ")");
        sink_string(to->sink, ",\n{\"name\":");
        sink_json(to->sink, (struct slice){name.data ? name.data : "", name.failed ? 0 : name.length});
        sink_string(to->sink, "}");
        to->frames++;
    }
    to->waits.text.failed |= name.failed;
    text_free(&name);
}

static void
find_waits(struct speedscope *to)
{
    const struct pauses *pauses = &to->model->pauses;
    for (uint32_t i = 0; i < pauses->count; i++)
        if (pauses->items[i].of != MODEL_NONE && facts_pause_waits(&pauses->items[i]))
            pause_names_number(&to->waits, to->model, i);
}

static int
find_unfinished(struct speedscope *to)
{
    size_t size = ((size_t)to->functions.count + 1) * sizeof *to->unfinished;
    to->unfinished = malloc(size);
    if (!to->unfinished)
        return -ENOMEM;
    memset(to->unfinished, 0xff, size); /* MODEL_NONE */
    for (uint32_t i = 0; i < to->model->call_count; i++) {
        const struct call *call = &to->model->calls[i];
        if (call->outcome == OUTCOME_RUNNING && call->origin != CALL_INHERITED)
            to->unfinished[functions_of(&to->functions, call)] = 0;
    }
    return 0;
}

static void
put_frames(struct speedscope *to)
{
    sink_string(to->sink, "\"shared\":{\"frames\":[\n{\"name\":\"(waiting)\"},\n{\"name\":\"(suspended)\"}");
    to->frames = FIRST_FRAME;
    for (uint32_t i = 0; i < to->functions.count; i++)
        put_frame(to, to->functions.codes[i], "");
    for (uint32_t i = 0; i < to->functions.count; i++) {
        if (to->unfinished[i] == MODEL_NONE)
            continue;
        to->unfinished[i] = to->frames;
        put_frame(to, to->functions.codes[i], " (unfinished)");
    }
    put_wait_frames(to);
    sink_string(to->sink, "\n]}");
}

/* --- events ------------------------------------------------------------- */

/* Those of a profile are in order of time, whatever a damaged trace says. */
static void
put_event(struct speedscope *to, char type, uint32_t frame, uint64_t ns)
{
    to->at = ns > to->at ? ns : to->at;
    sink_format(to->sink, "%s{\"type\":\"%c\",\"frame\":%u,\"at\":%llu}", to->events++ ? ",\n" : "", type, frame,
                (unsigned long long)to->at);
}

static uint32_t
frame_of(const struct speedscope *to, uint32_t number)
{
    const struct call *call = &to->model->calls[number];
    uint32_t function = functions_of(&to->functions, call);
    return call->outcome == OUTCOME_RUNNING ? to->unfinished[function] : FIRST_FRAME + function;
}

static void
end_profile(struct speedscope *to)
{
    if (to->in_profile)
        sink_format(to->sink, "\n],\"endValue\":%llu}", (unsigned long long)to->at);
    to->in_profile = false;
}

static void
put_track_name(struct speedscope *to, uint32_t number)
{
    const struct track *track = &to->model->tracks[number];
    struct text name = {0};
    if (to->model->process_count > 1) {
        label_process(&name, to->model, &to->model->processes[track->process]);
        text_string(&name, " ");
    }
    label_track(&name, track);
    sink_json(to->sink, (struct slice){name.data ? name.data : "", name.failed ? 0 : name.length});
    text_free(&name);
}

static int
on_track(void *context, uint32_t track)
{
    struct speedscope *to = context;
    end_profile(to);
    to->track = track;
    return 0;
}

/* It begins with its first call: each is looked at alone, and would be a speck at the end of nothing. */
static void
begin_profile(struct speedscope *to, uint64_t ns)
{
    sink_string(to->sink, to->any_profile ? ",\n" : "");
    sink_string(to->sink, "{\"type\":\"evented\",\"name\":");
    put_track_name(to, to->track);
    sink_format(to->sink, ",\"unit\":\"nanoseconds\",\"startValue\":%llu,\"events\":[\n", (unsigned long long)ns);
    to->at = ns;
    to->events = 0;
    to->in_profile = to->any_profile = true;
}

static int
on_begin(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    struct speedscope *to = context;
    if (!to->in_profile)
        begin_profile(to, ns);
    put_event(to, 'O', frame_of(to, call), ns);
    to->done += edge == SPAN_CALL;
    return export_step(to->export, to->done, to->model->call_count);
}

static int
on_end(void *context, uint32_t call, uint64_t ns, enum span_edge edge)
{
    (void)edge;
    put_event(context, 'C', frame_of(context, call), ns);
    return 0;
}

static int
on_wait(void *context, uint32_t call, uint32_t pause, uint64_t from_ns, uint64_t to_ns)
{
    struct speedscope *to = context;
    bool waits = facts_pause_waits(&to->model->pauses.items[pause]);
    uint32_t name = waits ? pause_names_number(&to->waits, to->model, pause) : 0;
    uint32_t frame = name ? to->first_wait + name - 1 : waits ? WAITING_FRAME : SUSPENDED_FRAME;
    (void)call;
    put_event(context, 'O', frame, from_ns);
    put_event(context, 'C', frame, to_ns);
    return 0;
}

static int
put_profiles(struct speedscope *to)
{
    static const struct span_visitor visitor = {on_track, on_begin, on_end, on_wait};
    sink_string(to->sink, ",\n\"profiles\":[\n");
    int ret = spans_walk(to->model, &visitor, to);
    end_profile(to);
    sink_string(to->sink, "\n]}\n");
    return ret;
}

static void
put_title(struct sink *sink, const char *title)
{
    struct text text = {0};
    text_clean(&text, (struct slice){title, strlen(title)});
    sink_json(sink, text_content(&text));
    sink->error = text.failed && !sink->error ? -ENOMEM : sink->error;
    text_free(&text);
}

int
export_speedscope(struct export *export)
{
    struct speedscope to = {.sink = export->sink, .export = export, .model = export->model};
    int ret = functions_build(&to.functions, export->model->reader, FUNCTIONS_BY_NAME);
    ret = ret == 0 ? find_unfinished(&to) : ret;
    if (ret == 0) {
        sink_string(to.sink, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
                             "\"exporter\":\"flowtrace\",\"name\":");
        put_title(to.sink, export->options->title);
        sink_string(to.sink, ",\n");
        find_waits(&to);
        put_frames(&to);
        ret = put_profiles(&to);
    }
    free(to.unfinished);
    functions_free(&to.functions);
    return pause_names_close(&to.waits) || ret < 0 ? ret : -ENOMEM;
}
