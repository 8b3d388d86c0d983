#include "tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/child_lists.h"
#include "../model/fate.h"
#include "../model/label.h"
#include "../model/value_text.h"

#define FATE_WORK 50000000u /* values that are looked at to tell what came of exceptions */

/* --- cells ------------------------------------------------------------------- */

static void
put_null(struct table_cursor *cursor)
{
    cursor->cells[cursor->filled++] = (struct cell){CELL_NULL, 0, {"", 0}};
}

/* What SQL and Arrow have is signed; only a damaged trace has more. */
static void
put_number(struct table_cursor *cursor, uint64_t number)
{
    number = number < INT64_MAX ? number : INT64_MAX;
    cursor->cells[cursor->filled++] = (struct cell){CELL_NUMBER, number, {"", 0}};
}

static void
put_slice(struct table_cursor *cursor, struct slice text)
{
    cursor->cells[cursor->filled++] = (struct cell){CELL_TEXT, 0, text};
}

/* NULL if it is empty. */
static void
put_known(struct table_cursor *cursor, struct slice text)
{
    if (text.length)
        put_slice(cursor, text);
    else
        put_null(cursor);
}

static void
put_word(struct table_cursor *cursor, const char *word)
{
    put_slice(cursor, (struct slice){word, strlen(word)});
}

/* What has been written to the scratch since it had `from` bytes. It may move yet: table_next() sets the address. */
static void
put_scratch(struct table_cursor *cursor, size_t from)
{
    put_slice(cursor, (struct slice){NULL, cursor->scratch.length - from});
    cursor->cells[cursor->filled - 1].number = from;
}

static void
put_reference(struct table_cursor *cursor, uint32_t index)
{
    if (index == MODEL_NONE)
        put_null(cursor);
    else
        put_number(cursor, index);
}

static void
put_call(struct table_cursor *cursor, uint32_t call)
{
    if (call == MODEL_NONE)
        put_null(cursor);
    else
        put_number(cursor, model_call_number(cursor->model, call));
}

/* What the value is as text, all of it that was recorded; NULL without one. The value goes on behind it. */
static void
put_value(struct table_cursor *cursor, struct value *value)
{
    size_t from = cursor->scratch.length;
    if (!value->data || value->data >= value->end) {
        put_null(cursor);
        return;
    }
    if (value_text(&cursor->scratch, cursor->model->reader, value, &(struct value_limits){0}) < 0)
        value->data = NULL;
    put_scratch(cursor, from);
}

static uint32_t
process_of(const struct model *model, uint32_t call)
{
    return model->tracks[model->calls[call].track].process;
}

/* --- the tables ---------------------------------------------------------------- */

struct table_functions {
    uint32_t (*count)(const struct model *model);
    /* The cells of `cursor->row`: false if it has no row, or none more of the parts. Then the next row is asked for. */
    bool (*fill)(struct table_cursor *cursor);
    bool has_parts;
};

static uint32_t
count_processes(const struct model *model)
{
    return model->process_count;
}

static bool
fill_process(struct table_cursor *cursor)
{
    const struct model *model = cursor->model;
    const struct process *process = &model->processes[cursor->row];
    put_number(cursor, cursor->row);
    put_number(cursor, process->pid);
    put_known(cursor, process->run ? model->runs[process->run - 1].name : (struct slice){"", 0});
    put_known(cursor, process_info(process, "program"));
    put_known(cursor, process_info(process, "host"));
    put_call(cursor, process->creator);
    put_number(cursor, process->joined_ns);
    if (process->end_ns)
        put_number(cursor, process->end_ns);
    else
        put_null(cursor);
    put_word(cursor, process_end(process));
    put_known(cursor, process->lost);
    return true;
}

static const struct column process_columns[] = {
    {"process", false, "its number, from 0"},
    {"pid", false, "the system's number of it"},
    {"run", true, "of a merged trace: the name of the run"},
    {"program", true, "the script, module or command"},
    {"host", true, "the machine"},
    {"created_by", false, "call that started it"},
    {"start_ns", false, "when it began to record, ns from the trace's start"},
    {"end_ns", false, "when it ended, if that is known"},
    {"end", true, "how: exited, killed, replaced, ended, gone, running"},
    {"lost", true, "why recording stopped before its end"},
};

