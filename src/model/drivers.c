/* drivers.c - which calls resumed a generator, other than the one that began it. */
#include "drivers.h"

#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"

/* 0 or -ENOMEM. */
static int
append(struct model *model, struct driver driver)
{
    void *drivers = model->drivers;
    if (!array_make_room_by_count(&drivers, model->driver_count, sizeof *model->drivers))
        return -ENOMEM;
    model->drivers = drivers;
    model->drivers[model->driver_count++] = driver;
    return 0;
}

/* What is thrown into the outermost of several generators comes up in the innermost at once,
 * while its parent is still suspended: that one drives it. */
static bool
is_delegated(const struct model *model, const struct call *call, bool thrown, uint8_t suspended)
{
    return thrown && call->parent != MODEL_NONE && model->calls[call->parent].outcome == suspended;
}

int
drivers_add(struct model *model, struct id_map *known, uint32_t number, uint32_t driver, bool thrown, uint8_t suspended)
{
    const struct call *call = &model->calls[number];
    driver = model_without_regions(model, driver);
    if (driver == number || driver == model_without_regions(model, call->parent)) /* a region of its own is around it */
        return 0;
    if (driver == MODEL_NONE || is_delegated(model, call, thrown, suspended) || id_map_get(known, number, driver))
        return 0;
    if (!id_map_put(known, number, driver, 0))
        return -ENOMEM;
    return append(model, (struct driver){number, model->driver_count, driver});
}

static int
compare(const void *left, const void *right)
{
    const struct driver *a = left, *b = right;
    if (a->call != b->call)
        return a->call < b->call ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

void
drivers_sort(struct model *model)
{
    if (model->driver_count)
        qsort(model->drivers, model->driver_count, sizeof *model->drivers, compare);
}

const struct driver *
call_drivers(const struct model *model, uint32_t call, uint32_t *count)
{
    uint32_t low = array_lower_bound(model->drivers, model->driver_count, sizeof *model->drivers, call);
    *count = 0;
    while (low + *count < model->driver_count && model->drivers[low + *count].call == call)
        ++*count;
    return model->drivers ? model->drivers + low : NULL;
}
