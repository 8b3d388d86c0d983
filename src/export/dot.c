/* dot.c - who calls whom, for graphviz: a node for each function, in a box for each module.
 *
 * The functions that ran longest stay, or, without times, those that were called most.
 */
#include "export.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/graph.h"
#include "../model/label.h"

#define DOT_NODES 80

struct marks {
    uint64_t raised, open;
};

struct dot {
    struct sink *sink;
    const struct model *model;
    struct graph graph;
    struct functions modules;
    struct marks *marks;  /* Owned; by function */
    bool *stays;          /* Owned; by function */
    uint32_t called, kept;
    bool timed;
};

/* --- text ----------------------------------------------------------------- */

/* Within quotes graphviz knows escapes and HTML's entities. */
static void
put_text(struct dot *dot, struct text *text)
{
    size_t from = 0;
    dot->sink->error = text->failed && !dot->sink->error ? -ENOMEM : dot->sink->error;
    for (size_t i = 0; !text->failed && i < text->length; i++) {
        char c = text->data[i];
        if (c != '"' && c != '\\' && c != '&')
            continue;
        sink_bytes(dot->sink, text->data + from, i - from);
        sink_string(dot->sink, c == '"' ? "\\\"" : c == '\\' ? "\\\\" : "&amp;");
        from = i + 1;
    }
    if (!text->failed && text->length)
        sink_bytes(dot->sink, text->data + from, text->length - from);
    text->length = 0;
}

static void
put_time(struct text *out, uint64_t ns)
{
    if (ns < 1000)
        text_format(out, "%u ns", (unsigned)ns);
    else if (ns < 1000000)
        text_format(out, "%.3g µs", (double)ns / 1e3);
    else if (ns < 1000000000)
        text_format(out, "%.3g ms", (double)ns / 1e6);
    else
        text_format(out, "%.4g s", (double)ns / 1e9);
}

/* --- what stays ------------------------------------------------------------ */

struct rank {
    uint64_t size;
    uint32_t function;
};

static int
by_size(const void *left, const void *right)
{
    const struct rank *a = left, *b = right;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    return (a->function > b->function) - (a->function < b->function);
}

/* A class body, that called nothing, says no more than the class does. */
static bool
is_drawn(const struct dot *dot, uint32_t function)
{
    bool is_class = dot->graph.functions.codes[function]->flags & FLOW_CODE_CLASS;
    return dot->graph.nodes[function].calls && (!is_class || dot->graph.first_callee[function] != MODEL_NONE);
}

static int
choose(struct dot *dot, uint32_t most)
{
    size_t n = (size_t)dot->graph.functions.count + 1;
    struct rank *ranks = malloc(n * sizeof *ranks);
    dot->stays = calloc(n, sizeof *dot->stays);
    if (!ranks || !dot->stays) {
        free(ranks);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < dot->graph.functions.count; i++) {
        const struct graph_node *node = &dot->graph.nodes[i];
        if (is_drawn(dot, i))
            ranks[dot->called++] = (struct rank){dot->timed ? node->total_ns + node->waits_ns : node->calls, i};
    }
    if (dot->called)
        qsort(ranks, dot->called, sizeof *ranks, by_size);
    for (; dot->kept < dot->called && dot->kept < most; dot->kept++)
        dot->stays[ranks[dot->kept].function] = true;
    free(ranks);
    return 0;
}

static int
count_marks(struct dot *dot)
{
    dot->marks = calloc((size_t)dot->graph.functions.count + 1, sizeof *dot->marks);
    if (!dot->marks)
        return -ENOMEM;
    for (uint32_t i = 0; i < dot->model->call_count; i++) {
        const struct call *call = &dot->model->calls[i];
        struct marks *marks = &dot->marks[functions_of(&dot->graph.functions, call)];
        uint32_t exception = call->outcome == OUTCOME_RAISED ? call_exception(dot->model, call) : MODEL_NONE;
        if (call->origin == CALL_INHERITED)
            continue;
        marks->raised += exception != MODEL_NONE && !dot->model->exceptions[exception].benign;
        marks->open += call->outcome == OUTCOME_RUNNING;
    }
    return 0;
}

/* --- nodes ------------------------------------------------------------------ */

static uint64_t
longest(const struct dot *dot)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < dot->graph.functions.count; i++) {
        const struct graph_node *node = &dot->graph.nodes[i];
        uint64_t size = dot->timed ? node->total_ns : node->calls;
        most = size > most ? size : most;
    }
    return most;
}

static void
put_facts(struct text *out, const struct dot *dot, uint32_t function)
{
    const struct graph_node *node = &dot->graph.nodes[function];
    const struct marks *marks = &dot->marks[function];
    label_counted(out, node->calls, " call", " calls");
    if (dot->timed) {
        text_string(out, " · ");
        put_time(out, node->total_ns);
    }
    if (dot->timed && node->suspends) {
        text_string(out, " + ");
        put_time(out, node->waits_ns);
        text_string(out, " wait");
    }
    if (marks->raised) {
        text_string(out, " · ");
        label_count(out, marks->raised);
        text_string(out, " raised");
    }
    if (marks->open) {
        text_string(out, " · ");
        label_count(out, marks->open);
        text_string(out, " not ended");
    }
}

