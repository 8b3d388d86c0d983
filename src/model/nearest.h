/* nearest.h - "did you mean process?": of many names the one that is most like one that is not there. */
#ifndef FLOW_NEAREST_H
#define FLOW_NEAREST_H

#include "../trace/slice.h"

struct nearest {
    struct slice wanted;
    struct slice found;  /* empty: none is near */
    unsigned distance;
};

struct nearest nearest_to(const char *wanted);
void nearest_try(struct nearest *nearest, struct slice name);

#endif
