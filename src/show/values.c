#include "values.h"

#include <string.h>

#include "../model/value_text.h"

#define COMPARED_MAX 256 /* members of a folded line whose values are compared */
#define RANGE_PART 24    /* columns of one end of "first … last" */

/* --- values ------------------------------------------------------------- */

static struct value
value_at(const struct printer *printer, uint32_t call, enum value_place place, uint32_t index)
{
    const struct call *c = &printer->model->calls[call];
    return place == VALUES_RESULT ? call_result(printer->model, c) : call_argument(printer->model, c, index);
}

static void
value_into(struct text *out, const struct printer *printer, struct value value, unsigned width)
{
    struct value_limits limits = {.width = width, .depth = 3};
    if (printer->options->full)
        limits = (struct value_limits){0};
    text_truncate(out, 0);
    if (value.data)
        value_text(out, printer->model->reader, &value, &limits);
}

bool
values_is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Is the position between tokens: outside of quotes, behind or before punctuation? */
static bool
is_border(struct slice text, size_t position, const char *before, const char *after)
{
    char quote = '\0';
    for (size_t i = 0; i < position; i++) {
        if (quote && text.data[i] == '\\')
            i++;
        else if (quote && text.data[i] == quote)
            quote = '\0';
        else if (!quote && values_is_one_of(text.data[i], "'\""))
            quote = text.data[i];
    }
    if (quote)
        return false;
    return position == 0 || position == text.length || values_is_one_of(text.data[position - 1], before)
           || values_is_one_of(text.data[position], after);
}

static bool
is_plain(struct slice part)
{
    char quote = '\0';
    for (size_t i = 0; i < part.length; i++) {
        if (values_is_one_of(part.data[i], "'\"") && (!quote || quote == part.data[i]))
            quote = quote ? '\0' : part.data[i];
        else if (!quote && values_is_one_of(part.data[i], "()[]{},="))
            return false;
    }
    return part.length > 0 && text_columns(part.data, part.length) <= RANGE_PART;
}

static void
put_ends(struct text *out, const struct printer *printer, struct slice first, struct slice last)
{
    text_slice(out, first);
    text_format(out, " %s ", printer->glyphs->dots);
    text_slice(out, last);
}

/* Two values that differ in one place: Order(id=1 … 12, total=40). False if they differ in more. */
static bool
put_difference(struct text *out, const struct printer *printer, struct slice first, struct slice last)
{
    size_t shorter = first.length < last.length ? first.length : last.length;
    size_t start = 0;
    size_t end = 0;
    while (start < shorter && first.data[start] == last.data[start])
        start++;
    while (start > 0 && !(is_border(first, start, "([{=, ", "") && is_border(last, start, "([{=, ", "")))
        start--;
    while (end < shorter - start && first.data[first.length - end - 1] == last.data[last.length - end - 1])
        end++;
    while (end > 0
           && !(is_border(first, first.length - end, "", ")]},") && is_border(last, last.length - end, "", ")]},")))
        end--;
    struct slice a = {first.data + start, first.length - start - end};
    struct slice b = {last.data + start, last.length - start - end};
    if (!is_plain(a) || !is_plain(b))
        return false;
    text_bytes(out, first.data, start);
    put_ends(out, printer, a, b);
    text_bytes(out, first.data + first.length - end, end);
    return true;
}

/* What two values differ in, if that is one place when they are cut short enough. */
static bool
put_short_difference(struct text *out, const struct printer *printer, struct value first, struct value last,
                     unsigned width)
{
    static const unsigned widths[] = {VALUES_WIDTH_MAX, 60, 40, 30, 24, 20};
    struct text a = {.ascii = printer->options->ascii};
    struct text b = a;
    size_t before = out->length;
    bool found = false;
    for (size_t i = 0; i < sizeof widths / sizeof *widths && !found; i++) {
        if (i + 1 < sizeof widths / sizeof *widths && widths[i] > 2 * width)
            continue;
        value_into(&a, printer, first, widths[i]);
        value_into(&b, printer, last, widths[i]);
        found = put_difference(out, printer, text_content(&a), text_content(&b))
                && text_columns(out->data + before, out->length - before) <= 2 * (size_t)width + 3;
        if (!found)
            text_truncate(out, before);
    }
    text_free(&a);
    text_free(&b);
    return found;
}

/* "Order(…)", as far as both begin alike; or "…". */
static void
put_type(struct text *out, const struct printer *printer, struct value first, struct value last)
{
    const struct reader *reader = printer->model->reader;
    struct slice type = value_type_name(reader, first);
    struct value_head head;
    bool named = value_read(reader, &first, &head) == 0 && head.type.length > 0;
    if (!named || !slice_equals(type, value_type_name(reader, last))) {
        text_string(out, printer->glyphs->dots);
        return;
    }
    text_name(out, type);
    text_format(out, "(%s)", printer->glyphs->dots);
}

