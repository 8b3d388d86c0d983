/* exceptions.c - what can be asked of the exceptions of a model. */
#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"
#include "model.h"

#define NAMES_MAX 256 /* types of one trace that are compared */

struct leg
exception_as_leg(const struct exception *exception)
{
    return (struct leg){.first_call = exception->first_call,
                        .last_call = exception->last_call,
                        .calls_left = exception->calls_left,
                        .caught_by = exception->caught_by,
                        .catcher = exception->catcher,
                        .caught_line = exception->caught_line,
                        .handler_line = exception->handler_line,
                        .caught_below = exception->caught_below,
                        .next = MODEL_NONE};
}

bool
exception_leg_at(const struct model *model, const struct exception *exception, uint32_t call, struct leg *out)
{
    if (exception->first_leg == MODEL_NONE) {
        *out = exception_as_leg(exception);
        return exception->calls_left > 0 && exception->first_call == call;
    }
    const uint32_t *leg = id_map_get(&model->legs_by_call, 0, call);
    if (!leg)
        return false;
    *out = model->legs[*leg];
    if (out->next == MODEL_NONE) {
        out->caught_by = exception->caught_by;
        out->catcher = exception->catcher;
        out->caught_line = exception->caught_line;
        out->handler_line = exception->handler_line;
        out->caught_below = exception->caught_below;
    }
    return true;
}

/* Types written by a person have details; those that have none are the interpreter's own. */
static bool
is_same_type(const struct exception *a, const struct exception *b)
{
    struct slice builtins = {"builtins", 8};
    return slice_equals(a->module.length ? a->module : builtins, b->module.length ? b->module : builtins)
           && slice_equals(a->qualname.length ? a->qualname : a->type, b->qualname.length ? b->qualname : b->type);
}

void
model_find_ambiguous(struct model *model)
{
    const struct exception *first[NAMES_MAX];
    bool shared[NAMES_MAX] = {false};
    uint32_t count = 0;
    bool any = false;
    for (int pass = 0; pass < 2 && (pass == 0 || any); pass++)
        for (uint32_t i = 0; i < model->exception_count; i++) {
            struct exception *exception = &model->exceptions[i];
            uint32_t k = 0;
            while (k < count && !slice_equals(first[k]->type, exception->type))
                k++;
            if (k == count && count < NAMES_MAX)
                first[count++] = exception;
            if (k == count)
                continue;
            if (pass == 0)
                any |= shared[k] |= !is_same_type(first[k], exception);
            else
                exception->ambiguous = shared[k] && exception->qualname.length
                                       && !slice_is(exception->module, "builtins");
        }
}

static bool
is_caught_in_place(const struct exception *exception)
{
    return exception->calls_left == 0 && exception->caught_by != MODEL_NONE && !exception->benign
           && !exception_is_cancellation(exception);
}

static int
compare_caught(const void *left, const void *right)
{
    const struct caught *a = left;
    const struct caught *b = right;
    if (a->call != b->call)
        return a->call < b->call ? -1 : 1;
    return a->exception < b->exception ? -1 : 1;
}

int
model_find_caught(struct model *model)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->exception_count; i++)
        count += is_caught_in_place(&model->exceptions[i]);
    model->caught = count ? malloc(count * sizeof *model->caught) : NULL;
    if (count && !model->caught)
        return -ENOMEM;
    for (uint32_t i = 0; i < model->exception_count; i++)
        if (is_caught_in_place(&model->exceptions[i]))
            model->caught[model->caught_count++] = (struct caught){model->exceptions[i].caught_by, i};
    if (count)
        qsort(model->caught, count, sizeof *model->caught, compare_caught);
    return 0;
}

const struct caught *
exception_caught_in(const struct model *model, uint32_t call, uint32_t *count)
{
    uint32_t low = array_lower_bound(model->caught, model->caught_count, sizeof *model->caught, call);
    *count = 0;
    while (low + *count < model->caught_count && model->caught[low + *count].call == call)
        ++*count;
    return model->caught ? model->caught + low : NULL;
}
