/* value_path.h - the way of a value through the calls: who returned it, and who got it afterwards.
 *
 * Calls show values only where they are passed or returned. Values that look alike count as the same one, unless the
 * pattern names an object by its number.
 */
#ifndef FLOW_VALUE_PATH_H
#define FLOW_VALUE_PATH_H

#include "model.h"
#include "value_match.h"

#define VALUE_OBJECTS_MAX 16

struct sighting {
    uint64_t when;      /* in order: ns, or without times a number */
    uint32_t call;
    uint32_t parameter; /* that it was, or MODEL_NONE: it was the result */
    bool within;        /* in a container or an object, not by itself */
};

struct value_path {
    struct sighting *sightings; /* Owned; in order */
    uint32_t count, room;
    uint32_t before;    /* calls that had got it before any had returned it are left out */
    bool returned;      /* by any */
    struct {
        uint32_t process;
        uint64_t identity;
    } objects[VALUE_OBJECTS_MAX]; /* that were seen by themselves: different ones */
    uint32_t object_count;
};

/* 0 or -ENOMEM. */
int value_path_find(struct value_path *out, const struct model *model, const struct value_pattern *pattern);
void value_path_free(struct value_path *path);

#endif