static uint32_t
count_tracks(const struct model *model)
{
    return model->track_count;
}

static bool
fill_track(struct table_cursor *cursor)
{
    const struct track *track = &cursor->model->tracks[cursor->row];
    size_t from = cursor->scratch.length;
    put_number(cursor, cursor->row);
    put_number(cursor, track->process);
    put_word(cursor, label_kind_of_track(track));
    label_track_name(&cursor->scratch, track);
    put_scratch(cursor, from);
    put_call(cursor, track->creator);
    return true;
}

static const struct column track_columns[] = {
    {"track", false, "its number, from 0"},         {"process", false, "its process"},
    {"kind", true, "main, thread, task, greenlet"}, {"name", true, "of the thread, task or greenlet"},
    {"created_by", false, "call that created it"},
};

static uint32_t
count_functions(const struct model *model)
{
    return model->reader->code_count;
}

static bool
fill_function(struct table_cursor *cursor)
{
    const struct code *code = cursor->model->reader->codes[cursor->row];
    size_t from = cursor->scratch.length;
    put_number(cursor, cursor->row);
    put_slice(cursor, code->qualname);
    put_slice(cursor, code->module);
    put_slice(cursor, code->file);
    put_number(cursor, code->first_line);
    put_word(cursor, label_kind_of_function(code));
    for (uint32_t i = 0; i < code->parameter_count; i++) {
        text_string(&cursor->scratch, i ? ", " : "");
        text_slice(&cursor->scratch, code->parameters[i].name);
    }
    put_scratch(cursor, from);
    return true;
}

static const struct column function_columns[] = {
    {"function", false, "its number, from 0"},
    {"name", true, "qualified: Cart.add"},
    {"module", true, "__main__ for the program itself"},
    {"file", true, "path of the source"},
    {"line", false, "first line there"},
    {"kind", true, "function, generator, coroutine, async generator, module, class, library"},
    {"parameters", true, "their names, with commas between"},
};

static uint32_t
count_calls(const struct model *model)
{
    return model->call_count;
}

static bool
fill_call(struct table_cursor *cursor)
{
    const struct model *model = cursor->model;
    const struct call *call = &model->calls[cursor->row];
    uint32_t depth = call->parent == MODEL_NONE ? 0 : cursor->depths[call->parent] + 1;
    cursor->depths[cursor->row] = depth;
    if (call->origin == CALL_INHERITED)
        return false;
    struct value result = call->outcome == OUTCOME_RETURNED ? call_result(model, call) : (struct value){0};
    const struct wait *wait = waits_find(&model->waits, cursor->row);
    struct awaited awaited = wait ? wait_read(model->reader, wait->longest) : (struct awaited){0};
    put_call(cursor, cursor->row);
    put_call(cursor, call_caller(model, call));
    put_call(cursor, call->origin ? call_spawned_by(model, call) : MODEL_NONE);
    put_number(cursor, model->tracks[call->track].process);
    put_number(cursor, call->track);
    put_number(cursor, call->code->index);
    put_number(cursor, depth);
    put_number(cursor, call->start_ns);
    put_number(cursor, call->end_ns);
    put_number(cursor, call_duration(call));
    put_number(cursor, call_running_ns(model, call));
    put_number(cursor, call_waiting_ns(model, call));
    put_number(cursor, call_suspensions(model, call));
    if (wait)
        put_number(cursor, wait->longest_ns);
    else
        put_null(cursor);
    put_known(cursor, awaited.task.length ? awaited.task : awaited.type);
    put_word(cursor, label_outcome(call));
    put_value(cursor, &result);
    put_reference(cursor, call->outcome == OUTCOME_RAISED ? call_exception(model, call) : MODEL_NONE);
    return true;
}

static const struct column call_columns[] = {
    {"call", false, "its number, as views print it: #1204"},
    {"parent", false, "call that called it"},
    {"created_by", false, "of the first call of a task, thread, job ...: call that started that"},
    {"process", false, "where it ran"},
    {"track", false, "where it ran"},
    {"function", false, "what was called"},
    {"depth", false, "calls above it on its track"},
    {"start_ns", false, "ns from the trace's start"},
    {"end_ns", false, "of its end; of its last event if it has not ended"},
    {"duration_ns", false, "from start to end"},
    {"running_ns", false, "duration without waits"},
    {"waiting_ns", false, "suspended in yield or await"},
    {"suspensions", false, "how often"},
    {"longest_wait_ns", false, "of a coroutine that awaits what is not recorded"},
    {"waited_for", true, "what for: a task's name, or the type of what it awaited"},
    {"outcome", true, "returned, raised, running, abandoned"},
    {"result", true, "what it returned, as Python writes it"},
    {"exception", false, "what left it"},
};

