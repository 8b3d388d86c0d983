/* show_diff.h - what `flowtrace diff` prints: where two runs part, and what differs. */
#ifndef FLOW_SHOW_DIFF_H
#define FLOW_SHOW_DIFF_H

#include "../model/names.h"
#include "show.h"

struct show_diff_options {
    const char *name_a, *name_b; /* of the files */
    bool values;                 /* arguments and results are compared */
    bool time;                   /* and how long calls took */
    struct names ignored;
};

/* 0 or -ENOMEM. */
int show_diff(struct text *out, const struct model *a, const struct model *b, const struct show_options *show,
              const struct show_diff_options *options, bool *same);

#endif
