/* target.h - all that reads a trace, run over the bytes of a seed. What must hold of any bytes is checked. */
#ifndef FLOW_TARGET_H
#define FLOW_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOLDS(condition)                                   \
    do {                                                   \
        if (!(condition))                                  \
            target_failed(__FILE__, __LINE__, #condition); \
    } while (0)

/* At most so much memory at one time, for a file of `size` bytes. */
#define TARGET_MEMORY(size) (64 * (size_t)(size) + ((size_t)16 << 20))
/* CPU time that a seed may take where its work is drawn: 1 at first, more under sanitizers. Everything together may take
 * four times as long. Who only replays may allow more. */
extern double target_seconds;

/* Each seed is read and modelled, and one thing more is done with the model, by the seed's hash: a view, a filter
 * and a view, a comparison, writing anew. Else everything is done with each. Set it before the first run. */
extern bool target_draws;

/* What the seeds so far took at most. */
struct target_cost {
    double seconds;
    double memory; /* per byte of the file, beyond what every file may take */
    size_t calls; /* all told */
};

extern struct target_cost target_cost;

/* Calls target_failed() for what doesn't hold. */
void target_run(const uint8_t *data, size_t size);
/* The program that is linked with this has it. */
void target_failed(const char *file, int line, const char *what);

#endif