void
values_put(struct text *out, struct printer *printer, const struct story_line *line, enum value_place place,
           uint32_t index, unsigned width)
{
    struct text text = {.ascii = printer->options->ascii};
    struct text other = text;
    struct value first = value_at(printer, line->calls[0], place, index);
    struct value last = first;
    uint32_t step = line->count > COMPARED_MAX ? line->count / COMPARED_MAX : 1;
    bool equal = true;
    if (line->count > 1)
        value_into(&text, printer, first, VALUES_WIDTH_MAX);
    for (uint32_t i = line->count; equal && i > step; i -= step) {
        last = value_at(printer, line->calls[i - 1], place, index);
        value_into(&other, printer, last, VALUES_WIDTH_MAX);
        equal = slice_equals(text_content(&text), text_content(&other));
    }
    if (equal) {
        value_into(&text, printer, first, width);
        text_slice(out, text_content(&text));
    }
    else if (printer->options->full) {
        value_into(&other, printer, last, 0);
        put_ends(out, printer, text_content(&text), text_content(&other));
    }
    else if (!put_short_difference(out, printer, first, last, width)) {
        put_type(out, printer, first, last);
    }
    text_free(&text);
    text_free(&other);
}

/* --- arguments ---------------------------------------------------------- */

static bool
is_self(const struct code *code, uint32_t index)
{
    if (index > 0 || !memchr(code->qualname.data, '.', code->qualname.length))
        return false;
    return slice_is(code->parameters[0].name, "self") || slice_is(code->parameters[0].name, "cls");
}

/* *args and **kwargs that nothing was given for. */
static bool
is_empty_rest(const struct printer *printer, const struct story_line *line, uint32_t index)
{
    enum flow_parameter kind = printer->model->calls[line->calls[0]].code->parameters[index].kind;
    if (kind != FLOW_PARAMETER_VAR_POSITIONAL && kind != FLOW_PARAMETER_VAR_KEYWORD)
        return false;
    struct value value = value_at(printer, line->calls[0], VALUES_ARGUMENT, index);
    struct value_head head;
    return value.data && value_read(printer->model->reader, &value, &head) == 0 && head.total == 0;
}

/* Which of them it is may be of interest. */
static bool
has_identity(const struct printer *printer, struct value value)
{
    struct value_head head;
    return value.data && value_read(printer->model->reader, &value, &head) == 0 && head.identity;
}

static void
put_argument(struct text *out, struct printer *printer, const struct story_line *line, uint32_t index, unsigned width)
{
    const struct parameter *parameter = &printer->model->calls[line->calls[0]].code->parameters[index];
    if (parameter->kind == FLOW_PARAMETER_VAR_POSITIONAL)
        text_string(out, "*");
    else if (parameter->kind == FLOW_PARAMETER_VAR_KEYWORD)
        text_string(out, "**");
    text_name(out, parameter->name);
    text_string(out, "=");
    values_put(out, printer, line, VALUES_ARGUMENT, index, width);
}

void
values_put_arguments(struct text *out, struct printer *printer, const struct story_line *line, unsigned width)
{
    const struct call *call = &printer->model->calls[line->calls[0]];
    const struct code *code = call->code;
    if (code->flags & (FLOW_CODE_MODULE | FLOW_CODE_CLASS))
        return;
    if (code->flags & (FLOW_CODE_REGION | FLOW_CODE_NOTE)) {
        if (!code->parameter_count)
            return;
        text_string(out, " ");
    }
    if (code->flags & FLOW_CODE_LIBRARY) { /* nobody looked at them */
        text_format(out, "(%s)", printer->glyphs->dots);
        return;
    }
    if (code->parameter_count == 1 && slice_is(code->parameters[0].name, ".0"))
        return; /* of a generator expression: its iterator */
    if (code->parameter_count && (!printer->options->arguments || !call_arguments(printer->model, call).data)) {
        text_format(out, "(%s)", printer->glyphs->dots);
        return;
    }
    text_string(out, "(");
    bool any = false;
    printer->cut_count = 0;
    for (uint32_t i = 0; i < code->parameter_count; i++) {
        bool hidden = is_self(code, i) && !has_identity(printer, value_at(printer, line->calls[0], VALUES_ARGUMENT, i));
        if (hidden || is_empty_rest(printer, line, i))
            continue;
        text_string(out, any ? ", " : "");
        if (any && printer->cut_count < PRINTER_CUTS)
            printer->cuts[printer->cut_count++] = out->length;
        any = true;
        put_argument(out, printer, line, i, width);
    }
    text_string(out, ")");
}
