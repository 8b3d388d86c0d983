#include "find.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../model/value_path.h"
#include "printer.h"

static bool
is_listed(const struct model *model, uint32_t call)
{
    return model->calls[call].origin != CALL_INHERITED;
}

/* "#1204  price(order=…) → 12    shop.cart  1.2 ms" */
static void
print_call(struct printer *printer, uint32_t call, struct slice aside)
{
    char number[32];
    const struct model *model = printer->model;
    struct story_line line = {.calls = &call, .count = 1, .opened = true};
    struct text right = {0}, time = {0};
    int digits = snprintf(NULL, 0, "%u", model_call_number(model, model->call_count - 1));
    snprintf(number, sizeof number, "#%-*u  ", digits, model_call_number(model, call));
    size_t columns = fields_put(&time, printer, &line);
    text_slice(&right, aside);
    text_string(&right, aside.length && columns ? "  " : "");
    for (size_t used = printer_columns(&time); used < columns; used++)
        text_string(&right, " ");
    text_slice(&right, text_content(&time));
    line_print_call(printer, call, number, 0, &right);
    text_free(&right);
    text_free(&time);
}

static void
print_note(struct printer *printer, const struct text *note)
{
    if (!note->length)
        return;
    text_string(printer->out, printer->out->length ? "\n" : "");
    printer_put_note(printer, text_content(note));
}

static void
note_more(struct text *note, uint64_t more)
{
    if (!more)
        return;
    label_count(note, more);
    text_string(note, " more; --limit N shows more, --limit 0 all.");
}

/* --- all calls ---------------------------------------------------------- */

/* Worth a word where there are several. */
static bool
has_modules(const struct model *model, uint32_t limit)
{
    const struct code *first = NULL;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < model->call_count && (!limit || seen < limit); i++) {
        if (!is_listed(model, i))
            continue;
        first = seen++ ? first : model->calls[i].code;
        if (!slice_equals(first->module, model->calls[i].code->module))
            return true;
    }
    return false;
}

/* For lines that stand alone. 0 or -ENOMEM. */
static int
open_lines(struct printer *printer, struct outline *outline, struct text *out, const struct model *model,
           const struct show_options *options)
{
    bool self = memchr(options->fields, SHOW_SELF, options->field_count) != NULL;
    *outline = (struct outline){0};
    if (self && outline_build(outline, model, false) < 0)
        return -ENOMEM;
    printer_open(printer, out, model, options);
    printer->outline = outline;
    printer->alone = true;
    return 0;
}

static void
close_lines(struct printer *printer, struct outline *outline)
{
    printer_close(printer);
    outline_free(outline);
}

int
find_print(struct text *out, const struct model *model, const struct show_options *options, uint32_t *found)
{
    struct show_options used = *options;
    struct printer printer;
    struct outline outline;
    struct text note = {0}, module = {0};
    used.time &= model->reader->header->clock != FLOW_CLOCK_NONE;
    if (open_lines(&printer, &outline, out, model, &used) < 0)
        return -ENOMEM;
    bool modules = !used.field_count && has_modules(model, options->lines);
    *found = 0;
    for (uint32_t i = 0; i < model->call_count; i++) {
        if (!is_listed(model, i) || ((*found)++ >= options->lines && options->lines))
            continue;
        text_truncate(&module, 0);
        if (modules)
            text_name(&module, model->calls[i].code->module);
        if (*found == 1)
            fields_print_names(&printer);
        print_call(&printer, i, text_content(&module));
    }
    if (options->lines && *found > options->lines)
        note_more(&note, *found - options->lines);
    header_put_missing(&note, model);
    print_note(&printer, &note);
    text_free(&note);
    text_free(&module);
    close_lines(&printer, &outline);
    return out->failed ? -ENOMEM : 0;
}

/* --- the way of a value ------------------------------------------------- */

/* "got it as order", "got it in orders, rest", "returned it" */
static uint32_t
put_role(struct text *out, const struct model *model, const struct value_path *path, uint32_t at)
{
    const struct sighting *sightings = path->sightings;
    uint32_t call = sightings[at].call;
    uint32_t i = at;
    for (; i < path->count && sightings[i].call == call; i++) {
        const struct sighting *sighting = &sightings[i];
        bool again = i > at && sighting->within == sighting[-1].within;
        text_string(out, i > at ? ", " : "");
        if (sighting->parameter == MODEL_NONE) {
            text_string(out, sighting->within ? "returned it in there" : "returned it");
            continue;
        }
        text_string(out, again ? "" : sighting->within ? "got it in " : "got it as ");
        text_name(out, model->calls[call].code->parameters[sighting->parameter].name);
    }
    return i;
}

static void
note_objects(struct text *note, const struct model *model, const struct value_path *path)
{
    if (path->object_count < 2)
        return;
    text_string(note, path->object_count == VALUE_OBJECTS_MAX ? "At least " : "These are ");
    text_format(note, "%u different objects: #%llu", path->object_count, (unsigned long long)path->objects[0].identity);
    for (uint32_t i = 1; i < path->object_count && i < 4; i++)
        text_format(note, ", #%llu", (unsigned long long)path->objects[i].identity);
    text_string(note, path->object_count > 4 ? " ... " : "");
    text_string(note, model->process_count > 1 ? "; Type#N with --process N follows one of them. "
                                               : "; Type#N follows one of them. ");
}

/* What can't be known of it. */
static void
note_limits(struct text *note, const struct model *model, const struct value_path *path,
            const struct value_pattern *value)
{
    if (!path->count)
        return;
    if (!path->returned)
        text_string(note, "No call returned it: it came from outside of these calls, or was made within one. ");
    if (path->before) {
        label_counted(note, path->before, " time", " times");
        text_string(note, " a call got it before any had returned it: not shown. ");
    }
    note_objects(note, model, path);
    if (!value->identity && path->object_count < 2)
        text_string(note, path->object_count ? "" : "Values that look alike may be different objects. ");
    text_string(note, "Between calls a value can go on unseen.");
}

int
find_print_path(struct text *out, const struct model *model, const struct show_options *options,
                const struct value_pattern *value, uint32_t *found)
{
    struct show_options used = *options;
    struct printer printer;
    struct value_path path;
    struct text note = {0}, role = {0};
    struct outline outline;
    int ret = value_path_find(&path, model, value);
    if (ret < 0)
        return ret;
    used.time = used.field_count && model->reader->header->clock != FLOW_CLOCK_NONE;
    if (open_lines(&printer, &outline, out, model, &used) < 0) {
        value_path_free(&path);
        return -ENOMEM;
    }
    *found = 0;
    for (uint32_t i = 0; i < path.count; ++*found) {
        text_truncate(&role, 0);
        uint32_t call = path.sightings[i].call;
        i = put_role(&role, model, &path, i);
        if (*found == 0)
            fields_print_names(&printer);
        if (!options->lines || *found < options->lines)
            print_call(&printer, call, text_content(&role));
    }
    if (options->lines && *found > options->lines)
        note_more(&note, *found - options->lines);
    text_string(&note, note.length ? " " : "");
    note_limits(&note, model, &path, value);
    header_put_missing(&note, model);
    print_note(&printer, &note);
    text_free(&note);
    text_free(&role);
    close_lines(&printer, &outline);
    value_path_free(&path);
    return out->failed ? -ENOMEM : 0;
}
