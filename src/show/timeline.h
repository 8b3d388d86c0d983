/* timeline.h - tracks as lanes of text over time. */
#ifndef FLOW_SHOW_TIMELINE_H
#define FLOW_SHOW_TIMELINE_H

#include "../model/timeline.h"
#include "show.h"

/* What lies `within` that time, as wide as the terminal. -ERANGE, and a sentence, where that is too narrow or the trace
 * has no times. 0 or -ENOMEM. */
int show_timeline(struct text *out, const struct model *model, struct range within, const struct show_options *options);

#endif
