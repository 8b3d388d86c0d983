#include "traceback.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/detail.h"
#include "../model/value_text.h"

int
tracebacks_open(struct tracebacks *out, const struct model *model)
{
    *out = (struct tracebacks){.model = model};
    if (!model->exception_count)
        return 0;
    out->below = malloc((model->call_count + (size_t)1) * sizeof *out->below);
    if (!out->below)
        return -ENOMEM;
    memset(out->below, 0xff, (model->call_count + (size_t)1) * sizeof *out->below); /* MODEL_NONE */
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call *call = &model->calls[i];
        uint32_t index = call_exception(model, call);
        if (index != MODEL_NONE && call->parent != MODEL_NONE
            && call_exception(model, &model->calls[call->parent]) == index)
            out->below[call->parent] = i;
    }
    return 0;
}

void
tracebacks_close(struct tracebacks *tracebacks)
{
    free(tracebacks->below);
    *tracebacks = (struct tracebacks){0};
}

void
traceback_type(struct text *out, const struct exception *exception)
{
    if (exception->module.length && !slice_is(exception->module, "builtins")) {
        text_name(out, exception->module);
        text_string(out, ".");
    }
    text_name(out, exception->qualname.length ? exception->qualname : exception->type);
}

/* --- str() ------------------------------------------------------------------ */

static void
put_str(struct text *out, const struct value_head *head)
{
    uint64_t characters = 0;
    for (size_t i = 0; i < head->bytes.length; i++)
        characters += ((uint8_t)head->bytes.data[i] & 0xc0) != 0x80;
    text_slice(out, head->bytes);
    if (head->tag == FLOW_VALUE_STR && characters < head->total)
        text_dots(out);
}

static bool
is_text(int tag)
{
    return tag == FLOW_VALUE_STR || tag == FLOW_VALUE_STR_WHOLE;
}

/* `value` is at the next. */
struct arguments {
    const struct reader *reader;
    struct value value;
    struct value_head head;
    uint64_t recorded, total;
};

/* False: that was the last one that was recorded. */
static bool
next_argument(struct arguments *arguments, struct value *out)
{
    struct slice name;
    if (arguments->head.tag == FLOW_VALUE_FIELDS
        && (value_read_name(arguments->reader, &arguments->head, &arguments->value, &name) < 0 || name.length))
        return false;
    *out = arguments->value;
    return value_skip(arguments->reader, &arguments->value) == 0;
}

/* Of those that have attributes the arguments are the fields without a name. */
static bool
find_arguments(struct arguments *out, const struct model *model, const struct exception *exception)
{
    struct value value;
    *out = (struct arguments){.reader = model->reader, .value = exception->message};
    if (!out->value.data || value_read(model->reader, &out->value, &out->head) < 0)
        return false;
    out->recorded = out->head.count;
    out->total = out->head.total;
    if (out->head.tag == FLOW_VALUE_ARGS)
        return true;
    if (out->head.tag != FLOW_VALUE_FIELDS)
        return false;
    struct arguments ahead = *out;
    for (out->recorded = 0; out->recorded < ahead.recorded && next_argument(&ahead, &value);)
        out->recorded++;
    out->total = out->recorded;
    return true;
}

/* str((a, b)) */
static void
put_tuple(struct text *out, struct arguments arguments)
{
    struct value value;
    text_string(out, "(");
    for (uint64_t i = 0; i < arguments.recorded && next_argument(&arguments, &value); i++) {
        text_string(out, i ? ", " : "");
        value_text(out, arguments.reader, &value, &(struct value_limits){0});
    }
    if (arguments.total > arguments.recorded)
        text_dots(out);
    text_string(out, ")");
}

/* KeyError shows what it was asked for as repr() does. */
static void
put_single(struct text *out, struct value value, const struct model *model, const struct exception *exception)
{
    struct value ahead = value;
    struct value_head head;
    if (value_read(model->reader, &ahead, &head) == 0 && is_text(head.tag) && !slice_is(exception->type, "KeyError"))
        put_str(out, &head);
    else
        value_text(out, model->reader, &value, &(struct value_limits){0});
}

/* "[Errno 2] No such file or directory: 'missing.txt'": only OSError and what derives from it has a number and a text,
 * of those that come with files. False if it is none. */
