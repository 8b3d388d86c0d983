/* flame.c - a flame graph and a timeline in one page of HTML that needs nothing else: page/flame.html, with its data.
 *
 * The data are lists of numbers, which lead into lists of names; page/flame.js says how it reads them. Of the graph's
 * nodes the largest stay, each of the others is counted in one that stands for all that is left out at its place.
 */
#include "flame.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/label.h"
#include "flame_page.h"

#define NODES_MAX 8000
#define SHARE_STEPS 512 /* eight for each halving */

struct total {
    uint64_t self_ns, waits_ns, calls;
};

struct flame {
    struct sink *sink;
    struct export *export;
    struct stacks stacks;
    struct flame_before before;
    struct total *totals;                  /* Owned; by node, all below included */
    uint32_t *first_child, *next_sibling;  /* Owned; by node; MODEL_NONE: none */
    uint16_t *share;                       /* Owned; steps below the whole: its largest share of time or calls */
    uint16_t least;                        /* share that stays */
    uint32_t *name_of;                     /* Owned; of nodes that are no function: in the list of names */
    uint32_t names;
    uint64_t put, left_out;                /* nodes */
    bool has_before;
};

static void
put_label(struct sink *sink, struct text *label)
{
    sink->error = label->failed && !sink->error ? -ENOMEM : sink->error;
    sink_json(sink, (struct slice){label->data ? label->data : "", label->failed ? 0 : label->length});
    label->length = 0;
}

/* --- which nodes stay --------------------------------------------------- */

static uint16_t
step_of(uint64_t part, uint64_t whole)
{
    if (!part || !whole)
        return SHARE_STEPS - 1;
    double ratio = (double)whole / (double)part;
    unsigned steps = 0;
    for (; ratio >= 2; ratio /= 2)
        steps += 8;
    steps += ratio > 1 ? (unsigned)(8 * (ratio - 1)) : 0;
    return steps < SHARE_STEPS - 1 ? (uint16_t)steps : SHARE_STEPS - 1;
}

static uint16_t
smaller(uint16_t a, uint16_t b)
{
    return a < b ? a : b;
}

/* Parents come before their children. */
static struct total
add_up(struct flame *flame)
{
    struct total whole = {0};
    for (uint32_t i = flame->stacks.count; i-- > 0;) {
        const struct stack_node *node = &flame->stacks.nodes[i];
        struct total *total = &flame->totals[i];
        struct total *above = node->parent == MODEL_NONE ? &whole : &flame->totals[node->parent];
        total->self_ns += (uint64_t)node->self_ns;
        total->waits_ns += (uint64_t)node->waits_ns;
        total->calls += node->calls;
        above->self_ns += total->self_ns;
        above->waits_ns += total->waits_ns;
        above->calls += total->calls;
        uint32_t *first = node->parent == MODEL_NONE ? &flame->first_child[flame->stacks.count]
                                                     : &flame->first_child[node->parent];
        flame->next_sibling[i] = *first;
        *first = i;
    }
    return whole;
}

static int
choose_nodes(struct flame *flame)
{
    size_t n = (size_t)flame->stacks.count + 1;
    flame->totals = calloc(n, sizeof *flame->totals);
    flame->first_child = malloc(n * sizeof *flame->first_child);
    flame->next_sibling = malloc(n * sizeof *flame->next_sibling);
    flame->share = malloc(n * sizeof *flame->share);
    if (!flame->totals || !flame->first_child || !flame->next_sibling || !flame->share)
        return -ENOMEM;
    memset(flame->first_child, 0xff, n * sizeof *flame->first_child); /* MODEL_NONE */
    struct total whole = add_up(flame);
    uint32_t of_share[SHARE_STEPS] = {0};
    for (uint32_t i = 0; i < flame->stacks.count; i++) {
        const struct total *total = &flame->totals[i];
        uint16_t time = smaller(step_of(total->self_ns, whole.self_ns), step_of(total->waits_ns, whole.waits_ns));
        flame->share[i] = smaller(time, step_of(total->calls, whole.calls));
        of_share[flame->share[i]]++;
    }
    uint32_t kept = 0;
    for (uint16_t step = 0; step < SHARE_STEPS && kept + of_share[step] <= NODES_MAX; step++) {
        kept += of_share[step];
        flame->least = step + 1;
    }
    return 0;
}

static bool
stays(const struct flame *flame, uint32_t node)
{
    return flame->share[node] < flame->least;
}

/* --- names --------------------------------------------------------------- */

static void
put_place(struct sink *sink, const struct code *code)
{
    struct text place = {0};
    text_name(&place, code->file);
    if (code->first_line)
        text_format(&place, ":%u", code->first_line);
    put_label(sink, &place);
    text_free(&place);
}

