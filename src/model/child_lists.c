#include "child_lists.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
child_lists_build(struct child_lists *out, const struct model *model)
{
    size_t n = (size_t)model->call_count + 1;
    *out = (struct child_lists){malloc(n * sizeof *out->first), malloc(n * sizeof *out->next)};
    if (!out->first || !out->next) {
        child_lists_free(out);
        return -ENOMEM;
    }
    memset(out->first, 0xff, n * sizeof *out->first); /* MODEL_NONE */
    for (uint32_t i = model->call_count; i-- > 0;) {
        uint32_t parent = model->calls[i].parent;
        out->next[i] = parent == MODEL_NONE ? MODEL_NONE : out->first[parent];
        if (parent != MODEL_NONE)
            out->first[parent] = i;
    }
    return 0;
}

void
child_lists_free(struct child_lists *lists)
{
    free(lists->first);
    free(lists->next);
    *lists = (struct child_lists){0};
}
