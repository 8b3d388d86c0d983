/* graph.c - who calls whom, as a tree of functions. */
#include "graph_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/graph.h"
#include "printer.h"

enum { PREFIX_MAX = 512, SECTIONS_MAX = 8 };

struct painter {
    struct printer printer;
    const struct graph *graph;
    const struct graph_tree *tree;
    const struct graph_node *asked; /* the function that was asked for */
    bool time;
};

/* --- a line ------------------------------------------------------------- */

static void
make_prefix(struct painter *painter, uint32_t number)
{
    const struct graph_tree *tree = painter->tree;
    struct printer *printer = &painter->printer;
    uint32_t above[PREFIX_MAX];
    uint32_t depth = 0;
    for (uint32_t p = tree->lines[number].parent; p != MODEL_NONE && depth < PREFIX_MAX; p = tree->lines[p].parent)
        above[depth++] = p;
    text_truncate(&printer->prefix, 0);
    while (depth-- > 0) {
        const struct graph_line *line = &tree->lines[above[depth]];
        const struct graph_line *parent = line->parent == MODEL_NONE ? NULL : &tree->lines[line->parent];
        if (!parent)
            continue;
        bool more = line->next_sibling != MODEL_NONE || parent->skipped;
        text_string(&printer->prefix, more ? printer->glyphs->bar : printer->glyphs->gap);
    }
    size_t most = printer->options->width / 2;
    if (printer_columns(&printer->prefix) > most && most > 8) {
        text_truncate(&printer->prefix, text_fit(printer->prefix.data, printer->prefix.length, most - 8));
        text_format(&printer->prefix, "%s %u ", printer->glyphs->dots, tree->lines[number].depth);
    }
}

static void
put_link(struct text *out, const struct painter *painter, uint8_t link)
{
    static const char *const kinds[] = {"", "task", "thread", "job", "process", "callback", "greenlet", "interpreter"};
    const struct glyphs *glyphs = painter->printer.glyphs;
    if (!link || link >= sizeof kinds / sizeof *kinds)
        return;
    bool light = link == FLOW_SPAWN_TASK || link == FLOW_SPAWN_CALLBACK;
    text_format(out, "%s%s%s ", light ? glyphs->task : glyphs->thread, kinds[link],
                painter->tree->callers ? " of" : ":");
}

static void
put_function(struct text *out, const struct painter *painter, uint32_t function)
{
    if (function == MODEL_NONE)
        text_string(out, "(nobody that was recorded)");
    else
        label_function(out, painter->graph->functions.codes[function]);
}

static void
put_state(struct text *out, const struct painter *painter, const struct graph_line *line)
{
    const struct glyphs *glyphs = painter->printer.glyphs;
    bool callers = painter->tree->callers;
    switch (line->state) {
    case GRAPH_CYCLE: text_format(out, " %s", glyphs->again); break;
    case GRAPH_BEFORE: text_string(out, "  as above"); break;
    case GRAPH_AFTER: text_string(out, "  as below"); break;
    case GRAPH_CLOSED:
        text_format(out, "  %s ", glyphs->dots);
        label_count(out, line->skipped);
        text_string(out, callers ? label_plural(line->skipped, " caller", " callers")
                                 : label_plural(line->skipped, " function", " functions"));
        break;
    default: break;
    }
}

/* Of the function that was asked for: where it stands, and what follows. */
static void
put_heading(struct text *out, const struct painter *painter, const struct graph_line *line)
{
    const struct code *code = painter->graph->functions.codes[line->function];
    if (code->file.length && !(code->flags & FLOW_CODE_MODULE)) {
        text_string(out, "  ");
        text_name(out, label_file(code->file));
        text_format(out, ":%u", code->first_line);
    }
    bool leaf = line->state == GRAPH_LEAF;
    if (painter->tree->callers)
        text_string(out, leaf ? "  called by nobody that was recorded" : "  called by");
    else
        text_string(out, leaf ? "  calls nothing that was recorded" : "  calls");
}

