/* select.h - leaves in a model what a filter lets through.
 *
 * The model is changed in place, so that every view works on it as on any other: calls that are left out are gone,
 * what they called moves up to the nearest call above that is kept, on the same track, and a root stands where the
 * one above it stood. Exceptions keep the part of their way that leads through kept calls; those that concern none
 * are gone. Where the call that caught one is gone its code is not: exception->catcher.
 */
#ifndef FLOW_SELECT_H
#define FLOW_SELECT_H

#include "filter.h"

/* 0; -EINVAL with a sentence in `error`, the model being as it was; -ENOMEM, and then it may only be freed. */
int model_select(struct model *model, const struct filter *filter, struct text *error);

/* select_exceptions.c: with the calls still as they were, what exceptions tell of them is told in the numbers that
 * they will have, `renumbered`: MODEL_NONE for those that go. 0 or -ENOMEM. */
int select_exceptions(struct model *model, const uint32_t *renumbered);

#endif
