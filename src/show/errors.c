/* errors.c - the story of exceptions alone: each with its way, sorted by what came of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/fate.h"
#include "../model/hash.h"
#include "../trace/array.h"
#include "way.h"

#define WORK_MAX 50000000u /* values that are looked at to tell what was swallowed */
#define KEY_CALLS 64       /* of a way: exceptions whose ways differ later are told as one */
#define CAUSES_SHOWN 4

enum section { NOT_CAUGHT, SWALLOWED, CAUGHT, CANCELLED, SECTIONS };

/* Exceptions that were raised, went and ended alike. */
struct group {
    uint32_t first, last; /* exceptions */
    uint32_t count;
    enum section section;
    struct fate fate; /* of the first */
};

struct errors {
    struct printer printer;
    struct group *groups; /* Owned; in order of the first */
    uint32_t count, room;
    struct id_map by_key;
    uint32_t left_out[SECTIONS]; /* exceptions */
    bool any[SECTIONS];
    bool failed;
};

/* --- what is alike ------------------------------------------------------ */

static bool
is_told(const struct exception *exception)
{
    bool seen = exception->calls_left > 0 || exception_is_caught(exception) || exception->landed_in != MODEL_NONE;
    return seen && !exception->benign;
}

static uint64_t
mix_slice(uint64_t hash, struct slice slice)
{
    for (size_t i = 0; i < slice.length && i < 512; i++)
        hash = hash_mix(hash, (uint8_t)slice.data[i]);
    return hash_mix(hash, slice.length);
}

static uint64_t
mix_code(uint64_t hash, const struct code *code)
{
    return hash_mix(mix_slice(mix_slice(hash, code->qualname), code->file), code->first_line);
}

/* Recursion of any depth is alike. */
static uint64_t
mix_path(uint64_t hash, const struct model *model, const struct exception *exception)
{
    const struct code *before = NULL;
    uint32_t call = exception->calls_left ? exception->first_call : MODEL_NONE;
    for (uint32_t i = 0; call != MODEL_NONE && i < exception->calls_left && i < KEY_CALLS; i++) {
        if (model->calls[call].code != before)
            hash = mix_code(hash, model->calls[call].code);
        before = model->calls[call].code;
        call = model->calls[call].parent;
    }
    return hash;
}

static uint64_t
key_of(const struct model *model, const struct exception *exception, const struct fate *fate)
{
    uint64_t hash = mix_slice(mix_slice(fate->kind, exception->type), exception->qualname);
    hash = hash_mix(mix_slice(mix_slice(hash, exception->file), exception->function), exception->line);
    hash = mix_path(hash, model, exception);
    hash = hash_mix(mix_slice(hash, exception->cause), exception->first_leg != MODEL_NONE);
    if (exception->caught_by != MODEL_NONE)
        hash = hash_mix(mix_code(hash, model->calls[exception->caught_by].code), exception->caught_line);
    if (fate->kind == FATE_TOLD || fate->kind == FATE_HANDED)
        hash = mix_code(hash, model->calls[fate->other].code);
    if (fate->kind == FATE_TURNED)
        hash = mix_slice(hash, model->exceptions[fate->other].type);
    return hash ? hash : 1;
}

static enum section
section_of(const struct exception *exception, const struct fate *fate)
{
    if (fate->kind == FATE_SWALLOWED)
        return SWALLOWED;
    if (exception_is_cancellation(exception))
        return CANCELLED;
    return fate->kind == FATE_LOST ? NOT_CAUGHT : CAUGHT;
}

static int
add_group(struct errors *errors, uint32_t number, const struct fate *fate)
{
    const struct model *model = errors->printer.model;
    const struct exception *exception = &model->exceptions[number];
    uint64_t key = key_of(model, exception, fate);
    uint32_t *known = id_map_get(&errors->by_key, 0, key);
    if (known) {
        errors->groups[*known].last = number;
        errors->groups[*known].count++;
        return 0;
    }
    void *groups = errors->groups;
    if (!array_make_room(&groups, errors->count, &errors->room, sizeof *errors->groups))
        return -ENOMEM;
    errors->groups = groups;
    errors->groups[errors->count] = (struct group){
        .first = number, .last = number, .count = 1, .section = section_of(exception, fate), .fate = *fate};
    return id_map_put(&errors->by_key, 0, key, errors->count++) ? 0 : -ENOMEM;
}

