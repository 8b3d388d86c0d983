#include "pauses.h"

#include <errno.h>
#include <stdlib.h>

#include "model.h"

uint32_t
pauses_last(const struct model *model, enum pause_kind kind, uint32_t of)
{
    if (kind == PAUSE_CALL)
        return call_suspended(model, &model->calls[of])->last_pause;
    const uint32_t *last = id_map_get(&model->pauses.last_of_track, kind, of);
    return last ? *last : MODEL_NONE;
}

bool
pauses_is_within(const struct model *model, uint32_t call)
{
    const struct pauses *pauses = &model->pauses;
    uint32_t number = model_call_number(model, call) - 1;
    return number / 8 < pauses->within_size && pauses->within[number / 8] >> number % 8 & 1;
}

/* By call, the new number of the first that is left from there on. Owned by the caller; NULL without memory. */
static uint32_t *
find_left(const uint32_t *renumbered, uint32_t whole_count, uint32_t kept)
{
    uint32_t *left = malloc((whole_count + (size_t)1) * sizeof *left);
    if (!left)
        return NULL;
    left[whole_count] = kept;
    for (uint32_t i = whole_count; i-- > 0;)
        left[i] = renumbered[i] != MODEL_NONE ? renumbered[i] : left[i + 1];
    return left;
}

int
pauses_renumber(struct pauses *pauses, const uint32_t *renumbered, uint32_t whole_count, uint32_t kept)
{
    if (pauses->kept != PAUSES_EACH)
        return 0;
    uint32_t *left = find_left(renumbered, whole_count, kept);
    if (!left)
        return -ENOMEM;
    for (uint32_t i = 0; i < pauses->count; i++) {
        struct pause *pause = &pauses->items[i];
        uint32_t below = pause->below == MODEL_NONE ? MODEL_NONE : renumbered[pause->below];
        bool is_hidden = below == MODEL_NONE && pause->below != MODEL_NONE;
        pause->of = pause->of == MODEL_NONE ? MODEL_NONE : renumbered[pause->of];
        pause->below = is_hidden ? pause->of : below;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < pauses->step_count; i++) {
        struct pause_step step = pauses->steps[i];
        step.next = left[step.next];
        if (pauses->items[step.pause].of != MODEL_NONE)
            pauses->steps[count++] = step;
    }
    pauses->step_count = count;
    free(left);
    return 0;
}

void
pauses_free(struct pauses *pauses)
{
    free(pauses->items);
    free(pauses->steps);
    free(pauses->within);
    id_map_free(&pauses->last_of_track);
    id_map_free(&pauses->loops);
    *pauses = (struct pauses){0};
}
