/* modules.c - which top-level modules were recorded, which were not, and why. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"
#include "model.h"
#include "payload.h"

#define MODULES_MAX 65536 /* findings, before those that say the same are thrown together */

int
model_add_module(struct model *model, struct slice payload)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t in, why;
    struct module module = {0};
    p = payload_number(p, end, &in);
    p = payload_number(p, end, &why);
    p = payload_text(p, end, &module.name);
    p = payload_text(p, end, &module.what);
    if (!p || why < FLOW_SCOPE_ROOT || why > FLOW_SCOPE_GENERATED || !module.name.length
        || model->module_count == MODULES_MAX)
        return 0;
    void *modules = model->modules;
    if (!array_make_room_by_count(&modules, model->module_count, sizeof *model->modules))
        return -ENOMEM;
    model->modules = modules;
    module.recorded = in != 0;
    module.why = (uint8_t)why;
    model->modules[model->module_count++] = module;
    return 0;
}

/* Recorded ones first, then by reason, then by name. */
static int
compare(const void *left, const void *right)
{
    const struct module *a = left, *b = right;
    if (a->recorded != b->recorded)
        return a->recorded ? -1 : 1;
    if (a->why != b->why)
        return a->why < b->why ? -1 : 1;
    int order = slice_compare(a->what, b->what);
    return order ? order : slice_compare(a->name, b->name);
}

void
model_sort_modules(struct model *model)
{
    if (!model->module_count)
        return;
    qsort(model->modules, model->module_count, sizeof *model->modules, compare);
    uint32_t count = 1;
    for (uint32_t i = 1; i < model->module_count; i++)
        if (compare(&model->modules[count - 1], &model->modules[i]) != 0)
            model->modules[count++] = model->modules[i];
    model->module_count = count;
}
