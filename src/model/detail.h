/* detail.h - what FLOW_EXTENDED_EXCEPTION says: read at once, notes and groups when they are asked for. */
#ifndef FLOW_DETAIL_H
#define FLOW_DETAIL_H

#include "model.h"

/* Fills in the exception; the ids of its cause and of the group it was split off, or 0. */
void detail_read(struct exception *exception, struct slice payload, uint64_t *cause, uint64_t *split_from);

struct detail_list {
    const uint8_t *p, *end;
    uint64_t total; /* of the original, which may be more than are recorded */
};

struct leaf {
    struct slice type, message;
    uint32_t nesting; /* groups between it and the outermost */
};

struct detail_list detail_notes(const struct exception *exception);
struct detail_list detail_files(const struct exception *exception);
bool detail_next_text(struct detail_list *texts, struct slice *out);
struct detail_list detail_leaves(const struct exception *exception);
bool detail_next_leaf(struct detail_list *leaves, struct leaf *out);

#endif