static bool
fill_argument(struct table_cursor *cursor)
{
    const struct call *call = &cursor->model->calls[cursor->row];
    if (cursor->part == 0)
        cursor->value = call->origin == CALL_INHERITED ? (struct value){0} : call_arguments(cursor->model, call);
    if (cursor->part == call->code->parameter_count || !cursor->value.data || cursor->value.data >= cursor->value.end)
        return false;
    put_call(cursor, cursor->row);
    put_number(cursor, process_of(cursor->model, cursor->row));
    put_number(cursor, cursor->part);
    put_slice(cursor, call->code->parameters[cursor->part].name);
    put_value(cursor, &cursor->value);
    return true;
}

static const struct column argument_columns[] = {
    {"call", false, "whose it is"},     {"process", false, "of the call"},      {"position", false, "from 0"},
    {"name", true, "of the parameter"}, {"value", true, "as Python writes it"},
};

static const char *
fate_word(struct table_cursor *cursor)
{
    static const char *const words[] = {"lost", "unknown", "turned", "told", "handed", "returned", "swallowed"};
    return words[fate_of(cursor->model, &cursor->children, cursor->row, &cursor->fate_work).kind];
}

static uint32_t
count_exceptions(const struct model *model)
{
    return model->exception_count;
}

static bool
fill_exception(struct table_cursor *cursor)
{
    const struct model *model = cursor->model;
    const struct exception *exception = &model->exceptions[cursor->row];
    uint32_t seen = exception->first_call != MODEL_NONE ? exception->first_call : exception->caught_by;
    size_t from = cursor->scratch.length;
    put_number(cursor, cursor->row);
    if (seen == MODEL_NONE)
        put_null(cursor);
    else
        put_number(cursor, process_of(model, seen));
    put_slice(cursor, exception->type);
    put_known(cursor, exception->module);
    label_exception(&cursor->scratch, model, exception, true, 0);
    put_scratch(cursor, from);
    put_known(cursor, exception->function);
    put_known(cursor, exception->file);
    put_number(cursor, exception->line);
    put_call(cursor, exception->first_call);
    put_call(cursor, exception->last_call);
    put_number(cursor, exception->calls_left);
    put_call(cursor, exception->caught_by);
    put_word(cursor, fate_word(cursor));
    put_known(cursor, exception->cause);
    put_reference(cursor, exception->cause_exception);
    return true;
}

static const struct column exception_columns[] = {
    {"exception", false, "its number, from 0"},
    {"process", false, "where it was raised"},
    {"type", true, "name of its class"},
    {"module", true, "of its class, where that was recorded"},
    {"text", true, "ValueError('no')"},
    {"raised_in", true, "function where it was raised, recorded or not"},
    {"file", true, "of that"},
    {"line", false, "where, there"},
    {"first_left", false, "the first call that it left"},
    {"last_left", false, "the last call that it left"},
    {"calls_left", false, "how many it left"},
    {"caught_by", false, "call that caught it"},
    {"fate", true, "lost, unknown, turned, told, handed, returned, swallowed: see show --errors"},
    {"cause", true, "type of what it was raised from"},
    {"cause_exception", false, "that itself, if it was recorded"},
};

static const char *
link_word(uint8_t origin)
{
    static const char *const words[] = {"", "task", "thread", "job", "process", "callback", "greenlet", "interpreter"};
    return origin < sizeof words / sizeof *words ? words[origin] : "";
}

/* The call that started what this one is the first of, and what that is. */
static uint32_t
creator_of(const struct model *model, const struct call *call, const char **kind)
{
    uint32_t caller = call_caller(model, call);
    bool is_forked = caller != call->parent;
    *kind = is_forked ? link_word(FLOW_SPAWN_PROCESS) : link_word(call->origin);
    return is_forked ? caller : call->origin ? call_spawned_by(model, call) : MODEL_NONE;
}