static int
put_modules(struct flame *flame)
{
    struct functions modules;
    int ret = functions_build(&modules, flame->export->model->reader, FUNCTIONS_BY_MODULE);
    if (ret < 0)
        return ret;
    const struct functions *functions = &flame->stacks.functions;
    sink_string(flame->sink, ",\n\"modules\":[");
    for (uint32_t i = 0; i < modules.count; i++) {
        struct text name = {0};
        bool is_script = slice_is(code_module(modules.codes[i]), "__main__");
        text_name(&name, is_script ? label_file(modules.codes[i]->file) : code_module(modules.codes[i]));
        sink_string(flame->sink, i ? "," : "");
        put_label(flame->sink, &name);
        text_free(&name);
    }
    sink_string(flame->sink, "],\n\"module_of\":[");
    for (uint32_t i = 0; i < functions->count; i++)
        sink_format(flame->sink, "%s%u", i ? "," : "", modules.of_code[functions->codes[i]->index]);
    sink_string(flame->sink, "]");
    functions_free(&modules);
    return 0;
}

/* Those of functions by their numbers, then those of processes and tracks. */
static int
put_names(struct flame *flame)
{
    const struct stacks *stacks = &flame->stacks;
    struct text name = {0};
    flame->name_of = malloc(((size_t)stacks->count + 1) * sizeof *flame->name_of);
    if (!flame->name_of)
        return -ENOMEM;
    sink_string(flame->sink, ",\n\"names\":[");
    for (uint32_t i = 0; i < stacks->functions.count; i++) {
        sink_string(flame->sink, i ? "," : "");
        label_function(&name, stacks->functions.codes[i]);
        put_label(flame->sink, &name);
    }
    flame->names = stacks->functions.count;
    for (uint32_t i = 0; i < stacks->count; i++) {
        if (stacks->nodes[i].kind == STACK_FUNCTION || !stays(flame, i))
            continue;
        sink_string(flame->sink, flame->names ? "," : "");
        stacks_label(&name, stacks, &stacks->nodes[i]);
        put_label(flame->sink, &name);
        flame->name_of[i] = flame->names++;
    }
    text_free(&name);
    sink_string(flame->sink, "],\n\"places\":[");
    for (uint32_t i = 0; i < stacks->functions.count; i++) {
        sink_string(flame->sink, i ? "," : "");
        put_place(flame->sink, stacks->functions.codes[i]);
    }
    sink_string(flame->sink, "]");
    return put_modules(flame);
}

/* --- the graph ------------------------------------------------------------ */

static void
put_number(struct sink *sink, uint64_t number)
{
    sink_format(sink, ",%llu", (unsigned long long)number);
}

static struct flame_was
was_below(const struct flame *flame, uint32_t top)
{
    struct flame_was sum = {0};
    uint32_t i = top;
    while (i != MODEL_NONE) {
        const struct flame_was *was = &flame->before.was[i];
        sum.self_ns += was->self_ns;
        sum.waits_ns += was->waits_ns;
        sum.calls += was->calls;
        uint32_t next = flame->first_child[i];
        for (; next == MODEL_NONE && i != top; i = flame->stacks.nodes[i].parent)
            if ((next = flame->next_sibling[i]) != MODEL_NONE)
                break;
        i = next;
    }
    return sum;
}

static void
put_was(const struct flame *flame, const struct flame_was *was)
{
    if (!flame->has_before)
        return;
    put_number(flame->sink, was->self_ns);
    put_number(flame->sink, was->waits_ns);
    put_number(flame->sink, was->calls);
}

/* depth, name, running, waiting, calls, raised, open; with an earlier trace its running, waiting and calls. */
static void
put_node(struct flame *flame, uint32_t index)
{
    const struct stack_node *node = &flame->stacks.nodes[index];
    uint32_t name = node->kind == STACK_FUNCTION ? node->of : flame->name_of[index];
    sink_format(flame->sink, "%s%u,%u", flame->put++ ? ",\n" : "", node->depth, name);
    put_number(flame->sink, (uint64_t)node->self_ns);
    put_number(flame->sink, (uint64_t)node->waits_ns);
    put_number(flame->sink, node->calls);
    put_number(flame->sink, node->raised);
    put_number(flame->sink, node->open);
    put_was(flame, flame->has_before ? &flame->before.was[index] : NULL);
}

/* What is left out below a node, as one: its name is -1. */
static void
put_smaller(struct flame *flame, uint32_t parent)
{
    struct total sum = {0};
    struct flame_was was = {0};
    bool any = false;
    for (uint32_t i = flame->first_child[parent]; i != MODEL_NONE; i = flame->next_sibling[i]) {
        if (stays(flame, i))
            continue;
        any = true;
        sum.self_ns += flame->totals[i].self_ns;
        sum.waits_ns += flame->totals[i].waits_ns;
        sum.calls += flame->totals[i].calls;
        struct flame_was one = flame->has_before ? was_below(flame, i) : (struct flame_was){0};
        was.self_ns += one.self_ns;
        was.waits_ns += one.waits_ns;
        was.calls += one.calls;
    }
    if (!any)
        return;
    uint32_t depth = parent == flame->stacks.count ? 0 : flame->stacks.nodes[parent].depth + 1u;
    sink_format(flame->sink, "%s%u,-1", flame->put++ ? ",\n" : "", depth);
    put_number(flame->sink, sum.self_ns);
    put_number(flame->sink, sum.waits_ns);
    put_number(flame->sink, sum.calls);
    put_number(flame->sink, 0);
    put_number(flame->sink, 0);
    put_was(flame, &was);
}

