/* chain.h - the siblings under one line of a story, while it is built: the newest of its lines, from `base` on.
 *
 * Where there are more than there is room for, those of equal shape are gathered
 * wherever they stand; where that isn't enough, those that tell least are left out.
 */
#ifndef FLOW_CHAIN_H
#define FLOW_CHAIN_H

#include "story.h"

/* 0: an exception was raised in it, 1: a call in it still runs, 2: neither. */
unsigned chain_rank(const struct story *story, const struct story_line *line);
/* How many lines are printed for one, its exceptions' ways included. */
uint32_t chain_line_cost(const struct story *story, const struct story_line *line);
/* The same for all, from this line on, the notes of skipped ones included. */
uint32_t chain_cost(const struct story *story, uint32_t line);
/* Lines of equal shape become one where that makes them fit, or half as many at least. 0 or -ENOMEM. */
int chain_gather(struct story *story, uint32_t base, uint32_t *lines, uint32_t limit);
/* Keeps of too many siblings the first and those that tell most: 1, 0 if even that
 * does not fit the limit, or -ENOMEM. */
int chain_thin_out(struct story *story, uint32_t base, uint32_t lines, uint32_t limit);
/* Drops the lines from `base` on. */
void chain_forget(struct story *story, uint32_t base);

#endif
