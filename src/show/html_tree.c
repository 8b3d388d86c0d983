/* html_tree.c - the lines of a story as elements that open. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/value_text.h"
#include "html_sources.h"
#include "html_writer.h"

/* Of a line's words, if its values can be made so short; longer ones are broken. A page has sources beside it. */
#define LINE_COLUMNS 92
#define LINE_COLUMNS_BESIDE 72
#define LINE_COLUMNS_MIN 48
#define VALUE_COLUMNS_MAX 32768 /* of one that is told in full */
#define VALUES_BYTES_MAX ((size_t)16 << 20)
#define MEMBERS_SHOWN 10   /* of a folded line */

static void
put(struct html *html, const char *markup)
{
    text_string(html->out, markup);
}

void
html_open(struct html *html, struct text *out, const struct model *model, const struct html_options *options)
{
    *html = (struct html){.out = out, .given = options};
    html->options = (struct show_options){.lines = options->lines,
                                          .width = HTML_COLUMNS,
                                          .wide = true,
                                          .color = true,
                                          .arguments = options->arguments,
                                          .results = options->results,
                                          .exceptions = options->exceptions,
                                          .sources = options->sources,
                                          .hints = options->hints};
    html->options.time = options->time && model->reader->header->clock != FLOW_CLOCK_NONE;
    printer_open(&html->printer, &html->told, model, &html->options);
}

void
html_close(struct html *html)
{
    printer_close(&html->printer);
    html->out->failed |= html->told.failed;
    text_free(&html->told);
}

void
html_put_told(struct html *html, const char *name)
{
    if (html->told.length) {
        text_format(html->out, "<div class=\"%s\">", name);
        html_styled(html->out, text_content(&html->told));
        put(html, "</div>\n");
    }
    text_truncate(&html->told, 0);
}

/* The browser breaks its lines. */
static void
put_unbroken(struct html *html, void (*print)(struct printer *printer), const char *name)
{
    html->options.width = HTML_UNBROKEN;
    print(&html->printer);
    html->options.width = HTML_COLUMNS;
    html_put_told(html, name);
}

void
html_put_header(struct html *html)
{
    put_unbroken(html, header_print, "h");
}

void
html_put_foot(struct html *html)
{
    put_unbroken(html, header_print_foot, "f");
}

/* --- what a line holds -------------------------------------------------- */

/* A damaged trace may have one long value in all its calls. */
static void
put_full_value(struct html *html, struct slice label, struct value *value)
{
    struct text text = {0};
    struct value_limits limits = {.width = html->value_bytes < VALUES_BYTES_MAX ? VALUE_COLUMNS_MAX : 1};
    value_text(&text, html->printer.model->reader, value, &limits);
    html->value_bytes += text.length;
    put(html, "<div class=\"v\"><span class=\"d\">");
    html_escape(html->out, label);
    put(html, " = </span>");
    html_escape(html->out, text_content(&text));
    put(html, "</div>\n");
    html->out->failed |= text.failed;
    text_free(&text);
}

static void
put_full_values(struct html *html, uint32_t number)
{
    const struct model *model = html->printer.model;
    const struct call *call = &model->calls[number];
    struct value value = call_arguments(model, call);
    for (uint32_t i = 0; html->options.arguments && value.data && i < call->code->parameter_count; i++) {
        const uint8_t *before = value.data;
        struct text name = {0};
        text_name(&name, call->code->parameters[i].name);
        put_full_value(html, text_content(&name), &value);
        text_free(&name);
        if (value.data == before)
            return;
    }
    value = call_result(model, call);
    if (html->options.results && value.data && call->outcome == OUTCOME_RETURNED)
        put_full_value(html, (struct slice){"result", 6}, &value);
}

size_t
html_room(const struct html *html, const struct story_line *line)
{
    size_t room = html->sources ? LINE_COLUMNS_BESIDE : LINE_COLUMNS;
    size_t indent = 2 * (size_t)line->depth;
    return indent + LINE_COLUMNS_MIN < room ? room - indent : LINE_COLUMNS_MIN;
}

/* Is there more of its values than stands on the line, which is in html->told? Then dots stand in for it; those before a
 * space are of words. */
static bool
is_cut(const struct html *html, const struct story_line *line)
{
    static const char dots[] = "…";
    struct slice text = text_content(&html->told);
    size_t length = sizeof dots - 1;
    for (size_t i = 0; line->count == 1 && i + length <= text.length; i++)
        if (memcmp(text.data + i, dots, length) == 0 && (i + length == text.length || text.data[i + length] != ' '))
            return true;
    return false;
}

/* Where the source of a call begins. */
static void
put_place(struct html *html, uint32_t number)
{
    const struct code *code = html->printer.model->calls[number].code;
    if (code->flags & FLOW_CODE_LIBRARY || !code->file.length)
        return;
    put(html, "  ");
    html_sources_link(html->sources, html->out, code->file, code->first_line);
}

