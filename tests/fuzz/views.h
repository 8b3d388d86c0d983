/* views.h - each view of a model, asked for with what a seed says. */
#ifndef FLOW_VIEWS_H
#define FLOW_VIEWS_H

#include "../../src/model/model.h"
#include "../../src/model/text.h"
#include "seed.h"

/* Text of views that tell all that there is: who asks for that gets it. */
extern size_t views_longest;

struct view {
    const char *name;
    void (*show)(const struct model *model, const struct seed *seed, struct text *text);
};

#define VIEWS 14

extern const struct view views[VIEWS];

/* The two as one tree of differences. Is there none? */
bool views_diff(const struct model *a, const struct model *b, const struct seed *seed, struct text *text);

#endif