/* Those that another one was raised for are told with that. */
static int
collect(struct errors *errors)
{
    const struct model *model = errors->printer.model;
    uint64_t work = WORK_MAX;
    struct child_lists lists;
    int ret = child_lists_build(&lists, model);
    if (ret < 0)
        return ret;
    for (uint32_t i = 0; i < model->exception_count && ret == 0; i++) {
        if (!is_told(&model->exceptions[i]))
            continue;
        struct fate fate = fate_of(model, &lists, i, &work);
        bool with_other = fate.kind == FATE_TURNED && fate.linked && fate.other > i
                          && is_told(&model->exceptions[fate.other]);
        if (!with_other)
            ret = add_group(errors, i, &fate);
    }
    child_lists_free(&lists);
    return ret;
}

/* --- a group ------------------------------------------------------------ */

static void
print_fate(struct errors *errors, size_t indent, const struct fate *fate)
{
    const struct model *model = errors->printer.model;
    struct text *text = &errors->printer.line;
    text_truncate(text, 0);
    switch (fate->kind) {
    case FATE_TOLD: way_print_call(&errors->printer, indent, "told to", fate->other, 0, LINE_RESULT); break;
    case FATE_HANDED: way_print_call(&errors->printer, indent, "handed to", fate->other, 0, LINE_RESULT); break;
    case FATE_SWALLOWED:
        if (fate->next != MODEL_NONE)
            way_print_call(&errors->printer, indent, "then", fate->next, 0, 0);
        break;
    case FATE_TURNED:
        if (fate->linked)
            break;
        text_string(text, "raised ");
        label_exception(text, model, &model->exceptions[fate->other], true, 80);
        way_print_sentence(&errors->printer, indent, "then");
        break;
    default: break;
    }
}

/* What it was raised for, and that for what. */
static void
print_causes(struct errors *errors, size_t indent, const struct exception *exception)
{
    const struct model *model = errors->printer.model;
    for (unsigned i = 0; i < CAUSES_SHOWN; i++) {
        bool split = exception->split_from != MODEL_NONE;
        bool handling = exception->cause_kind == FLOW_CAUSE_WHILE;
        uint32_t cause = split ? exception->split_from : exception->cause_exception;
        struct text *text = &errors->printer.line;
        text_truncate(text, 0);
        if (cause == MODEL_NONE && !exception->cause.length)
            return;
        if (cause == MODEL_NONE)
            text_name(text, exception->cause);
        else
            label_exception(text, model, &model->exceptions[cause], true, 120);
        way_print_words(&errors->printer, indent,
                        split      ? "split off"
                        : handling ? "handling"
                                   : "from",
                        STYLE_RED, &(struct text){0});
        if (cause == MODEL_NONE)
            return;
        indent += 3;
        exception = &model->exceptions[cause];
        way_print(&errors->printer, indent, exception);
    }
}

static void
print_group(struct errors *errors, const struct group *group)
{
    const struct model *model = errors->printer.model;
    const struct glyphs *glyphs = errors->printer.glyphs;
    struct text *text = &errors->printer.line;
    struct text right = {0};
    struct text last = {.ascii = text->ascii};
    text_truncate(text, 0);
    text_string(text, glyphs->cross + 2);
    size_t begin = text->length;
    label_exception(text, model, &model->exceptions[group->first], true, 120);
    if (group->count > 1) {
        text_string(&right, glyphs->times);
        label_count(&right, group->count);
        label_exception(&last, model, &model->exceptions[group->last], true, 120);
        struct slice first = {text->data + begin, text->length - begin};
        if (!slice_equals(text_content(&last), first)) {
            text_format(text, " %s ", glyphs->dots);
            text_slice(text, text_content(&last));
        }
    }
    way_print_words(&errors->printer, 0, "", STYLE_RED, &right);
    way_print(&errors->printer, 3, &model->exceptions[group->first]);
    print_fate(errors, 3, &group->fate);
    print_causes(errors, 3, &model->exceptions[group->first]);
    text_free(&right);
    text_free(&last);
}

/* --- sections ----------------------------------------------------------- */

static unsigned
count_lines(const struct text *text)
{
    unsigned lines = 0;
    for (size_t i = 0; i < text->length; i++)
        lines += text->data[i] == '\n';
    return lines;
}

