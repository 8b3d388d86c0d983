/* diff_build.h - what diff.c and diff_children.c share while the tree of differences is made. */
#ifndef FLOW_DIFF_BUILD_H
#define FLOW_DIFF_BUILD_H

#include "diff.h"

struct diff_list {
    uint32_t *items; /* Owned */
    uint32_t count, room;
};

/* Roots that belong together: of one task or thread. */
struct diff_unit {
    uint64_t key;   /* by which it is looked for */
    uint32_t first; /* in the list of roots */
    uint32_t count;
    uint32_t pair;  /* unit of the other run, or MODEL_NONE */
};

struct diff_units {
    struct diff_unit *items; /* Owned */
    uint32_t count, room;
    struct diff_list roots;  /* unit by unit, each in order */
};

struct diff_builder {
    struct diff *diff;
    struct diff_list calls_a, calls_b, pairs;
    struct diff_units units_a, units_b;
};

/* diff_children.c: appends the children of a pair, those that it called and then those that it started. */
int diff_add_children(struct diff_builder *builder, uint32_t node);
void diff_builder_close(struct diff_builder *builder);

/* The node, or NULL without memory. Pointers to others no longer hold. */
struct diff_node *diff_append(struct diff *diff, struct diff_node node);
/* What of the two calls themselves differs: enum diff_what. */
uint8_t diff_compare(struct diff *diff, uint32_t a, uint32_t b);

#endif