void
html_put_words(struct html *html, struct text *right, uint32_t call)
{
    bool placed = html->sources && call != MODEL_NONE;
    put(html, "<span class=\"w\">");
    html_styled(html->out, text_content(&html->told));
    put(html, "</span>");
    if (right->length || placed)
        put(html, " <span class=\"t\">");
    html_escape(html->out, text_content(right));
    if (placed)
        put_place(html, call);
    if (right->length || placed)
        put(html, "</span>");
    text_truncate(&html->told, 0);
}

/* On a page a line goes by the number of its first call. */
static void
put_start(struct html *html, const char *element, const struct story_line *line, bool open)
{
    text_format(html->out, "<%s", element);
    if (html->sources && line->count)
        text_format(html->out, " id=\"c%u\"", model_call_number(html->printer.model, line->calls[0]));
    put(html, open ? " open>" : ">");
}

/* Of a folded line a few calls one by one. */
static void
put_members(struct html *html, const struct story_line *line)
{
    struct text text = {0};
    label_counted(&text, line->count, " call", " calls");
    text_format(html->out, "<details class=\"x\"><summary>each of the %.*s</summary>\n", (int)text.length,
                text.data ? text.data : "");
    for (uint32_t i = 0; i < line->count && i < MEMBERS_SHOWN; i++) {
        struct story_line one = {.calls = &line->calls[i], .count = 1, .opened = true, .depth = line->depth + 2};
        text_truncate(&text, 0);
        fields_put(&text, &html->printer, &one);
        text_format(&text, "%s#%u", text.length ? "  " : "", model_call_number(html->printer.model, line->calls[i]));
        line_put(&html->printer, &one, html_room(html, &one));
        put(html, "<div class=\"l\">");
        html_put_words(html, &text, MODEL_NONE);
        put(html, "</div>\n");
    }
    if (line->count > MEMBERS_SHOWN) {
        put(html, "<div class=\"n\">… ");
        label_counted(html->out, line->count - MEMBERS_SHOWN, " more", " more");
        put(html, "</div>\n");
    }
    put(html, "</details>\n");
    text_free(&text);
}

/* --- lines -------------------------------------------------------------- */

static bool
is_open(const struct html *html, const struct story_line *line)
{
    if (line->chain || !line->opened)
        return line->chain;
    uint32_t children = 0;
    for (uint32_t i = line->first_child; i != MODEL_NONE; i = html->printer.story->lines[i].next_sibling)
        children++;
    /* What has many lines in it is open all the same where hardly anything would be in sight. */
    uint32_t before = line->rank > children ? line->rank - children : 0;
    return line->rank <= html->given->opened || before <= html->given->opened / 4;
}

static void
put_exceptions(struct html *html, const struct story_line *line)
{
    text_truncate(&html->told, 0);
    if (html->options.exceptions)
        tree_print_exceptions(&html->printer, line, "");
}

/* Where it was raised and caught. */
static void
put_exception_places(struct html *html, uint32_t number)
{
    const struct model *model = html->printer.model;
    uint32_t index = call_exception(model, &model->calls[number]);
    if (!html->sources || index == MODEL_NONE)
        return;
    const struct exception *exception = &model->exceptions[index];
    const struct code *catcher = exception->caught_by != MODEL_NONE ? model->calls[exception->caught_by].code : NULL;
    put(html, "<div class=\"j\">");
    if (exception->line && exception->file.length)
        html_sources_link(html->sources, html->out, exception->file, exception->line);
    if (catcher && exception->caught_line && !(catcher->flags & FLOW_CODE_LIBRARY)) {
        put(html, " → ");
        html_sources_link(html->sources, html->out, catcher->file, exception->caught_line);
    }
    put(html, "</div>\n");
}

static bool
has_exceptions(struct html *html, const struct story_line *line)
{
    put_exceptions(html, line);
    return html->told.length > 0;
}

/* Opens a <details> that its children go to, and returns true; or writes all there is. */
static bool
put_line(struct html *html, const struct story_line *line, bool nested)
{
    struct text right = {0};
    bool way = has_exceptions(html, line);
    text_truncate(&html->told, 0);
    line_put(&html->printer, line, html_room(html, line));
    fields_put(&right, &html->printer, line);
    bool cut = is_cut(html, line);
    bool parent = line->first_child != MODEL_NONE && nested;
    bool details = parent || way || cut || line->count > 1;
    put_start(html, details ? "details" : "div class=\"l\"", line, details && (way || (parent && is_open(html, line))));
    put(html, details ? "<summary>" : "");
    html_put_words(html, &right, line->calls[0]);
    put(html, details ? "</summary>\n" : "</div>\n");
    text_free(&right);
    if (way) {
        put_exceptions(html, line);
        html_put_told(html, "j");
        put_exception_places(html, line->calls[0]);
    }
    if (cut && (parent || way)) {
        put(html, "<details class=\"x\"><summary>values in full</summary>\n");
        put_full_values(html, line->calls[0]);
        put(html, "</details>\n");
    }
    else if (cut) {
        put_full_values(html, line->calls[0]);
    }
    if (line->count > 1)
        put_members(html, line);
    if (details && !parent)
        put(html, "</details>\n");
    return parent;
}