/* First who created it, then who resumed it beside its parent. */
static bool
fill_link(struct table_cursor *cursor)
{
    const struct model *model = cursor->model;
    const struct call *call = &model->calls[cursor->row];
    const char *kind = ""; /* of none */
    uint32_t creator = call->origin == CALL_INHERITED ? MODEL_NONE : creator_of(model, call, &kind);
    uint32_t count;
    const struct driver *drivers = call_drivers(model, cursor->row, &count);
    uint32_t created = creator != MODEL_NONE;
    if (cursor->part >= created + count)
        return false;
    bool is_creator = cursor->part < created;
    put_word(cursor, is_creator ? kind : "resumed");
    put_call(cursor, is_creator ? creator : drivers[cursor->part - created].driver);
    put_call(cursor, cursor->row);
    put_number(cursor, process_of(model, cursor->row));
    return true;
}

static const struct column link_columns[] = {
    {"kind", true, "task, thread, job, process, callback, greenlet, interpreter; or resumed"},
    {"from_call", false, "who created it, or resumed it"},
    {"to_call", false, "the first call there, or the generator"},
    {"process", false, "of to_call"},
};

#define COLUMNS(columns) columns, sizeof columns / sizeof *columns
#define FUNCTIONS(...) (&(const struct table_functions){__VA_ARGS__})

const struct table tables[] = {
    {"process", "processes of the run, and sub-interpreters", COLUMNS(process_columns),
     FUNCTIONS(count_processes, fill_process, false)},
    {"track", "lines of execution: threads, tasks, greenlets", COLUMNS(track_columns),
     FUNCTIONS(count_tracks, fill_track, false)},
    {"function", "what was called", COLUMNS(function_columns), FUNCTIONS(count_functions, fill_function, false)},
    {"call", "calls, in order of their start", COLUMNS(call_columns), FUNCTIONS(count_calls, fill_call, false)},
    {"argument", "what calls got", COLUMNS(argument_columns), FUNCTIONS(count_calls, fill_argument, true)},
    {"exception", "what was raised", COLUMNS(exception_columns), FUNCTIONS(count_exceptions, fill_exception, false)},
    {"link", "which call led to which on another track", COLUMNS(link_columns),
     FUNCTIONS(count_calls, fill_link, true)},
};
const uint32_t table_count = sizeof tables / sizeof *tables;

const struct table *
table_find(const char *name)
{
    for (uint32_t i = 0; i < table_count; i++)
        if (strcmp(tables[i].name, name) == 0)
            return &tables[i];
    return NULL;
}

/* --- the cursor ------------------------------------------------------------------ */

int
table_open(struct table_cursor *out, const struct model *model, const struct table *table)
{
    *out = (struct table_cursor){.model = model, .table = table, .fate_work = FATE_WORK};
    if (table->functions->fill == fill_call)
        out->depths = malloc((model->call_count + (size_t)1) * sizeof *out->depths);
    if (table->functions->fill == fill_call && !out->depths)
        return -ENOMEM;
    return table->functions->fill == fill_exception ? child_lists_build(&out->children, model) : 0;
}

uint32_t
table_done(const struct table_cursor *cursor)
{
    return cursor->row;
}

uint32_t
table_total(const struct table_cursor *cursor)
{
    return cursor->table->functions->count(cursor->model);
}

bool
table_next(struct table_cursor *cursor)
{
    bool found = false;
    while (!found && cursor->row < table_total(cursor)) {
        cursor->filled = 0;
        cursor->scratch.length = 0;
        found = cursor->table->functions->fill(cursor);
        bool stays = found && cursor->table->functions->has_parts;
        cursor->part = stays ? cursor->part + 1 : 0;
        cursor->row += !stays;
    }
    for (uint32_t i = 0; found && i < cursor->filled; i++)
        if (cursor->cells[i].kind == CELL_TEXT && !cursor->cells[i].text.data)
            cursor->cells[i].text.data = cursor->scratch.data ? cursor->scratch.data + cursor->cells[i].number : "";
    return found;
}

bool
table_close(struct table_cursor *cursor)
{
    bool failed = cursor->scratch.failed;
    free(cursor->depths);
    child_lists_free(&cursor->children);
    text_free(&cursor->scratch);
    return failed;
}
