/* diff.h - two runs of a program as one tree: what both did alike, and where they part.
 *
 * Each call of one run is paired with one of the other, or is there in one only.
 * Calls are paired by module and qualified name, never by line. What a call
 * started (tasks, threads, jobs, processes) is paired by kind, name and what it
 * did, in no order: scheduling is no difference.
 *
 * Children of a pair are looked at only if something in them differs, so what is
 * equal costs a hash a call. No function here calls itself, whatever the depth.
 */
#ifndef FLOW_DIFF_H
#define FLOW_DIFF_H

#include "likeness.h"

/* One run, as a tree in arrays by call; the root above all calls is calls[call_count]. */
struct diff_side {
    const struct model *model;
    struct likeness match;
    bool values;             /* arguments and results are compared */
    uint64_t *functions;     /* Owned; hash, by code */
    uint8_t *ignored;        /* Owned; by code: 1 the function, 2 some of its parameters */
    uint32_t *first_child;   /* Owned; what it called, in order; MODEL_NONE: nothing */
    uint32_t *first_spawned; /* Owned; roots of what it started, in order of their start */
    uint32_t *next;          /* Owned; in the list that the call stands in */
    uint32_t *last;          /* Owned; the last call within it, by its own thread or task */
    uint32_t *calls;         /* Owned; in the subtree, itself included; 0: left out */
    uint64_t *begin;         /* Owned; hash of function and arguments */
    uint64_t *whole;         /* Owned; of all that it did */
    uint32_t compared;       /* calls that are not left out */
};

/* 0 or -ENOMEM. */
int diff_side_open(struct diff_side *out, const struct model *model, bool values, const struct names *ignored);
void diff_side_close(struct diff_side *side);
/* Does the parameter count? */
bool diff_side_compares(const struct diff_side *side, const struct code *code, uint32_t parameter);
/* What belongs to one track, or a job of its own: the same for roots that are to be kept in order. */
uint64_t diff_side_unit(const struct diff_side *side, uint32_t root);
/* Its kind and name, as far as that was chosen. */
uint64_t diff_side_unit_name(struct diff_side *side, uint32_t root, bool named);

/* Pairs calls a[0..n) with b[0..m) in order: pairs[i] is the index in b, or MODEL_NONE. 0 or -ENOMEM. */
int diff_align(const struct diff_side *side_a, const uint32_t *a, uint32_t n, const struct diff_side *side_b,
               const uint32_t *b, uint32_t m, uint32_t *pairs);

enum diff_kind {
    DIFF_PAIR,  /* something in it differs */
    DIFF_GONE,  /* only in the first run */
    DIFF_ADDED, /* only in the second */
    DIFF_ALIKE, /* calls in a row in which nothing does */
};

enum diff_what {
    DIFF_ARGUMENTS = 1,
    DIFF_RESULT = 2,
    DIFF_OUTCOME = 4, /* returned, raised, still running */
    DIFF_EXCEPTION = 8,
    DIFF_YIELDS = 16,
    DIFF_MOVED = 32,
    DIFF_NAME = 64, /* of its task or thread */
};

struct diff_node {
    uint32_t a, b;        /* calls; MODEL_NONE where there is none; of ALIKE the first */
    uint32_t parent;      /* node */
    uint32_t first_child; /* node; children stand in a row, in order */
    uint32_t child_count;
    uint32_t calls;       /* that the node stands for, with all in them; of a pair the first run's */
    uint32_t differences; /* in here; itself counts one */
    uint32_t after;       /* the last call of the first run before it, where `a` does not tell */
    uint8_t kind;         /* enum diff_kind */
    uint8_t what;         /* enum diff_what */
    bool spawned;
};

struct diff {
    struct diff_side a, b;
    struct diff_node *nodes; /* Owned; nodes[0] is the root; parents before their children */
    uint32_t node_count, node_room;
    uint32_t first;          /* the node where the runs part first, by the order of the first; MODEL_NONE: nowhere */
    uint8_t first_what;      /* which of its differences that is */
    uint32_t agree;          /* calls before that */
};

struct diff_options {
    bool values;
    struct names ignored;
};

/* Both models must outlive it. 0 or -ENOMEM. */
int diff_build(struct diff *out, const struct model *a, const struct model *b, const struct diff_options *options);
void diff_free(struct diff *diff);

#endif