/* The more of the whole it takes the warmer it is; one that an exception left has a red border. */
static void
put_node(struct dot *dot, uint32_t function, uint64_t most)
{
    const struct code *code = dot->graph.functions.codes[function];
    const struct graph_node *node = &dot->graph.nodes[function];
    uint64_t size = dot->timed ? node->total_ns : node->calls;
    double part = most ? (double)size / (double)most : 0;
    struct text text = {0};
    sink_format(dot->sink, "    f%u [label=\"", function);
    label_function(&text, code);
    put_text(dot, &text);
    sink_string(dot->sink, "\\n");
    put_facts(&text, dot, function);
    put_text(dot, &text);
    sink_string(dot->sink, "\", tooltip=\"");
    text_name(&text, code->file);
    text_format(&text, ":%u", code->first_line);
    put_text(dot, &text);
    sink_format(dot->sink, "\", fillcolor=\"0.09 %.2f 1.00\"", 0.04 + 0.5 * part);
    sink_string(dot->sink, dot->marks[function].raised ? ", color=\"#c62828\", penwidth=2" : "");
    sink_string(dot->sink, dot->marks[function].open ? ", style=\"rounded,filled,dashed\"" : "");
    sink_string(dot->sink, "];\n");
    text_free(&text);
}

/* A box for each module, in the order of their first functions. */
static int
put_nodes(struct dot *dot)
{
    const struct functions *functions = &dot->graph.functions;
    uint64_t most = longest(dot);
    uint32_t *first = malloc(((size_t)dot->modules.count + 1) * sizeof *first); /* function of the module, */
    uint32_t *next = malloc(((size_t)functions->count + 1) * sizeof *next);     /* and the next */
    int ret = first && next ? 0 : -ENOMEM;
    for (uint32_t module = 0; ret == 0 && module < dot->modules.count; module++)
        first[module] = MODEL_NONE;
    for (uint32_t i = functions->count; ret == 0 && i-- > 0;) {
        uint32_t module = dot->modules.of_code[functions->codes[i]->index];
        if (!dot->stays[i])
            continue;
        next[i] = first[module];
        first[module] = i;
    }
    for (uint32_t module = 0; ret == 0 && module < dot->modules.count; module++) {
        const struct code *code = dot->modules.codes[module];
        struct text name = {0};
        if (first[module] == MODEL_NONE)
            continue;
        bool is_script = slice_is(code_module(code), "__main__") || !code->module.length;
        text_name(&name, is_script ? label_file(code->file) : code_module(code));
        sink_format(dot->sink, "  subgraph cluster_%u {\n    labelloc=t;\n    label=\"", module);
        put_text(dot, &name);
        sink_string(dot->sink, "\";\n");
        for (uint32_t i = first[module]; i != MODEL_NONE; i = next[i])
            put_node(dot, i, most);
        sink_string(dot->sink, "  }\n");
        text_free(&name);
    }
    free(first);
    free(next);
    return ret;
}

/* --- edges ------------------------------------------------------------------- */

static void
put_edge(struct dot *dot, const struct graph_edge *edge)
{
    static const char *const links[] = {"", "task", "thread", "job", "process", "callback", "greenlet", "interpreter"};
    struct text text = {0};
    bool starts = edge->link && edge->link < sizeof links / sizeof *links;
    if (edge->caller == MODEL_NONE || !dot->stays[edge->caller] || !dot->stays[edge->callee])
        return;
    sink_format(dot->sink, "  f%u -> f%u [label=\"", edge->caller, edge->callee);
    if (starts)
        text_format(&text, "%s ", links[edge->link]);
    text_string(&text, starts || edge->calls.calls > 1 ? "×" : "");
    if (starts || edge->calls.calls > 1)
        label_count(&text, edge->calls.calls);
    put_text(dot, &text);
    sink_format(dot->sink, "\"%s];\n", starts ? ", style=dashed" : "");
    text_free(&text);
}

static void
put_head(struct dot *dot, const char *title)
{
    struct text text = {0};
    text_clean(&text, (struct slice){title, strlen(title)});
    sink_string(dot->sink, "digraph \"");
    put_text(dot, &text);
    sink_string(dot->sink, "\" {\n"
                           "  graph [rankdir=LR, fontname=\"sans-serif\", fontsize=11, labelloc=b, color=\"#9aa4b1\", "
                           "style=rounded, ranksep=0.6, nodesep=0.2];\n"
                           "  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontsize=10, "
                           "color=\"#5b6470\", fillcolor=white];\n"
                           "  edge [fontname=\"sans-serif\", fontsize=9, color=\"#5b6470\", arrowsize=0.7];\n");
    if (dot->kept < dot->called) {
        label_counted(&text, dot->called - dot->kept, " function is", " functions are");
        text_string(&text, dot->timed ? " left out that ran shortest" : " left out that were called least");
        sink_string(dot->sink, "  label=\"");
        put_text(dot, &text);
        sink_string(dot->sink, "\";\n");
    }
    text_free(&text);
}

int
export_dot(struct export *export)
{
    struct dot dot = {.sink = export->sink, .model = export->model};
    uint32_t most = export->options->lines ? export->options->lines : DOT_NODES;
    dot.timed = export->model->reader->header->clock != FLOW_CLOCK_NONE;
    int ret = graph_build(&dot.graph, export->model, GRAPH_ALL, NULL);
    if (ret < 0)
        return ret;
    ret = functions_build(&dot.modules, export->model->reader, FUNCTIONS_BY_MODULE);
    ret = ret == 0 ? choose(&dot, most) : ret;
    ret = ret == 0 ? count_marks(&dot) : ret;
    if (ret == 0) {
        put_head(&dot, export->options->title);
        ret = put_nodes(&dot);
    }
    for (uint32_t i = 0; ret == 0 && i < dot.graph.edge_count; i++)
        put_edge(&dot, &dot.graph.edges[i]);
    sink_string(dot.sink, "}\n");
    free(dot.marks);
    free(dot.stays);
    functions_free(&dot.modules);
    graph_free(&dot.graph);
    return ret;
}
