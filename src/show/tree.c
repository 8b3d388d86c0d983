/* tree.c - the story as a tree of lines. */
#include <errno.h>
#include <string.h>

#include "printer.h"

#define CHAIN_BYTES 2000 /* of names, more than fit a line */

/* The bars before a line, from its ancestors. */
static void
make_prefix(struct printer *printer, uint32_t number)
{
    const struct story *story = printer->story;
    uint32_t parents[512];
    uint32_t depth = 0;
    for (uint32_t p = story->lines[number].parent; p != MODEL_NONE && depth < 512; p = story->lines[p].parent)
        parents[depth++] = p;
    text_truncate(&printer->prefix, 0);
    size_t most = printer->options->width / 2;
    size_t columns = 0; /* what will be cut need not be put together: a tree may be very deep */
    while (depth-- > 0 && columns <= most) {
        const struct story_line *ancestor = &story->lines[parents[depth]];
        if (ancestor->parent == MODEL_NONE)
            continue;
        bool more = ancestor->next_sibling != MODEL_NONE || ancestor->skipped;
        const char *glyph = more ? printer->glyphs->bar : printer->glyphs->gap;
        text_string(&printer->prefix, glyph);
        columns += text_columns(glyph, strlen(glyph));
    }
    /* A tree deeper than the page is wide still needs room for its words. */
    if (columns > most && most > 8) {
        text_truncate(&printer->prefix, text_fit(printer->prefix.data, printer->prefix.length, most - 8));
        text_format(&printer->prefix, "%s %u ", printer->glyphs->dots, story->lines[number].depth);
    }
}

/* What stands in printer->line, cut if it must be. */
static void
print_note(struct printer *printer)
{
    struct text *text = &printer->line;
    const char *dots = printer->glyphs->dots;
    size_t before = printer_columns(&printer->prefix);
    size_t room = printer->options->width > before ? printer->options->width - before : 0;
    size_t mark = text_columns(dots, strlen(dots));
    if (printer_columns(text) > room && !printer->options->wide) {
        text_truncate(text, text_fit(text->data, text->length, room > mark ? room - mark : 0));
        text_string(text, dots);
    }
    printer_put(printer, STYLE_DIM, printer->prefix.data, printer->prefix.length);
    printer_put(printer, STYLE_DIM, text->data, text->length);
    text_string(printer->out, "\n");
}

/* Where there is room. */
static void
put_right(struct printer *printer, uint64_t ns)
{
    struct text right = {0};
    show_duration(&right, ns, printer->options->ascii);
    size_t used = printer_columns(&printer->prefix) + printer_columns(&printer->line) + printer_columns(&right);
    if (used + 2 <= printer->options->width) {
        for (; used < printer->options->width; used++)
            text_string(&printer->line, " ");
        text_slice(&printer->line, text_content(&right));
    }
    text_free(&right);
}

void
tree_put_skipped(struct text *out, const struct printer *printer, const struct story_line *line)
{
    text_format(out, "%s ", printer->glyphs->dots);
    label_counted(out, line->skipped, " more line here, ", " more lines here, ");
    label_counted(out, line->skipped_calls, " call of ", " calls of ");
    label_counted(out, line->skipped_functions, " function", " functions");
}

static void
print_skipped(struct printer *printer, const struct story_line *line)
{
    struct text *text = &printer->line;
    text_truncate(text, 0);
    if (line->parent != MODEL_NONE)
        text_string(text, line->next_sibling != MODEL_NONE ? printer->glyphs->branch : printer->glyphs->last);
    tree_put_skipped(text, printer, line);
    if (printer->options->time)
        put_right(printer, line->skipped_ns);
    print_note(printer);
}

/* ": route, dispatch, handle" */
static void
put_chain(struct text *text, const struct printer *printer, const struct story_line *line)
{
    const struct outline *outline = printer->outline;
    uint32_t call = printer->story->lines[line->parent].calls[0];
    for (uint32_t i = 0; i < line->chain && text->length < CHAIN_BYTES; i++) {
        call = outline->first_child[call];
        text_string(text, i ? ", " : ": ");
        label_function(text, printer->model->calls[call].code);
    }
}

void
tree_put_chain(struct text *out, const struct printer *printer, const struct story_line *line)
{
    text_format(out, "%s ", printer->glyphs->dots);
    label_count(out, line->chain);
    text_string(out, " calls, one within the other");
    if (printer->outline->chains)
        put_chain(out, printer, line);
}

