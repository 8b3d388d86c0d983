/* progress.h - how far something has come that may take long; and whether it is still wanted. */
#ifndef FLOW_PROGRESS_H
#define FLOW_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_STEP 0x10000 /* calls or records between two words of it */

struct progress {
    /* Is it to be stopped? `doing` is a verb: "reading". */
    bool (*tell)(void *context, const char *doing, uint64_t done, uint64_t total);
    void *context;
};

/* 0, or -ECANCELED. Without anybody who wants to know it goes on. */
int progress_tell(const struct progress *progress, const char *doing, uint64_t done, uint64_t total);

#endif
