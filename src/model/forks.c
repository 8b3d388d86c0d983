/* forks.c - calls that a fork copied: which call of the parent process is each? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

#define FORK_CLOCKS_NS 1000 /* by which two processes may disagree on when a call began */

static bool
is_same_code(const struct code *a, const struct code *b)
{
    return a->first_line == b->first_line && slice_equals(a->qualname, b->qualname) && slice_equals(a->file, b->file);
}

/* The call of the parent process that a fork copied, from the calls in order of their start. */
static uint32_t
original_of(const struct model *model, const uint32_t *order, uint32_t count, uint32_t number)
{
    const struct call *calls = model->calls;
    const struct call *copy = &calls[number];
    uint32_t run = model_run_of(model, number);
    uint64_t from = copy->start_ns > FORK_CLOCKS_NS ? copy->start_ns - FORK_CLOCKS_NS : 0;
    uint64_t nearest = FORK_CLOCKS_NS + 1;
    uint32_t original = MODEL_NONE;
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (calls[order[middle]].start_ns < from)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && calls[order[low]].start_ns <= copy->start_ns + FORK_CLOCKS_NS; low++) {
        uint64_t start = calls[order[low]].start_ns;
        uint64_t apart = start > copy->start_ns ? start - copy->start_ns : copy->start_ns - start;
        if (apart < nearest && is_same_code(calls[order[low]].code, copy->code)
            && model_run_of(model, order[low]) == run) {
            nearest = apart;
            original = order[low];
        }
    }
    return original;
}

/* Threads of a forked process have no call above them there: theirs is the one that forked. */
static int
hang_threads(struct builder *builder)
{
    struct model *model = builder->model;
    uint32_t *forkers = malloc((model->process_count + (size_t)1) * sizeof *forkers);
    if (!forkers)
        return -ENOMEM;
    for (uint32_t i = 0; i < model->process_count; i++)
        forkers[i] = MODEL_NONE;
    for (uint32_t i = 0; i < model->call_count; i++) {
        struct call *call = &model->calls[i];
        const struct track *track = &model->tracks[call->track];
        if (call->origin == CALL_INHERITED) {
            forkers[track->process] = call_spawned_by(model, call);
        }
        else if (call->parent == MODEL_NONE && !call->origin && track->kind == TRACK_THREAD
                 && forkers[track->process] != MODEL_NONE) {
            call->origin = FLOW_SPAWN_PROCESS;
            build_spawner(builder, call, forkers[track->process]);
        }
    }
    free(forkers);
    return 0;
}

int
build_originals(struct builder *builder)
{
    struct model *model = builder->model;
    struct call *calls = model->calls;
    uint32_t *order = malloc((model->call_count + (size_t)1) * sizeof *order);
    uint32_t count = 0;
    uint64_t last = 0;
    for (uint32_t i = 0; order && i < model->call_count; i++) {
        if (calls[i].origin == CALL_INHERITED) {
            build_spawner(builder, &calls[i], original_of(model, order, count, i));
        }
        else if (calls[i].start_ns >= last) {
            last = calls[i].start_ns;
            order[count++] = i;
        }
    }
    int ret = order ? hang_threads(builder) : -ENOMEM;
    free(order);
    return ret;
}