/* "×11  12.3 ms + 1.20 s wait" */
static void
put_numbers(struct text *out, const struct painter *painter, const struct graph_node *of)
{
    const struct printer *printer = &painter->printer;
    uint64_t calls = of->calls;
    if (calls > 1) {
        text_string(out, printer->glyphs->times);
        label_count(out, calls);
    }
    if (!painter->time)
        return;
    text_string(out, calls > 1 ? "  " : "");
    show_duration(out, of->total_ns, printer->options->ascii);
    if (!of->suspends)
        return;
    text_string(out, " + ");
    show_duration(out, of->waits_ns, printer->options->ascii);
    text_string(out, " wait");
}

static void
cut(struct text *text, size_t room, const char *dots)
{
    size_t mark = text_columns(dots, strlen(dots));
    if (text_columns(text->data, text->length) <= room)
        return;
    text_truncate(text, text_fit(text->data, text->length, room > mark ? room - mark : room));
    text_string(text, room > mark ? dots : "");
}

/* What stands in printer->line behind the prefix, the name from `name` to `end`, and the numbers at the right. */
static void
print_line(struct printer *printer, size_t name, size_t end, const struct text *right)
{
    struct text *line = &printer->line;
    size_t width = printer->options->width;
    size_t before = printer_columns(&printer->prefix);
    size_t after = right && right->length ? printer_columns(right) : 0;
    if (before + after + 12 > width) /* narrow: words before numbers */
        after = 0;
    size_t room = width > before + (after ? after + 2 : 0) ? width - before - (after ? after + 2 : 0) : 1;
    cut(line, room, printer->glyphs->dots);
    end = end < line->length ? end : line->length;
    name = name < end ? name : end;
    printer_put(printer, STYLE_DIM, printer->prefix.data, printer->prefix.length);
    printer_put(printer, STYLE_DIM, line->data, name);
    printer_put(printer, STYLE_BOLD, line->data + name, end - name);
    printer_put(printer, STYLE_DIM, line->data + end, line->length - end);
    if (after) {
        for (size_t used = before + printer_columns(line); used + after < width; used++)
            text_string(printer->out, " ");
        printer_put(printer, STYLE_DIM, right->data, right->length);
    }
    text_string(printer->out, "\n");
}

static void
print_graph_line(struct painter *painter, uint32_t number)
{
    struct printer *printer = &painter->printer;
    const struct graph_tree *tree = painter->tree;
    const struct graph_line *line = &tree->lines[number];
    struct text *text = &printer->line;
    bool last = line->next_sibling == MODEL_NONE && (line->parent == MODEL_NONE || !tree->lines[line->parent].skipped);
    make_prefix(painter, number);
    text_truncate(text, 0);
    text_string(text, line->parent == MODEL_NONE ? "" : last ? printer->glyphs->last : printer->glyphs->branch);
    const struct graph_edge *edge = line->edge == MODEL_NONE ? NULL : &painter->graph->edges[line->edge];
    put_link(text, painter, edge ? edge->link : 0);
    size_t name = text->length;
    put_function(text, painter, line->function);
    size_t end = text->length;
    if (!edge)
        put_heading(text, painter, line);
    put_state(text, painter, line);
    text_truncate(&printer->scratch, 0);
    put_numbers(&printer->scratch, painter, edge ? &edge->calls : painter->asked);
    print_line(printer, name, end, &printer->scratch);
}

/* Behind the last child that is shown. */
static void
print_skipped(struct painter *painter, uint32_t number)
{
    struct printer *printer = &painter->printer;
    const struct graph_line *parent = &painter->tree->lines[painter->tree->lines[number].parent];
    struct text *text = &printer->line;
    make_prefix(painter, number);
    text_truncate(text, 0);
    text_format(text, "%s%s ", printer->glyphs->last, printer->glyphs->dots);
    label_counted(text, parent->skipped, " more function, ", " more functions, ");
    label_counted(text, parent->skipped_calls, " call", " calls");
    print_line(printer, text->length, text->length, NULL);
}

