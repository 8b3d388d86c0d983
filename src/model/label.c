#include "label.h"

#include <string.h>

#include "value_text.h"

struct slice
label_file(struct slice path)
{
    return slice_after_last(path, '/');
}

void
label_count(struct text *out, uint64_t count)
{
    char digits[24];
    int n = 0;
    do {
        digits[n++] = (char)('0' + count % 10);
        count /= 10;
    } while (count);
    while (n-- > 0)
        text_format(out, n && n % 3 == 0 ? "%c," : "%c", digits[n]);
}

const char *
label_plural(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

void
label_counted(struct text *out, uint64_t count, const char *one, const char *many)
{
    label_count(out, count);
    text_string(out, label_plural(count, one, many));
}

#define LOCAL_NAME_MAX 512 /* bytes; no recorder writes longer ones */

/* "outer.<locals>.inner" -> "inner". */
static struct slice
local_name(struct slice qualname)
{
    static const char locals[] = "<locals>.";
    size_t n = sizeof locals - 1;
    size_t first = qualname.length > LOCAL_NAME_MAX ? qualname.length - LOCAL_NAME_MAX : 0;
    for (size_t i = qualname.length; i >= first + n; i--)
        if (qualname.data[i - 1] == '.' && memcmp(qualname.data + i - n, locals, n) == 0)
            return (struct slice){qualname.data + i, qualname.length - i};
    return qualname;
}

static void
label_module(struct text *out, const struct code *code)
{
    struct slice file = label_file(code->file);
    bool script = slice_is(code_module(code), "__main__");
    if (code->file.length && code->file.data[0] == '<')
        text_string(out, "exec ");
    else if (!script && code->module.length) {
        text_string(out, "import ");
        file = code->module;
    }
    text_name(out, file);
}

/* "[import]", "note: cache cold" */
static void
label_region(struct text *out, const struct code *code)
{
    bool region = code->flags & FLOW_CODE_REGION;
    text_string(out, region ? "[" : "note: ");
    text_name(out, code->qualname);
    text_string(out, region ? "]" : "");
}

void
label_function(struct text *out, const struct code *code)
{
    struct slice name = local_name(code->qualname);
    if (code->flags & FLOW_CODE_MODULE) {
        label_module(out, code);
    }
    else if (code->flags & FLOW_CODE_CLASS) {
        text_string(out, "class ");
        text_name(out, name);
    }
    else if (code->flags & (FLOW_CODE_REGION | FLOW_CODE_NOTE)) {
        label_region(out, code);
    }
    else if (slice_ends_with(name, "<lambda>") || slice_ends_with(name, "<genexpr>")) {
        text_string(out, slice_ends_with(name, "<lambda>") ? "<lambda " : "<genexpr ");
        text_name(out, label_file(code->file));
        text_format(out, ":%u>", code->first_line);
    }
    else {
        bool of_module = code->flags & FLOW_CODE_LIBRARY && code->module.length
                         && !memchr(code->qualname.data, '.', code->qualname.length);
        if (of_module) {
            text_name(out, code->module);
            text_string(out, ".");
        }
        text_name(out, name);
    }
}

const char *
label_track_kind(const struct track *track)
{
    return track->kind == TRACK_TASK ? "task" : track->kind == TRACK_GREENLET ? "greenlet" : "thread";
}

const char *
label_kind_of_track(const struct track *track)
{
    static const char *const kinds[] = {"main", "thread", "task", "greenlet"};
    return kinds[track->kind];
}

const char *
label_kind_of_function(const struct code *code)
{
    uint32_t flags = code->flags;
    return flags & FLOW_CODE_LIBRARY           ? "library"
           : flags & FLOW_CODE_REGION          ? "region"
           : flags & FLOW_CODE_NOTE            ? "note"
           : flags & FLOW_CODE_MODULE          ? "module"
           : flags & FLOW_CODE_CLASS           ? "class"
           : flags & FLOW_CODE_ASYNC_GENERATOR ? "async generator"
           : flags & FLOW_CODE_COROUTINE       ? "coroutine"
           : flags & FLOW_CODE_GENERATOR       ? "generator"
                                               : "function";
}

const char *
label_outcome(const struct call *call)
{
    static const char *const outcomes[] = {"running", "returned", "raised", "abandoned"};
    return outcomes[call->outcome];
}

void
label_track_name(struct text *out, const struct track *track)
{
    if (track->kind == TRACK_GREENLET && !track->name.length)
        text_format(out, "%llu", (unsigned long long)track->native_id);
    else
        text_name(out, track->name);
}

/* What its type's name lacks where another type of the trace has the same: "shop.errors.", "Cart." */
static void
put_qualifier(struct text *out, const struct exception *exception)
{
    struct slice before = exception->qualname;
    if (!exception->ambiguous)
        return;
    if (exception->module.length) {
        text_name(out, exception->module);
        text_string(out, ".");
    }
    before.length -= exception->type.length < before.length ? exception->type.length : before.length;
    text_name(out, before);
}

void
label_exception(struct text *out, const struct model *model, const struct exception *exception, bool with_message,
                unsigned width)
{
    struct value message = exception->message;
    struct value_limits limits = {.width = width, .depth = 2};
    put_qualifier(out, exception);
    if (with_message && message.data && value_type_name(model->reader, message).length)
        value_text(out, model->reader, &message, &limits);
    else
        text_name(out, exception->type);
}

void
label_size(struct text *out, uint64_t bytes)
{
    static const char units[] = "BKMGT";
    size_t unit = 0;
    while (units[unit + 1] && bytes && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    text_format(out, "%llu%c", (unsigned long long)bytes, units[unit]);
}

void
label_unplaced(struct text *out, const struct flow_bound *bound)
{
    label_counted(out, bound->calls_unplaced, " call", " calls");
    text_format(out, " of other threads: --last ");
    label_size(out, bound->units * FLOW_UNIT_SIZE);
    text_format(out, " has room for %u at a time; give it more", bound->event_slots);
}

#define COMMAND_COLUMNS 60

struct slice
label_command(const struct process *process)
{
    struct slice command = process_info(process, "command");
    struct slice program = process_info(process, "program");
    bool is_kernel = slice_begins_with(command, "-m ipykernel_launcher "); /* with a file of Jupyter's own */
    return command.length && !is_kernel ? command : program;
}

void
label_program(struct text *out, const struct process *process)
{
    struct slice command = label_command(process);
    struct slice host = process_info(process, "host");
    size_t shown = text_fit(command.data, command.length, COMMAND_COLUMNS);
    text_clean(out, (struct slice){command.data, shown});
    if (shown < command.length)
        text_dots(out);
    else if (!shown)
        text_format(out, "process %u", process->pid);
    if (host.length) {
        text_string(out, " on ");
        text_clean(out, host);
    }
}

void
label_process(struct text *out, const struct model *model, const struct process *process)
{
    struct slice program = process_info(process, "program");
    if (model->run_count || !program.length)
        label_program(out, process);
    else
        text_clean(out, program);
    if (program.length)
        text_format(out, " [%u]", process->pid);
}

void
label_track(struct text *out, const struct track *track)
{
    if (track->kind == TRACK_MAIN) {
        text_string(out, "main thread");
        return;
    }
    text_format(out, "%s ", label_track_kind(track));
    label_track_name(out, track);
}