/* The next one that stays, in the order of a walk: a node, then all below it. */
static uint32_t
next_kept(const struct flame *flame, uint32_t i)
{
    while (i != MODEL_NONE && !stays(flame, i))
        i = flame->next_sibling[i];
    return i;
}

static int
put_nodes(struct flame *flame)
{
    sink_format(flame->sink, ",\n\"nodes\":[");
    uint32_t i = next_kept(flame, flame->first_child[flame->stacks.count]);
    int ret = 0;
    for (uint64_t done = 0; i != MODEL_NONE && ret == 0; done++) {
        put_node(flame, i);
        put_smaller(flame, i);
        uint32_t next = next_kept(flame, flame->first_child[i]);
        while (next == MODEL_NONE && i != MODEL_NONE) {
            next = next_kept(flame, flame->next_sibling[i]);
            i = flame->stacks.nodes[i].parent;
        }
        i = next;
        ret = export_step(flame->export, done, flame->stacks.count);
    }
    put_smaller(flame, flame->stacks.count);
    for (uint32_t node = 0; node < flame->stacks.count; node++)
        flame->left_out += !stays(flame, node);
    sink_format(flame->sink, "],\n\"nodes_left_out\":%llu", (unsigned long long)flame->left_out);
    return ret;
}

/* --- the page -------------------------------------------------------------- */

static void
put_title(struct sink *sink, const char *title)
{
    struct text clean = {0};
    text_clean(&clean, (struct slice){title, strlen(title)});
    sink_xml(sink, text_content(&clean));
    text_free(&clean);
}

static void
put_head(struct flame *flame)
{
    static const char *const weights[] = {"running", "waiting", "calls"};
    struct export *export = flame->export;
    const struct model *model = export->model;
    bool timed = model->reader->header->clock != FLOW_CLOCK_NONE;
    struct text title = {0};
    text_clean(&title, (struct slice){export->options->title, strlen(export->options->title)});
    sink_string(flame->sink, "{\"version\":1,\"title\":");
    put_label(flame->sink, &title);
    text_free(&title);
    sink_format(flame->sink, ",\"weight\":\"%s\",\"timed\":%s", weights[timed ? export->options->weight : WEIGHT_CALLS],
                timed ? "true" : "false");
    sink_format(flame->sink, ",\"calls\":%u,\"duration_ns\":%llu,\"unread\":%llu", model->call_count,
                (unsigned long long)model->duration_ns, (unsigned long long)model->reader->calls_left_out);
    sink_format(flame->sink, ",\"filtered_of\":%u", model->whole_count);
    sink_format(flame->sink, ",\"before\":%s,\"width\":%d", flame->has_before ? "true" : "false",
                flame->has_before ? 10 : 7);
}

static int
put_data(struct flame *flame)
{
    put_head(flame);
    int ret = put_names(flame);
    ret = ret == 0 ? put_nodes(flame) : ret;
    if (ret == 0 && flame->has_before)
        ret = flame_before_put_vanished(flame->sink, &flame->before);
    ret = ret == 0 ? flame_chart_put(flame->export, &flame->stacks.functions) : ret;
    sink_string(flame->sink, "}");
    return ret;
}

static int
put_page(struct flame *flame)
{
    int ret = 0;
    for (const char *const *line = flame_page; *line && ret == 0; line++) {
        if (strcmp(*line, "{{data}}") == 0)
            ret = put_data(flame);
        else if (strcmp(*line, "{{title}}") == 0)
            put_title(flame->sink, flame->export->options->title);
        else
            sink_string(flame->sink, *line);
    }
    return ret;
}

int
export_flame(struct export *export)
{
    struct flame flame = {.sink = export->sink, .export = export, .has_before = export->before};
    int ret = stacks_build(&flame.stacks, export->model, export->progress);
    ret = ret == 0 ? choose_nodes(&flame) : ret;
    if (ret == 0 && export->before)
        ret = flame_before_build(&flame.before, &flame.stacks, export->before, export->progress);
    ret = ret == 0 ? put_page(&flame) : ret;
    flame_before_free(&flame.before);
    stacks_free(&flame.stacks);
    free(flame.totals);
    free(flame.first_child);
    free(flame.next_sibling);
    free(flame.share);
    free(flame.name_of);
    return ret;
}
