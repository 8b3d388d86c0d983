/* names.h - a list of names with wildcards (glob.h), as --ignore takes them. */
#ifndef FLOW_NAMES_H
#define FLOW_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "../trace/slice.h"

struct names {
    const char *const *patterns; /* Borrowed */
    bool *used;                   /* Borrowed; which of them something was named by; or NULL */
    uint32_t count;
};

bool names_hold(const struct names *names, struct slice name);
/* A function goes by its qualified name, by the last part of that, and by the whole behind its module's. */
bool names_hold_function(const struct names *names, struct slice module, struct slice qualname);

#endif
