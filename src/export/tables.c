#include "tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/child_lists.h"
#include "../model/fate.h"
#include "../model/label.h"
#include "../model/value_text.h"
#include "facts.h"

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
    put_reference(cursor, model_call_reference(cursor->model, call));
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

#define NUMBER(...) {false, __VA_ARGS__, {0}, NULL}
#define TEXT(...) {true, __VA_ARGS__, {0}, NULL}
#define USUALLY_ZERO(...) {false, __VA_ARGS__, {CELL_NUMBER, 0, {"", 0}}, NULL}
#define USUALLY(word, ...) {true, __VA_ARGS__, {CELL_TEXT, 0, {word, sizeof word - 1}}, NULL}
#define DERIVED(formula, ...) {false, __VA_ARGS__, {0}, formula}

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
    put_number(cursor, model->reader->header->start_unix_ns + process->joined_ns);
    if (process->end_ns)
        put_number(cursor, process->end_ns);
    else
        put_null(cursor);
    put_word(cursor, process_end(process));
    put_known(cursor, process->lost);
    return true;
}

static const struct column process_columns[] = {
    NUMBER("process", "its number, from 0"),
    NUMBER("pid", "the system's number of it"),
    TEXT("run", "of a merged trace: the name of the run"),
    TEXT("program", "the script, module or command"),
    TEXT("host", "the machine"),
    NUMBER("created_by", "call that started it"),
    NUMBER("start_ns", "when it began to record, ns from the trace's start"),
    NUMBER("start_unix_ns", "the same from 1970"),
    NUMBER("end_ns", "when it ended, if that is known"),
    TEXT("end", "how: exited, killed, replaced, ended, gone, running"),
    TEXT("lost", "why recording stopped before its end"),
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
    NUMBER("track", "its number, from 0"),        NUMBER("process", "its process"),
    TEXT("kind", "main, thread, task, greenlet"), TEXT("name", "of the thread, task or greenlet"),
    NUMBER("created_by", "call that created it"),
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
    NUMBER("function", "its number, from 0"),
    TEXT("name", "qualified: Cart.add"),
    TEXT("module", "__main__ for the program itself"),
    TEXT("file", "path of the source"),
    NUMBER("line", "first line there"),
    TEXT("kind", "function, generator, coroutine, async generator, module, class, library"),
    TEXT("parameters", "their names, with commas between"),
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
    put_call(cursor, facts_caller(model, call));
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
    NUMBER("call", "its number, as views print it: #1204"),
    NUMBER("parent", "call that called it"),
    NUMBER("created_by", "of the first call of a task, thread, job ...: call that started that"),
    USUALLY_ZERO("process", "where it ran"),
    NUMBER("track", "where it ran"),
    NUMBER("function", "what was called"),
    NUMBER("depth", "calls above it on its track"),
    NUMBER("start_ns", "ns from the trace's start"),
    NUMBER("end_ns", "of its end; of its last event if it has not ended"),
    DERIVED("end_ns - start_ns", "duration_ns", "from start to end"),
    DERIVED("max(end_ns - start_ns - waiting_ns, 0)", "running_ns", "duration without waits"),
    USUALLY_ZERO("waiting_ns", "suspended in yield or await"),
    USUALLY_ZERO("suspensions", "how often"),
    NUMBER("longest_wait_ns", "of a coroutine that awaits what is not recorded"),
    TEXT("waited_for", "what for: a task's name, or the type of what it awaited"),
    USUALLY("returned", "outcome", "returned, raised, running, abandoned"),
    TEXT("result", "what it returned, as Python writes it"),
    NUMBER("exception", "what left it"),
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
    NUMBER("call", "whose it is"),    USUALLY_ZERO("process", "of the call"), NUMBER("position", "from 0"),
    TEXT("name", "of the parameter"), TEXT("value", "as Python writes it"),
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
    uint32_t catcher = facts_catcher(exception);
    uint32_t seen = exception->first_call != MODEL_NONE ? exception->first_call : catcher;
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
    put_call(cursor, catcher);
    put_word(cursor, fate_word(cursor));
    put_known(cursor, exception->cause);
    put_reference(cursor, exception->cause_exception);
    return true;
}

static const struct column exception_columns[] = {
    NUMBER("exception", "its number, from 0"),
    NUMBER("process", "where it was raised"),
    TEXT("type", "name of its class"),
    TEXT("module", "of its class, where that was recorded"),
    TEXT("text", "ValueError('no')"),
    TEXT("raised_in", "function where it was raised, recorded or not"),
    TEXT("file", "of that"),
    NUMBER("line", "where, there"),
    NUMBER("first_left", "the first call that it left"),
    NUMBER("last_left", "the last call that it left"),
    NUMBER("calls_left", "how many it left"),
    NUMBER("caught_by", "call that caught it"),
    TEXT("fate", "lost, unknown, turned, told, handed, returned, swallowed: see show --errors"),
    TEXT("cause", "type of what it was raised from"),
    NUMBER("cause_exception", "that itself, if it was recorded"),
};

/* What it was that facts_creator() of it created; what is called in a copied call comes with the process. */
static const char *
link_word(const struct call *call)
{
    static const char *const words[] = {"", "task", "thread", "job", "process", "callback", "greenlet", "interpreter"};
    uint8_t origin = call->parent == MODEL_NONE ? call->origin : FLOW_SPAWN_PROCESS;
    return origin < sizeof words / sizeof *words ? words[origin] : "";
}

/* First who created it, then who resumed it beside its parent. */
static bool
fill_link(struct table_cursor *cursor)
{
    const struct model *model = cursor->model;
    const struct call *call = &model->calls[cursor->row];
    uint32_t creator = facts_creator(model, cursor->row);
    uint32_t count;
    const struct driver *drivers = call_drivers(model, cursor->row, &count);
    uint32_t created = creator != MODEL_NONE;
    if (cursor->part >= created + count)
        return false;
    bool is_creator = cursor->part < created;
    put_word(cursor, is_creator ? link_word(call) : "resumed");
    put_call(cursor, is_creator ? creator : drivers[cursor->part - created].driver);
    put_call(cursor, cursor->row);
    put_number(cursor, process_of(model, cursor->row));
    return true;
}

static const struct column link_columns[] = {
    TEXT("kind", "task, thread, job, process, callback, greenlet, interpreter; or resumed"),
    NUMBER("from_call", "who created it, or resumed it"),
    NUMBER("to_call", "the first call there, or the generator"),
    NUMBER("process", "of to_call"),
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

bool
column_is_usual(const struct column *column, const struct cell *cell)
{
    const struct cell *usual = &column->usual;
    return cell->kind == usual->kind && (cell->kind != CELL_NUMBER || cell->number == usual->number)
           && (cell->kind != CELL_TEXT || slice_equals(cell->text, usual->text));
}

bool
table_is_numbered(const struct table *table)
{
    return strcmp(table->name, table->columns[0].name) == 0;
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
