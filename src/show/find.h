/* find.h - calls one by one, each on a line with its number; and the way of a value through them. */
#ifndef FLOW_FIND_H
#define FLOW_FIND_H

#include "../model/value_match.h"
#include "show.h"

/* All calls of the model, options->lines of them at most; sets how many there are. 0 or -ENOMEM. */
int find_print(struct text *out, const struct model *model, const struct show_options *options, uint32_t *found);
/* Where the value was returned and passed, in order of time. 0 or -ENOMEM. */
int find_print_path(struct text *out, const struct model *model, const struct show_options *options,
                    const struct value_pattern *value, uint32_t *found);

#endif
