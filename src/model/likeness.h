/* likeness.h - are two recorded values the same, as far as both were recorded?
 *
 * Values are compared as what they are, not as their texts. What varies from run
 * to run (varying.h), what is ignored by name, an object's number and the order
 * of a set make no difference. Equal values have equal hashes, unless one of
 * them was cut off earlier than the other.
 */
#ifndef FLOW_LIKENESS_H
#define FLOW_LIKENESS_H

#include "hash.h"
#include "names.h"
#include "text.h"
#include "varying.h"

#define LIKENESS_CACHED 256

struct value_cache {
    const char *data;
    size_t length;
    uint64_t hash;
    bool named, plain;
};

/* One run's values. */
struct likeness {
    const struct reader *reader;
    struct varying varying;
    struct names ignored;
    bool plain;      /* for now what varies counts as well */
    uint64_t budget; /* bytes that may still be looked at: a damaged trace may name one long text a million times */
    struct value_cache cache[LIKENESS_CACHED]; /* of long texts */
};
/* 0 or -ENOMEM. */
int likeness_open(struct likeness *out, const struct model *model, const struct names *ignored);
void likeness_close(struct likeness *match);

/* Advances past the value; of one that is damaged, to its end. */
uint64_t likeness_hash(struct likeness *match, struct value *value);
uint64_t likeness_hash_text(struct likeness *match, struct slice text, bool named);

#define VALUE_CHANGES_MAX 3

/* Where two values differ: "" for as a whole, or ".total", "['key']", "[2]" ... */
struct value_change {
    struct text path; /* Owned */
    struct value a, b;
};

struct value_changes {
    struct value_change items[VALUE_CHANGES_MAX];
    uint32_t count; /* may be more than there is room for */
    bool ascii;
};

/* True if there is any. */
bool likeness_differ(struct likeness *a, struct likeness *b, struct value value_a, struct value value_b,
                     struct value_changes *out);
void value_changes_free(struct value_changes *places);

#endif