static void
print_chain(struct printer *printer, const struct story_line *line)
{
    struct text *text = &printer->line;
    text_truncate(text, 0);
    text_string(text, printer->glyphs->last);
    tree_put_chain(text, printer, line);
    print_note(printer);
}

/* Roots stand run by run: a heading before the first of each. */
static void
print_run(struct printer *printer, uint32_t run)
{
    if (run == printer->run || !run)
        return;
    if (printer->run)
        text_string(printer->out, "\n");
    printer->run = run;
    header_print_run(printer, run);
}

void
tree_print_exceptions(struct printer *printer, const struct story_line *line, const char *indent)
{
    const struct model *model = printer->model;
    uint32_t number = line->calls[0];
    uint32_t index = call_exception(model, &model->calls[number]);
    const struct exception *exception = index != MODEL_NONE ? &model->exceptions[index] : NULL;
    struct leg leg;
    journey_print_caught(printer, number, indent);
    if (exception && !exception->benign && exception_leg_at(model, exception, number, &leg))
        journey_print(printer, exception, &leg, indent);
    else if (call_kept_cancellation(model, number))
        journey_print_swallowed(printer, &model->exceptions[call_cancelled(model, &model->calls[number])], indent);
}

static void
print_story_line(struct printer *printer, uint32_t number)
{
    const struct story_line *line = &printer->story->lines[number];
    const struct glyphs *glyphs = printer->glyphs;
    bool last = line->next_sibling == MODEL_NONE && !line->skipped;
    bool root = line->parent == MODEL_NONE;
    if (root && printer->model->run_count)
        print_run(printer, model_run_of(printer->model, line->calls[0]));
    make_prefix(printer, number);
    if (line->chain) {
        print_chain(printer, line);
        return;
    }
    line_print(printer, line, root ? "" : last ? glyphs->last : glyphs->branch);
    if (!printer->options->exceptions)
        return;
    struct text indent = {0};
    text_string(&indent, root ? "" : last ? glyphs->gap : glyphs->bar);
    text_string(&indent, line->first_child != MODEL_NONE ? glyphs->bar : glyphs->gap);
    text_bytes(&indent, "", 1);
    tree_print_exceptions(printer, line, indent.data ? indent.data : "");
    text_free(&indent);
}

/* Depth first, without recursion; the note on skipped siblings comes behind a line's own subtree. */
void
tree_print_lines(struct printer *printer)
{
    const struct story *story = printer->story;
    uint32_t line = story->first_root;
    while (line != MODEL_NONE) {
        print_story_line(printer, line);
        if (story->lines[line].first_child != MODEL_NONE) {
            line = story->lines[line].first_child;
            continue;
        }
        for (;;) {
            const struct story_line *done = &story->lines[line];
            if (done->skipped) {
                make_prefix(printer, line);
                print_skipped(printer, done);
            }
            if (done->next_sibling != MODEL_NONE) {
                line = done->next_sibling;
                break;
            }
            line = done->parent;
            if (line == MODEL_NONE)
                return;
        }
    }
}

int
show_tree(struct text *out, const struct model *model, const struct show_options *given)
{
    struct show_options used = *given;
    const struct show_options *options = &used;
    used.time &= model->reader->header->clock != FLOW_CLOCK_NONE;
    if (model->call_count == 0 || model->process_count == 0) {
        header_print_nothing(out, model);
        return out->failed ? -ENOMEM : 0;
    }
    struct outline outline;
    struct story story;
    bool hide = options->lines > 0;
    int ret = options->by_task ? outline_build_by_task(&outline, model, hide) : outline_build(&outline, model, hide);
    if (ret < 0)
        return ret;
    outline.chains = options->chains;
    /* The header and the footer take two lines each, */
    uint32_t around = 4 + (model->run_count < 10 ? 2 * model->run_count : 20); /* each run has a heading */
    uint32_t budget = options->lines > around + 6 ? options->lines - around : 6;
    ret = story_build(&story, &outline, options->lines ? budget : 0);
    if (ret == 0) {
        struct printer printer;
        printer_open(&printer, out, model, options);
        printer.outline = &outline;
        printer.story = &story;
        bool live = options->live_to_ns > 0;
        if (live)
            header_print_while(&printer);
        else
            header_print(&printer);
        fields_print_names(&printer);
        tree_print_lines(&printer);
        if (!live)
            header_print_foot(&printer);
        printer_close(&printer);
        story_free(&story);
    }
    outline_free(&outline);
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}

int
show_tasks(struct text *out, const struct model *model, const struct show_options *given)
{
    struct show_options options = *given;
    options.by_task = true;
    return show_tree(out, model, &options);
}
