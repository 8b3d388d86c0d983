#include "views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/model/story.h"
#include "../../src/show/find.h"
#include "../../src/show/graph_view.h"
#include "../../src/show/html.h"
#include "../../src/show/report.h"
#include "../../src/show/show_diff.h"
#include "../../src/show/timeline.h"
#include "target.h"

size_t views_longest;

#define TEXT_MAX (1u << 20) /* bytes of a view that has a budget of lines */

static struct show_options
options_of(const struct seed *seed)
{
    return (struct show_options){.lines = seed->lines & 128 ? 0 : 8 + seed->lines % 64,
                                 .width = 20 + seed->width,
                                 .ascii = seed->flags & SEED_ASCII,
                                 .time = seed->flags & SEED_TIME,
                                 .color = seed->flags & SEED_COLOR,
                                 .arguments = seed->flags & SEED_VALUES,
                                 .sources = true,
                                 .results = seed->flags & SEED_VALUES,
                                 .exceptions = seed->flags & SEED_EXCEPTIONS ? 8 : 0};
}

static void
check_length(const struct show_options *options, const struct text *text)
{
    HOLDS(!options->lines || text->length < TEXT_MAX);
    if (text->length > views_longest)
        views_longest = text->length;
}

static void
story(const struct model *model, const struct seed *seed, struct text *text)
{
    uint32_t lines = options_of(seed).lines;
    struct outline outline;
    struct story story;
    (void)text;
    HOLDS(outline_build(&outline, model, lines > 0) == 0);
    HOLDS(story_build(&story, &outline, lines) == 0);
    HOLDS(!lines || story.used <= lines);
    story_free(&story);
    outline_free(&outline);
}

static void
tree(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    HOLDS(show_tree(text, model, &options) == 0);
    check_length(&options, text);
}

static void
tasks(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    HOLDS(show_tasks(text, model, &options) == 0);
    check_length(&options, text);
}

static void
timeline(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    struct range within = {0, seed->flags & SEED_VALUES ? UINT64_MAX : (uint64_t)seed->lines << seed->width % 60};
    options.width -= 10;
    int ret = show_timeline(text, model, within, &options);
    HOLDS(ret == 0 || (ret == -ERANGE && text->length > 20));
    check_length(&options, text);
}

/* With fields, links, and lines and values that aren't cut. */
static void
tree_of_fields(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    options.field_count = 1 + seed->width % SHOW_FIELDS;
    for (unsigned i = 0; i < options.field_count; i++)
        options.fields[i] = (uint8_t)((seed->lines + i) % SHOW_FIELDS);
    options.links = seed->flags & SEED_COLOR;
    options.wide = seed->flags & SEED_OUTLINE;
    options.full = seed->width & 64;
    HOLDS(show_tree(text, model, &options) == 0);
    if (options.full || options.wide)
        options.lines = 0; /* as much as there is */
    check_length(&options, text);
}

static void
errors(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    HOLDS(show_errors(text, model, &options) == 0);
    check_length(&options, text);
}

static void
one_call(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    options.call = seed->lines;
    int ret = show_call(text, model, &options);
    HOLDS(ret == 0 || ret == -ERANGE);
    check_length(&options, text);
}

static void
info(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    HOLDS(show_info(text, model, &options) == 0);
}

static void
modules(const struct model *model, const struct seed *seed, struct text *text)
{
    show_modules(text, model, 4, options_of(seed).width);
}

static void
report(const struct model *model, const struct seed *seed, struct text *text)
{
    struct report_options report = {.show = options_of(seed),
                                    .by = (enum report_by)(seed->lines % 5),
                                    .format = (enum report_format)(seed->width % 3),
                                    .sort = seed->flags & SEED_OUTLINE ? "name" : NULL,
                                    .limit = seed->lines};
    HOLDS(show_report(text, model, &report) == 0);
}

/* Of all functions, or of half of them. */
static void
graph(const struct model *model, const struct seed *seed, struct text *text)
{
    uint32_t count = model->reader->code_count;
    bool *wanted = seed->flags & SEED_OUTLINE ? calloc((size_t)count + 1, sizeof *wanted) : NULL;
    for (uint32_t i = 0; wanted && i < count; i++)
        wanted[i] = (i + seed->lines) % 2;
    struct graph_options graph = {.show = options_of(seed), .wanted = wanted, .depth = seed->width % 8};
    HOLDS(show_graph(text, model, &graph) == 0);
    check_length(&graph.show, text);
    free(wanted);
}

static void
find(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    uint32_t found;
    options.lines = 20;
    HOLDS(find_print(text, model, &options, &found) == 0);
    HOLDS(found <= model->call_count);
    check_length(&options, text);
}

static void
find_path(const struct model *model, const struct seed *seed, struct text *text)
{
    static const char *const values[] = {"None", "main", "…a…", "Order#3"};
    struct show_options options = options_of(seed);
    struct value_pattern value = value_pattern(values[seed->lines % 4], seed->width & 1);
    uint32_t found;
    options.lines = 20;
    HOLDS(find_print_path(text, model, &options, &value, &found) == 0);
    check_length(&options, text);
}

/* As a fragment, or a page, which is bounded; a call as a fragment. */
static void
html(const struct model *model, const struct seed *seed, struct text *text)
{
    struct show_options options = options_of(seed);
    struct html_options html = {.arguments = options.arguments,
                                .results = options.results,
                                .time = options.time,
                                .lines = options.lines,
                                .opened = seed->width,
                                .exceptions = options.exceptions};
    if (seed->flags & SEED_OUTLINE)
        HOLDS(html_page(text, model, &html, "a.flow") == 0);
    else if (seed->flags & SEED_COLOR)
        HOLDS(html_call(text, model, seed->lines, &html) == 0);
    else
        HOLDS(html_story(text, model, &html) == 0);
    HOLDS(!text->length || !memchr(text->data, '\033', text->length));
    options.lines = 0; /* with values in full, up to 32 KiB each */
    check_length(&options, text);
}

const struct view views[] = {
    {"story", story},
    {"tree", tree},
    {"tree of fields", tree_of_fields},
    {"tasks", tasks},
    {"timeline", timeline},
    {"errors", errors},
    {"call", one_call},
    {"info", info},
    {"modules", modules},
    {"report", report},
    {"graph", graph},
    {"find", find},
    {"find --produced", find_path},
    {"html", html},
};
static_assert(sizeof views / sizeof *views == VIEWS, "all are known");

bool
views_diff(const struct model *a, const struct model *b, const struct seed *seed, struct text *text)
{
    static const char *const ignored[] = {"a", "*b*"};
    struct show_options options = options_of(seed);
    struct show_diff_options diff = {
        .name_a = "a", .name_b = "b", .values = seed->flags & SEED_VALUES, .ignored = {ignored, NULL, seed->width % 3}};
    bool same;
    struct text tree = {0};
    HOLDS(html_diff(text, &tree, a, b, &options, &diff, &same) == 0);
    HOLDS(tree.length && !memchr(tree.data, '\033', tree.length));
    text_free(&tree);
    check_length(&options, text);
    return same;
}
