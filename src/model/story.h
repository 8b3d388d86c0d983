/* story.h - what is told of an outline: folded, and cut to a number of lines.
 *
 * A line stands for one call, or for several of equal shape that did the same
 * in a row or in the rounds of a loop; then the lines under it stand for what
 * all of them did. Lines are opened best first: the way to an exception, calls
 * that still run, then what lies high, is new and is big, until the budget is used
 * up.
 */
#ifndef FLOW_STORY_H
#define FLOW_STORY_H

#include "outline.h"

struct story_line {
    uint32_t *calls;      /* Owned; ascending; none if this is a note */
    uint32_t count;
    uint32_t parent;      /* line, or MODEL_NONE */
    uint32_t first_child; /* lines; MODEL_NONE: none, or not opened */
    uint32_t next_sibling;
    uint32_t depth;
    uint32_t skipped;     /* lines left out between this and the next sibling */
    uint64_t skipped_calls;
    uint64_t skipped_ns;        /* that they ran */
    uint32_t skipped_functions; /* that were called in there */
    uint64_t inside;      /* calls under this line in all its members */
    uint32_t rank;        /* so many lines were told when it had been opened; the best are opened first */
    uint32_t chain;       /* no call but a note: so many calls, each the only one in the one before */
    bool scattered;       /* its calls stood apart, among those of its siblings */
    bool opened;
    bool recursion;       /* what is inside is told in a word: only calls of itself */
};

struct story {
    const struct outline *outline;
    struct story_line *lines; /* Owned */
    uint32_t line_count, line_room;
    uint32_t first_root;
    uint32_t used;          /* lines that will be printed */
    uint64_t calls_left_out;
};

/* `budget` in lines, 0 for everything. 0 or -ENOMEM. */
int story_build(struct story *out, const struct outline *outline, uint32_t budget);
void story_free(struct story *story);

#endif
