/* ancestors.c - who started a process of which no call has told: its own parents, and the time, say. */
#include <string.h>

#include "model.h"

#define STEPS_MAX 10000
#define MILLISECOND_NS 1000000u
#define AGE_ERROR_NS (10 * MILLISECOND_NS) /* the system counts hundredths of seconds */

static uint64_t
read_number(struct slice *text)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i < text->length && text->data[i] >= '0' && text->data[i] <= '9' && number < UINT64_MAX / 16; i++)
        number = 10 * number + (uint64_t)(text->data[i] - '0');
    text->data += i;
    text->length -= i;
    return number;
}

static bool
skip(struct slice *text, char character)
{
    if (!text->length || text->data[0] != character)
        return false;
    text->data++;
    text->length--;
    return true;
}

size_t
process_ancestors(const struct process *process, struct ancestor out[ANCESTORS_MAX])
{
    struct slice text = process_info(process, "ancestors");
    size_t count = 0;
    if (process_info(process, "forked_from").length) /* what it says is its parent's */
        return 0;
    while (count < ANCESTORS_MAX && text.length) {
        uint64_t pid = read_number(&text);
        if (!skip(&text, '/'))
            break;
        out[count++] = (struct ancestor){pid, read_number(&text)};
        if (!skip(&text, ' '))
            break;
    }
    return count;
}

uint64_t
process_start_limit(const struct process *process)
{
    struct slice text = process_info(process, "age_ms");
    uint64_t age = read_number(&text);
    age = age < UINT32_MAX ? age * MILLISECOND_NS : 0;
    if (age < AGE_ERROR_NS || age - AGE_ERROR_NS > process->joined_ns)
        return process->joined_ns;
    return process->joined_ns - (age - AGE_ERROR_NS);
}

uint32_t
model_process_at(const struct model *model, uint32_t run, uint64_t pid, uint64_t ns, uint32_t except)
{
    uint32_t found = MODEL_NONE;
    for (uint32_t i = 0; i < model->process_count; i++) {
        const struct process *process = &model->processes[i];
        if (i != except && process->run == run && process->pid == pid && !process->interpreter.length
            && process->joined_ns <= ns
            && (found == MODEL_NONE || process->joined_ns >= model->processes[found].joined_ns))
            found = i;
    }
    return found;
}

/* The first call that starts after `ns`: they are in order of their start. */
static uint32_t
first_after(const struct model *model, uint64_t ns)
{
    uint32_t low = 0;
    uint32_t high = model->call_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (model->calls[middle].start_ns <= ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of which thread a task's calls are is not known: they may be of any. */
static bool
is_on(const struct model *model, const struct call *call, uint32_t process, uint64_t thread)
{
    const struct track *track = &model->tracks[call->track];
    if (track->process != process)
        return false;
    if (track->kind == TRACK_TASK)
        return true;
    return thread ? track->native_id == thread : track->kind == TRACK_MAIN;
}

/* The last call of a thread that had begun by then. */
static uint32_t
last_begun(const struct model *model, uint32_t process, uint64_t thread, uint64_t ns)
{
    uint32_t call = first_after(model, ns);
    for (uint32_t steps = 0; call-- > 0 && steps < STEPS_MAX; steps++)
        if (is_on(model, &model->calls[call], process, thread))
            return call;
    return MODEL_NONE;
}

uint32_t
model_running(const struct model *model, uint32_t process, uint64_t thread, uint64_t started_ns, uint64_t until_ns)
{
    uint32_t call = last_begun(model, process, thread, started_ns);
    while (call != MODEL_NONE && model->calls[call].end_ns < until_ns)
        call = model->calls[call].parent;
    return call;
}

uint32_t
model_unfinished(const struct model *model, uint32_t process, uint64_t ns)
{
    uint32_t call = last_begun(model, process, 0, ns);
    while (call != MODEL_NONE && model->calls[call].outcome != OUTCOME_RUNNING)
        call = model->calls[call].parent;
    return call;
}
