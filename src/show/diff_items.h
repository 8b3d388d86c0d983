/* diff_items.h - which differences a tree of them tells, and what stands for what; and the way through that.
 *
 * An item stands at its place in the tree, with what is changed in it: one difference, or the first of several of its
 * shape; or, of node MODEL_NONE, calls that are alike.
 */
#ifndef FLOW_DIFF_ITEMS_H
#define FLOW_DIFF_ITEMS_H

#include "diff_printer.h"

struct diff_item {
    uint32_t node;
    uint32_t members;
    uint32_t last;  /* node */
    uint64_t alike; /* calls */
};

struct diff_items {
    struct diff_printer *printer; /* Borrowed, as is the next */
    const struct diff *diff;
    uint64_t *shapes;        /* Owned; by node */
    uint32_t *first_item;    /* Owned; by node; MODEL_NONE: its children are not told */
    uint32_t *item_count;    /* Owned; by node: so many are told ... */
    uint32_t *told;          /* Owned; ... which hold so many of its differences */
    uint32_t *rank; /* Owned; by node: so many items were told before its children; the best are told first */
    struct diff_item *items; /* Owned */
    uint32_t count, room;
    uint32_t begin; /* of the items of the node that is being looked at */
    uint64_t *keys; /* Owned; of one node's children that differ, as the rest here */
    uint32_t *nodes, *positions, *scratch, *seen;
    uint32_t wide; /* children for which there is room in these */
};

/* Of as many lines as printer->options say. 0 or -ENOMEM; to be closed in any case. */
int diff_items_open(struct diff_items *out, struct diff_printer *printer);
void diff_items_close(struct diff_items *items);
/* Does something in the node's children differ? Then the walk enters it. */
bool diff_items_any_in(const struct diff_items *items, uint32_t node);

enum diff_step_kind {
    DIFF_STEP_CALL, /* of an item; if it is entered what is in it comes next */
    DIFF_STEP_ALIKE, /* calls */
    DIFF_STEP_MORE, /* such as the item that was told before it */
    DIFF_STEP_REST, /* differences that are not told */
    DIFF_STEP_LEAVE, /* the node that was entered */
};

struct diff_step {
    enum diff_step_kind kind;
    const struct diff_item *item; /* of CALL, ALIKE and MORE */
    uint32_t rest;
    bool root, last; /* at the top; nothing stands below it at its level */
    bool entered;
    size_t *mark; /* one number of the level on which this stands, for who walks; 0 at first */
};

struct diff_level {
    uint32_t node; /* whose children these are */
    uint32_t at; /* the next of its items */
    uint32_t such; /* an item of which is still to be said how many more there are, or MODEL_NONE */
    uint32_t rest; /* differences in there that are not told */
    size_t mark;
};

/* Depth first. A zeroed one is at the start. */
struct diff_walk {
    struct diff_level *levels; /* Owned */
    uint32_t depth, room;
    bool begun, failed;
};

/* False at the end, and where there is no memory: then it has failed. */
bool diff_walk_next(struct diff_walk *walk, const struct diff_items *items, struct diff_step *step);
void diff_walk_free(struct diff_walk *walk);

#endif