static bool
put_chain(struct html *html, const struct story_line *line, bool nested)
{
    struct text none = {0};
    struct text words = {0};
    tree_put_chain(&words, &html->printer, line);
    printer_put(&html->printer, STYLE_DIM, words.data, words.length);
    text_free(&words);
    put(html, nested ? "<details open><summary>" : "<div class=\"l\">");
    html_put_words(html, &none, MODEL_NONE);
    put(html, nested ? "</summary>\n" : "</div>\n");
    return nested;
}

static void
put_skipped(struct html *html, const struct story_line *line)
{
    struct text words = {0};
    tree_put_skipped(&words, &html->printer, line);
    put(html, "<div class=\"n\">");
    html_escape(html->out, text_content(&words));
    if (html->options.time) {
        put(html, " <span class=\"t\">");
        show_duration(html->out, line->skipped_ns, false);
        put(html, "</span>");
    }
    put(html, "</div>\n");
    text_free(&words);
}

static void
put_run(struct html *html, const struct story_line *line)
{
    uint32_t run = line->chain ? 0 : model_run_of(html->printer.model, line->calls[0]);
    if (!run || run == html->printer.run)
        return;
    html->printer.run = run;
    header_print_run(&html->printer, run);
    html_put_told(html, "h");
}

/* Depth first, without recursion. `within`: by line, whether a <details> is open for what is in it. */
static void
put_lines(struct html *html, bool *within)
{
    const struct story *story = html->printer.story;
    uint32_t number = story->first_root;
    while (number != MODEL_NONE && !html->out->failed) {
        const struct story_line *line = &story->lines[number];
        if (line->parent == MODEL_NONE)
            put_run(html, line);
        within[number] = (line->chain ? put_chain : put_line)(html, line, line->depth + html->nested < HTML_NESTED_MAX);
        if (line->first_child != MODEL_NONE) {
            number = line->first_child;
            continue;
        }
        for (;;) {
            line = &story->lines[number];
            put(html, within[number] ? "</details>\n" : "");
            if (line->skipped)
                put_skipped(html, line);
            number = line->next_sibling != MODEL_NONE ? line->next_sibling : line->parent;
            if (line->next_sibling != MODEL_NONE || number == MODEL_NONE)
                break;
        }
    }
}

int
html_put_lines(struct html *html)
{
    bool *within = calloc((size_t)html->printer.story->line_count + 1, sizeof *within);
    if (!within)
        return -ENOMEM;
    put_lines(html, within);
    free(within);
    return html->out->failed ? -ENOMEM : 0;
}

/* --- fragments ---------------------------------------------------------- */

void
html_begin_fragment(struct text *out)
{
    text_format(out, "<style>%s</style>\n<div class=\"flowtrace\">\n", html_style);
}

int
html_end_fragment(struct text *out, int ret)
{
    text_string(out, "</div>\n");
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}

void
html_note(struct text *out, const struct text *sentences)
{
    html_begin_fragment(out);
    text_string(out, "<div class=\"n\">");
    html_escape(out, text_content(sentences));
    text_string(out, "</div>\n");
    html_end_fragment(out, 0);
}

static int
put_nothing(struct text *out, const struct model *model, const struct html_options *options)
{
    struct text words = {0};
    header_print_nothing_as(&words, model, options->hints ? options->hints : show_hints(NULL));
    html_note(out, &words);
    text_free(&words);
    return out->failed ? -ENOMEM : 0;
}

/* The story of the outline's roots between a head and a foot, if they are wanted. */
static int
put_story(struct html *html, struct outline *outline, bool whole)
{
    struct story story;
    int ret = story_build(&story, outline, html->options.lines);
    if (ret < 0)
        return ret;
    html->printer.outline = outline;
    html->printer.story = &story;
    if (whole)
        html_put_header(html);
    html_put_told(html, "h");
    ret = html_put_lines(html);
    html_put_foot(html);
    story_free(&story);
    return ret;
}

int
html_story(struct text *out, const struct model *model, const struct html_options *options)
{
    struct outline outline;
    struct html html;
    if (model->call_count == 0 || model->process_count == 0)
        return put_nothing(out, model, options);
    int ret = outline_build(&outline, model, options->lines > 0);
    if (ret < 0)
        return ret;
    html_begin_fragment(out);
    html_open(&html, out, model, options);
    ret = put_story(&html, &outline, true);
    html_close(&html);
    outline_free(&outline);
    return html_end_fragment(out, ret);
}

int
html_call(struct text *out, const struct model *model, uint32_t call, const struct html_options *options)
{
    struct outline outline;
    struct html html;
    if (call >= model->call_count || model->process_count == 0)
        return put_nothing(out, model, options);
    int ret = outline_build(&outline, model, false);
    if (ret < 0)
        return ret;
    outline.first_root = call;
    outline.next_sibling[call] = MODEL_NONE;
    html_begin_fragment(out);
    html_open(&html, out, model, options);
    text_format(&html.told, "#%u of ", model_call_number(model, call));
    text_clean(&html.told, process_info(&model->processes[0], "program"));
    ret = put_story(&html, &outline, false);
    html_close(&html);
    outline_free(&outline);
    return html_end_fragment(out, ret);
}
