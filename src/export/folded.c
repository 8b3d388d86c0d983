/* folded.c - "a;b;c 12": a stack and its weight a line, as flamegraph.pl, inferno and speedscope read them.
 *
 * A frame is "Cart.add (orders.cart:12)". What means something to the format is put in other characters: a name has no
 * semicolon and no line end, is not empty, and does not end in a blank and a number, which flamegraph.pl would take for
 * the weight in another recording.
 */
#include "export.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/label.h"
#include "stacks.h"

struct folded {
    struct sink *sink;
    const struct stacks *stacks;
    struct text names;  /* of all nodes' frames, side by side */
    size_t *name_of;    /* Owned; by function: where its name begins; and one more */
    uint32_t path[STACKS_DEPTH_MAX + 4];
    enum weight weight;
};

static void
put_place(struct text *out, const struct code *code)
{
    bool is_script = slice_is(code_module(code), "__main__") || !code->module.length;
    bool is_told = slice_ends_with(code->qualname, "<lambda>") || slice_ends_with(code->qualname, "<genexpr>");
    if (is_told || code->flags & FLOW_CODE_MODULE)
        return;
    text_string(out, " (");
    text_name(out, is_script ? label_file(code->file) : code_module(code));
    if (!(code->flags & FLOW_CODE_LIBRARY))
        text_format(out, ":%u", code->first_line);
    text_string(out, ")");
}

static bool
is_digit_or_point(char c)
{
    return (c >= '0' && c <= '9') || c == '.';
}

static void
end_safely(struct text *text, size_t from)
{
    size_t number = text->length;
    if (text->failed)
        return;
    while (number > from && is_digit_or_point(text->data[number - 1]))
        number--;
    if (text->length == from)
        text_string(text, "(no name)");
    else if (number < text->length && number > from && text->data[number - 1] == ' ')
        text->data[number - 1] = '_';
}

static void
make_safe(struct text *text, size_t from)
{
    end_safely(text, from);
    for (size_t i = from; i < text->length; i++)
        if (text->data[i] == ';')
            text->data[i] = ',';
        else if (text->data[i] == '\n' || text->data[i] == '\r')
            text->data[i] = ' ';
}

static int
make_names(struct folded *folded)
{
    const struct functions *functions = &folded->stacks->functions;
    folded->name_of = malloc(((size_t)functions->count + 1) * sizeof *folded->name_of);
    if (!folded->name_of)
        return -ENOMEM;
    for (uint32_t i = 0; i < functions->count; i++) {
        folded->name_of[i] = folded->names.length;
        label_function(&folded->names, functions->codes[i]);
        put_place(&folded->names, functions->codes[i]);
        make_safe(&folded->names, folded->name_of[i]);
    }
    folded->name_of[functions->count] = folded->names.length;
    return folded->names.failed ? -ENOMEM : 0;
}

static void
put_frame(struct folded *folded, const struct stack_node *node)
{
    if (node->kind == STACK_FUNCTION) {
        size_t from = folded->name_of[node->of];
        sink_bytes(folded->sink, folded->names.data + from, folded->name_of[node->of + 1] - from);
        return;
    }
    struct text name = {0};
    stacks_label(&name, folded->stacks, node);
    make_safe(&name, 0);
    sink_text(folded->sink, &name);
    text_free(&name);
}

static uint64_t
weight_of(const struct folded *folded, const struct stack_node *node)
{
    switch (folded->weight) {
    case WEIGHT_RUNNING: return ((uint64_t)node->self_ns + 500) / 1000;
    case WEIGHT_WAITING: return ((uint64_t)node->waits_ns + 500) / 1000;
    default: return node->calls;
    }
}

static void
put_stack(struct folded *folded, uint32_t index, uint64_t weight)
{
    uint32_t depth = 0;
    for (uint32_t i = index; i != MODEL_NONE; i = folded->stacks->nodes[i].parent)
        folded->path[depth++] = i;
    while (depth-- > 0) {
        put_frame(folded, &folded->stacks->nodes[folded->path[depth]]);
        sink_string(folded->sink, depth ? ";" : "");
    }
    sink_format(folded->sink, " %llu\n", (unsigned long long)weight);
}

int
export_folded(struct export *export)
{
    struct stacks stacks;
    int ret = stacks_build(&stacks, export->model, export->progress);
    if (ret < 0)
        return ret;
    bool untimed = export->model->reader->header->clock == FLOW_CLOCK_NONE;
    struct folded folded = {.sink = export->sink, .stacks = &stacks};
    folded.weight = untimed ? WEIGHT_CALLS : export->options->weight;
    ret = make_names(&folded);
    for (uint32_t i = 0; ret == 0 && i < stacks.count; i++) {
        uint64_t weight = weight_of(&folded, &stacks.nodes[i]);
        if (weight)
            put_stack(&folded, i, weight);
        ret = export_step(export, i, stacks.count);
    }
    free(folded.name_of);
    text_free(&folded.names);
    stacks_free(&stacks);
    return ret;
}
