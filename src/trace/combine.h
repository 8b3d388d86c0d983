/* combine.h - traces of several runs, one after the other into one file.
 *
 * Processes get new numbers, and each run says which are its own (FLOW_EXTENDED_RUN). Times of all become nanoseconds of
 * one clock: each record is written with another dt and otherwise as it is. A chunk is held in memory, never a trace.
 */
#ifndef FLOW_COMBINE_H
#define FLOW_COMBINE_H

#include "recover.h"

struct combine {
    struct output output;
    struct flow_file_header header; /* of the new trace */
    uint32_t processes, runs;       /* so far */
    uint8_t *buffer;                /* Owned; records of one chunk */
    size_t used, room;
};

/* What the runs have in common. */
struct combine_settings {
    bool time;              /* false: none has times */
    bool values;
    uint64_t start_mono_ns; /* when the first begins, on the clock of the new trace */
    uint64_t start_unix_ns; /* 0: unknown */
};

struct combine_run {
    const char *name;
    const char *clock;      /* how it was brought in line */
    uint64_t start_ns;      /* after the start of the new trace */
    const uint8_t *texts;   /* PROCESS texts of its first process, or none */
    size_t text_length;
};

/* 0 or -errno, as all of these. */
int combine_open(struct combine *out, const char *path, const struct combine_settings *settings);
/* After recover_measure(): all that can be read of it. -ENODATA: it was cut off meanwhile. */
int combine_add(struct combine *combine, struct reader *reader, const struct combine_run *run);
/* The file takes its name. -EBUSY: somebody records to what has it. */
int combine_close(struct combine *combine);
/* Frees what is left of it, whether it was closed or not. */
void combine_drop(struct combine *combine);

#endif
