/* filter.h - which calls a person wants to see: the vocabulary that all verbs share.
 *
 * A filter is a list of conditions, each an option's name and its text: "--duration", "1ms..5ms". A call passes if,
 * for every option that was given, one of its conditions holds. --under, --test, --callers-of and --only follow the story
 * (outline_parent()), so they go from a task or thread to the call that made it.
 */
#ifndef FLOW_FILTER_H
#define FLOW_FILTER_H

#include "model.h"
#include "range.h"
#include "value_match.h"

enum filter_kind {
    FILTER_FUNCTION,
    FILTER_MODULE,
    FILTER_FILE,
    FILTER_TRACK,
    FILTER_PROCESS,
    FILTER_DEPTH,
    FILTER_DURATION,
    FILTER_BETWEEN,
    FILTER_RAISED,
    FILTER_RETURNED,
    FILTER_OUTCOME,
    FILTER_ARG,
    FILTER_UNDER,
    FILTER_TEST,
    FILTER_CALLERS_OF,
    FILTER_ONLY,
    FILTER_HIDE,
    FILTER_FIRST,
    FILTER_LAST,
    FILTER_KINDS,
};

struct condition {
    enum filter_kind kind;
    char *text;          /* Owned; as it was given; of --arg the name alone */
    struct range range;  /* DEPTH, DURATION, BETWEEN */
    uint64_t number;     /* PROCESS, FIRST, LAST, OUTCOME */
    char *wanted;        /* Owned; ARG, RETURNED: the value's text, */
    struct value_pattern value; /* compiled */
};

struct filter {
    struct condition *conditions; /* Owned */
    uint32_t count, room;
    uint32_t given[FILTER_KINDS]; /* conditions of each kind */
};

/* Adds a condition to a filter that begins as {0}. 0; -EINVAL, with a sentence in `error` that names the option, its
 * text and the character; or -ENOMEM. */
int filter_add(struct filter *filter, const char *option, const char *text, struct text *error);
void filter_free(struct filter *filter);

/* From the first to the last that its --between ask for; all of the time without one. */
struct range filter_between(const struct filter *filter);

/* keep[call] becomes 1 for those that pass, else 0. 0; -EINVAL, with a sentence, where a name fits nothing in the
 * trace or it lacks what is asked for; or -ENOMEM. */
int filter_mark(const struct filter *filter, const struct model *model, uint8_t *keep, struct text *error);

/* filter_names.c: what each function, track and exception of a model is to a filter. */

enum code_bits {
    CODE_FUNCTION = 1, /* of --function, or that was not given */
    CODE_MODULE = 2,
    CODE_FILE = 4,
    CODE_UNDER = 8,
    CODE_CALLERS_OF = 16,
    CODE_ONLY = 32,
    CODE_HIDE = 64,
    CODE_TEST = 128,
};

struct filter_names {
    uint8_t *codes;       /* Owned; enum code_bits, by code->index */
    bool *tracks;         /* Owned; of --track and --process */
    bool *exceptions;     /* Owned; of --raised; NULL if that was not given */
    uint32_t *parameters; /* Owned; the n-th --arg's in code i at n * code_count + i, or MODEL_NONE */
};

/* As filter_mark(). Free what it has made in any case. */
int filter_names_find(struct filter_names *out, const struct filter *filter, const struct model *model,
                      struct text *error);
void filter_names_free(struct filter_names *names);

#endif