/* Depth first, without recursion. */
static void
print_tree(struct painter *painter, const struct graph_tree *tree)
{
    painter->tree = tree;
    uint32_t line = tree->first;
    while (line != MODEL_NONE) {
        print_graph_line(painter, line);
        if (tree->lines[line].first_child != MODEL_NONE) {
            line = tree->lines[line].first_child;
            continue;
        }
        while (line != MODEL_NONE && tree->lines[line].next_sibling == MODEL_NONE) {
            uint32_t parent = tree->lines[line].parent;
            if (parent != MODEL_NONE && tree->lines[parent].skipped)
                print_skipped(painter, line);
            line = parent;
        }
        line = line == MODEL_NONE ? MODEL_NONE : tree->lines[line].next_sibling;
    }
}

/* --- head and foot ------------------------------------------------------ */

static uint32_t
count_functions(const struct graph *graph)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->functions.count; i++)
        count += graph->nodes[i].calls > 0;
    return count;
}

static void
print_head(struct painter *painter, const struct graph *graph)
{
    struct printer *printer = &painter->printer;
    const struct model *model = printer->model;
    struct text *line = &printer->line;
    text_truncate(line, 0);
    text_name(line, process_info(&model->processes[0], "program"));
    size_t name = line->length;
    if (name)
        text_format(line, " %s ", printer->glyphs->dot);
    if (model->whole_count) {
        label_count(line, graph->calls);
        text_string(line, " of ");
    }
    label_counted(line, model->whole_count ? model->whole_count : graph->calls, " call", " calls");
    text_string(line, model->whole_count ? ", of " : " of ");
    label_counted(line, count_functions(graph), " function", " functions");
    if (painter->time) {
        text_format(line, " %s ", printer->glyphs->dot);
        show_duration(line, model->duration_ns, printer->options->ascii);
    }
    printer_put_head(printer, name);
}

static void
print_foot(struct painter *painter, uint64_t skipped, uint32_t others)
{
    struct printer *printer = &painter->printer;
    struct text *line = &printer->line;
    text_truncate(line, 0);
    if (others) {
        text_string(line, "That name has ");
        label_counted(line, others, " more function", " more functions");
        text_string(line, ": say which, as in module.Class.name.");
    }
    if (skipped) {
        text_string(line, line->length ? " Not shown: " : "Not shown: ");
        label_counted(line, skipped, " line", " lines");
        text_string(line, "; --lines N and --depth N show more, --all everything.");
    }
    header_put_missing(line, printer->model);
    if (!line->length)
        return;
    text_string(printer->out, "\n");
    printer_put_note(printer, text_content(line));
}

/* --- all of it, or one function ----------------------------------------- */

static int
print_whole(struct painter *painter, const struct graph *graph, const struct graph_options *options, uint32_t budget)
{
    struct printer *printer = &painter->printer;
    struct graph_tree tree;
    int ret = graph_tree_build(&tree, graph, MODEL_NONE, false, budget, options->depth);
    if (ret < 0)
        return ret;
    painter->graph = graph;
    print_head(painter, graph);
    print_tree(painter, &tree);
    if (tree.skipped_roots) {
        text_truncate(&printer->line, 0);
        text_truncate(&printer->prefix, 0);
        text_format(&printer->line, "%s ", printer->glyphs->dots);
        label_counted(&printer->line, tree.skipped_roots, " more function", " more functions");
        text_string(&printer->line, " that nobody called");
        print_line(printer, printer->line.length, printer->line.length, NULL);
    }
    print_foot(painter, tree.skipped, 0);
    graph_tree_free(&tree);
    return 0;
}

