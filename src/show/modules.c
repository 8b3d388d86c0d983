/* modules.c - whose code was recorded: each top-level module under its reason. */
#include "../model/label.h"
#include "show.h"

#define NAMES_MAX 200 /* of one reason */

static void
put_reason(struct text *out, const struct module *module)
{
    static const char *const reasons[] = {
        [FLOW_SCOPE_TYPED] = "code without a file",
        [FLOW_SCOPE_STANDARD] = "the standard library",
        [FLOW_SCOPE_INSTALLED] = "installed",
        [FLOW_SCOPE_ELSEWHERE] = "in no folder of the program's",
        [FLOW_SCOPE_GENERATED] = "made by exec(), in no file",
    };
    if (module->why == FLOW_SCOPE_ROOT)
        text_string(out, "in ");
    else if (module->why == FLOW_SCOPE_RULE)
        text_string(out, module->recorded ? "--include " : "--exclude ");
    else
        text_string(out, reasons[module->why]);
    text_clean(out, module->what);
}

/* Names from `first` on, over as many lines as they take; returns how many. */
static uint32_t
put_names(struct text *out, const struct module *modules, uint32_t count, unsigned indent, unsigned width)
{
    unsigned column = 0;
    uint32_t i = 0;
    for (; i < count && i < NAMES_MAX; i++) {
        size_t start = out->length;
        text_clean(out, modules[i].name);
        unsigned columns = (unsigned)text_columns(out->data + start, out->failed ? 0 : out->length - start) + 1;
        text_truncate(out, start);
        if (column == 0 || column + columns > width) {
            text_format(out, "\n%*s", (int)indent, "");
            column = indent;
        }
        else {
            text_string(out, " ");
        }
        text_clean(out, modules[i].name);
        column += columns;
    }
    return i;
}

static bool
is_alike(const struct module *a, const struct module *b)
{
    return a->recorded == b->recorded && a->why == b->why && slice_equals(a->what, b->what);
}

void
show_modules(struct text *out, const struct model *model, unsigned indent, unsigned width)
{
    for (uint32_t i = 0; i < model->module_count;) {
        const struct module *first = &model->modules[i];
        uint32_t count = 1;
        while (i + count < model->module_count && is_alike(first, first + count))
            count++;
        if (i)
            text_format(out, "%*s", (int)indent, "");
        text_string(out, first->recorded ? "recorded, " : "left out, ");
        put_reason(out, first);
        text_string(out, ":");
        uint32_t shown = put_names(out, first, count, indent + 2, width);
        if (shown < count) {
            text_string(out, " ");
            text_dots(out);
            text_format(out, " %u more", count - shown);
        }
        text_string(out, "\n");
        i += count;
    }
}