static void
print_heading(struct errors *errors, enum section section)
{
    static const char *const headings[] = {
        "Not caught", "Swallowed: caught, and no recorded call tells that anything came of it", "Caught", "Cancelled"};
    size_t column = 0;
    struct slice heading = {headings[section], strlen(headings[section])};
    printer_put_wrapped(&errors->printer, STYLE_BOLD, heading, &column);
    text_string(errors->printer.out, "\n\n");
}

/* Those of one section that fit `room` lines, 0 for all. Returns the lines it took. */
static unsigned
print_section(struct errors *errors, enum section section, unsigned room)
{
    struct text *out = errors->printer.out;
    struct text piece = {0};
    unsigned used = 0;
    for (uint32_t i = 0; i < errors->count; i++) {
        const struct group *group = &errors->groups[i];
        if (group->section != section)
            continue;
        if (room && used + 3 > room) {
            errors->left_out[section] += group->count;
            continue;
        }
        text_truncate(&piece, 0);
        errors->printer.out = &piece;
        print_group(errors, group);
        errors->printer.out = out;
        unsigned lines = count_lines(&piece) + 1;
        if (room && used && used + lines + 2 > room) {
            errors->left_out[section] += group->count;
            continue;
        }
        if (!used) {
            print_heading(errors, section);
            used += 2;
        }
        text_slice(out, text_content(&piece));
        text_string(out, "\n");
        used += lines;
    }
    out->failed |= piece.failed;
    text_free(&piece);
    return used;
}

static void
print_sections(struct errors *errors, unsigned lines)
{
    unsigned sections = 0;
    for (uint32_t i = 0; i < errors->count; i++) {
        sections += !errors->any[errors->groups[i].section];
        errors->any[errors->groups[i].section] = true;
    }
    unsigned left = lines;
    for (enum section section = 0; section < SECTIONS; section++) {
        if (!errors->any[section])
            continue;
        /* What none asked for comes first and may take most. */
        unsigned room = !lines ? 0 : sections-- > 1 ? left * 2 / 3 + 1 : left + 1;
        unsigned used = print_section(errors, section, room);
        left = used < left ? left - used : 0;
    }
}

static bool
has_boundary(const struct model *model)
{
    for (uint32_t i = 0; i < model->reader->code_count; i++)
        if (model->reader->codes[i]->flags & FLOW_CODE_LIBRARY)
            return true;
    return false;
}

static void
print_foot(struct errors *errors)
{
    static const char *const names[] = {"not caught", "swallowed", "caught", "cancelled"};
    struct text *text = &errors->printer.line;
    text_truncate(text, 0);
    bool any = false;
    for (enum section section = 0; section < SECTIONS; section++) {
        if (!errors->left_out[section])
            continue;
        text_string(text, any ? ", " : "Not shown: ");
        label_count(text, errors->left_out[section]);
        text_format(text, " %s", names[section]);
        any = true;
    }
    text_string(text, any ? "; --lines N shows more, --all everything." : "");
    if (errors->any[SWALLOWED] && !has_boundary(errors->printer.model)) {
        text_string(text, any ? " " : "");
        text_string(text, "Library calls were not recorded: what went to print or logging is seen with "
                          "flowtrace run --boundary.");
    }
    printer_put_note(&errors->printer, text_content(text));
}

static void
print_all(struct errors *errors)
{
    const struct show_options *options = errors->printer.options;
    static const char none[] = "No exception was recorded. One that was raised and caught within one call leaves no "
                               "trace unless the program is run with flowtrace run --caught.";
    struct text *out = errors->printer.out;
    header_print(&errors->printer);
    if (!errors->count) {
        printer_put_note(&errors->printer, (struct slice){none, sizeof none - 1});
        return;
    }
    print_sections(errors, !options->lines ? 0 : options->lines > 10 ? options->lines - 4 : 6);
    print_foot(errors);
    if (out->length > 1 && out->data[out->length - 1] == '\n' && out->data[out->length - 2] == '\n')
        text_truncate(out, out->length - 1);
}

int
show_errors(struct text *out, const struct model *model, const struct show_options *options)
{
    struct errors errors = {0};
    if (model->call_count == 0 || model->process_count == 0) {
        header_print_nothing(out, model);
        return out->failed ? -ENOMEM : 0;
    }
    printer_open(&errors.printer, out, model, options);
    int ret = collect(&errors);
    if (ret == 0)
        print_all(&errors);
    printer_close(&errors.printer);
    free(errors.groups);
    id_map_free(&errors.by_key);
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}