/* The way to a function, or on from it. Adds to `skipped`; `used` counts lines. */
static int
print_part(struct painter *painter, const struct graph_options *options, uint32_t function, const bool *wanted,
           bool callers, uint32_t budget, uint64_t *skipped, uint32_t *used)
{
    struct graph graph;
    struct graph_tree tree;
    const struct model *model = painter->printer.model;
    int ret = graph_build(&graph, model, callers ? GRAPH_ABOVE : GRAPH_BELOW, wanted);
    if (ret < 0)
        return ret;
    ret = graph_tree_build(&tree, &graph, function, callers, budget, options->depth);
    if (ret == 0) {
        painter->graph = &graph;
        print_tree(painter, &tree);
        *skipped += tree.skipped;
        *used += tree.count;
        graph_tree_free(&tree);
    }
    graph_free(&graph);
    return ret;
}

static int
print_function(struct painter *painter, const struct graph_options *options, const struct functions *functions,
               uint32_t function, uint32_t budget, uint64_t *skipped)
{
    const struct reader *reader = painter->printer.model->reader;
    bool *wanted = calloc((size_t)reader->code_count + 1, sizeof *wanted);
    uint32_t used = 0;
    int ret = wanted ? 0 : -ENOMEM;
    for (uint32_t i = 0; ret == 0 && i < reader->code_count; i++)
        wanted[i] = functions->of_code[i] == function;
    if (ret == 0)
        ret = print_part(painter, options, function, wanted, true, budget ? budget / 2 + 1 : 0, skipped, &used);
    text_string(painter->printer.out, "\n");
    uint32_t left = budget > used + 2 ? budget - used : 2;
    if (ret == 0)
        ret = print_part(painter, options, function, wanted, false, budget ? left : 0, skipped, &used);
    free(wanted);
    return ret;
}

/* The functions that were asked for and were called: the first, and how many. */
static uint32_t
asked_for(const struct graph *graph, const bool *wanted, uint32_t out[SECTIONS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < graph->functions.count; i++) {
        bool is_wanted = graph->nodes[i].calls > 0 && wanted[graph->functions.codes[i]->index];
        if (is_wanted && count < SECTIONS_MAX)
            out[count] = i;
        count += is_wanted;
    }
    return count;
}

static int
print_functions(struct painter *painter, const struct graph *graph, const struct graph_options *options,
                uint32_t budget)
{
    uint32_t functions[SECTIONS_MAX];
    uint32_t count = asked_for(graph, options->wanted, functions);
    uint32_t shown = count < SECTIONS_MAX ? count : SECTIONS_MAX;
    uint64_t skipped = 0;
    int ret = 0;
    print_head(painter, graph);
    if (!count)
        text_string(painter->printer.out, "No call of it is left.\n");
    for (uint32_t i = 0; ret == 0 && i < shown; i++) {
        painter->asked = &graph->nodes[functions[i]];
        text_string(painter->printer.out, i ? "\n" : "");
        uint32_t part = budget / shown > 4 ? budget / shown : 4;
        ret = print_function(painter, options, &graph->functions, functions[i], budget ? part : 0, &skipped);
    }
    if (ret == 0)
        print_foot(painter, skipped, count - shown);
    return ret;
}

int
show_graph(struct text *out, const struct model *model, const struct graph_options *options)
{
    struct painter painter = {.time = options->show.time && model->reader->header->clock != FLOW_CLOCK_NONE};
    struct graph graph;
    if (model->call_count == 0 || model->process_count == 0) {
        header_print_nothing(out, model);
        return out->failed ? -ENOMEM : 0;
    }
    int ret = graph_build(&graph, model, GRAPH_ALL, NULL);
    if (ret < 0)
        return ret;
    /* The header and the footer take two lines each. */
    uint32_t lines = options->show.lines;
    uint32_t budget = !lines ? 0 : lines > 10 ? lines - 4 : 6;
    printer_open(&painter.printer, out, model, &options->show);
    ret = options->wanted ? print_functions(&painter, &graph, options, budget)
                          : print_whole(&painter, &graph, options, budget);
    printer_close(&painter.printer);
    graph_free(&graph);
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}