static bool
put_os_error(struct text *out, struct arguments arguments, const struct model *model, const struct exception *exception)
{
    struct value number, words;
    struct value_head head, text;
    struct slice file;
    struct detail_list files = detail_files(exception);
    if (arguments.recorded != 2 || !next_argument(&arguments, &number) || !next_argument(&arguments, &words)
        || value_read(model->reader, &number, &head) < 0 || value_read(model->reader, &words, &text) < 0
        || head.tag != FLOW_VALUE_INT || !is_text(text.tag))
        return false;
    bool known = slice_is(exception->type, "OSError") || slice_ends_with(exception->type, "FoundError")
                 || slice_is(exception->type, "PermissionError") || slice_is(exception->type, "FileExistsError")
                 || slice_is(exception->type, "TimeoutError") || slice_is(exception->type, "ConnectionRefusedError")
                 || slice_is(exception->type, "ConnectionResetError") || slice_is(exception->type, "BrokenPipeError");
    if (!known && !files.total)
        return false;
    text_format(out, "[Errno %lld] ", (long long)head.integer);
    put_str(out, &text);
    for (unsigned i = 0; detail_next_text(&files, &file); i++) {
        text_string(out, i ? " -> '" : ": '");
        text_escape(out, file, '\'');
        text_string(out, "'");
    }
    return true;
}

/* "several (2 sub-exceptions)" */
static bool
put_group(struct text *out, struct arguments arguments, const struct model *model, const struct exception *exception)
{
    struct value words, list;
    struct value_head text, head;
    if (!slice_ends_with(exception->type, "ExceptionGroup") || arguments.recorded != 2
        || !next_argument(&arguments, &words) || !next_argument(&arguments, &list)
        || value_read(model->reader, &words, &text) < 0 || value_read(model->reader, &list, &head) < 0
        || !is_text(text.tag) || (head.tag != FLOW_VALUE_LIST && head.tag != FLOW_VALUE_TUPLE))
        return false;
    put_str(out, &text);
    text_format(out, " (%llu sub-exception%s)", (unsigned long long)head.total, head.total == 1 ? "" : "s");
    return true;
}

void
traceback_message(struct text *out, const struct model *model, const struct exception *exception)
{
    struct arguments arguments;
    if (!find_arguments(&arguments, model, exception) || !arguments.total)
        return;
    struct arguments first = arguments;
    struct value value;
    if (arguments.total == 1) {
        if (next_argument(&first, &value))
            put_single(out, value, model, exception);
    }
    else if (!put_os_error(out, arguments, model, exception) && !put_group(out, arguments, model, exception)) {
        put_tuple(out, arguments);
    }
}

/* --- frames ------------------------------------------------------------------- */

void
traceback_last_line(struct text *out, const struct model *model, const struct exception *exception)
{
    traceback_type(out, exception);
    size_t length = out->length;
    text_string(out, ": ");
    size_t begin = out->length;
    traceback_message(out, model, exception);
    if (out->length == begin)
        text_truncate(out, length);
}

static void
put_frame(struct text *out, struct slice file, uint32_t line, struct slice qualname)
{
    size_t name = qualname.length;
    while (name > 0 && qualname.data[name - 1] != '.')
        name--;
    text_string(out, "  File \"");
    text_name(out, file);
    text_string(out, "\"");
    if (line)
        text_format(out, ", line %u", line);
    text_string(out, ", in ");
    text_name(out, (struct slice){qualname.data + name, qualname.length - name});
    text_string(out, "\n");
}

/* Regions are no frames. */
static bool
is_frame(const struct code *code)
{
    return !(code->flags & (FLOW_CODE_REGION | FLOW_CODE_NOTE)) && code->file.length;
}

static bool
is_raised_in(const struct exception *exception, const struct code *code)
{
    return slice_equals(exception->file, code->file) && slice_equals(exception->function, code->qualname);
}

/* Where it made the call that the exception came from, or raised it. */
static uint32_t
line_of(const struct tracebacks *tracebacks, uint32_t number, const struct exception *exception)
{
    const struct model *model = tracebacks->model;
    const struct call *call = &model->calls[number];
    uint32_t below = tracebacks->below[number];
    uint32_t line = below != MODEL_NONE                   ? call_extra(model, &model->calls[below])->caller_line
                    : is_raised_in(exception, call->code) ? exception->line
                                                          : 0;
    return line ? line : call_extra(model, call)->left_line;
}

void
traceback_put(struct text *out, const struct tracebacks *tracebacks, uint32_t call)
{
    const struct model *model = tracebacks->model;
    const struct exception *exception = &model->exceptions[call_exception(model, &model->calls[call])];
    const struct code *last = NULL;
    text_string(out, "Traceback (most recent call last):\n");
    for (unsigned i = 0; call != MODEL_NONE && i < TRACEBACK_FRAMES; i++, call = tracebacks->below[call]) {
        const struct code *code = model->calls[call].code;
        if (!is_frame(code))
            continue;
        put_frame(out, code->file, line_of(tracebacks, call, exception), code->qualname);
        last = code;
    }
    if (call != MODEL_NONE)
        text_string(out, "  ...\n");
    bool raised_elsewhere = call != MODEL_NONE || !last || !is_raised_in(exception, last);
    if (raised_elsewhere && exception->file.length)
        put_frame(out, exception->file, exception->line, exception->function);
    traceback_last_line(out, model, exception);
    text_string(out, "\n");
}
