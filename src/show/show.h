/* show.h - the views for a terminal. Each writes its text through a sink, as it grows. */
#ifndef FLOW_SHOW_H
#define FLOW_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "../model/model.h"
#include "../model/text.h"
#include "../trace/recover.h"

#define SHOW_LINES_DEFAULT 200
#define SHOW_FIELDS_MAX 16

/* What may stand at the right of a line. */
enum show_field {
    SHOW_RUNNING,  /* without waits */
    SHOW_DURATION, /* with them */
    SHOW_WAITING,
    SHOW_SELF,     /* running, without the calls that it made */
    SHOW_START,    /* since the recording began */
    SHOW_THREAD,   /* or task, or greenlet */
    SHOW_WHERE,    /* file and line of the function */
    SHOW_DEPTH,
    SHOW_CALL,     /* its number */
    SHOW_FIELDS,
};

extern const char *const show_field_names[SHOW_FIELDS];

/* What the one who reads can do about what isn't shown; each goes on behind "; " or ": ". */
struct show_hints {
    const char *more, *all; /* of lines that were left out */
    const char *hidden;     /* of definitions that did nothing; maybe "" */
    const char *newest;     /* of old calls that were not read */
    const char *missing;    /* of what is damaged or lost */
};

struct show_options {
    uint64_t call;   /* of show_call() */
    bool by_task;    /* what a task did stands beside the call that created it, not under that */
    uint64_t live_from_ns, live_to_ns; /* of a program that runs: it was left with what it did then; else 0, 0 */
    bool chains;     /* of single calls within each other on one line */
    bool wide;       /* no line is cut to the width */
    bool full;       /* nor a value */
    bool links;      /* the terminal takes links */
    unsigned field_count; /* 0: the usual times */
    uint8_t fields[SHOW_FIELDS_MAX]; /* enum show_field */
    unsigned lines;  /* budget; 0: everything */
    unsigned width;  /* columns of the terminal */
    bool color;
    bool ascii;      /* only ASCII, for poor terminals */
    bool arguments;  /* show arguments */
    bool results;    /* show results */
    bool time;       /* show durations */
    unsigned long long newest; /* calls that are read of a big trace, about; 0: all */
    bool sources;    /* compare source files with those that lie on this machine's disk */
    unsigned exceptions; /* so many of the calls that one left are named; 0: nothing of its way is told */
    const struct show_hints *hints; /* NULL: those of the command line */
};

extern const struct show_hints show_hints_page;  /* of who reads a page that somebody sent */
extern const struct show_hints show_hints_cell;  /* of who wrote %%flowtrace */
extern const struct show_hints show_hints_trace; /* of who has a Trace in Python */
extern const struct show_hints show_hints_call;  /* a Call */
extern const struct show_hints show_hints_diff;  /* a Diff */
/* Those of the command line for NULL. */
const struct show_hints *show_hints(const struct show_options *options);

/* The story: a header line, then the tree. Appends UTF-8 to `out`. 0 or -ENOMEM. */
int show_tree(struct text *out, const struct model *model, const struct show_options *options);

/* The same with what a task did beside the call that created it. */
int show_tasks(struct text *out, const struct model *model, const struct show_options *options);

/* The story of exceptions alone, what was swallowed apart. */
int show_errors(struct text *out, const struct model *model, const struct show_options *options);

/* All of call options->call, counted from 1. -ERANGE, and a sentence that says so, if there is none. */
int show_call(struct text *out, const struct model *model, const struct show_options *options);

/* What `flowtrace info` prints: the file, its processes, tracks, counts, bytes, damage. */
int show_info(struct text *out, const struct model *model, const struct show_options *options);

/* What `flowtrace info --verify` prints: all that is damaged. `sound` if nothing is. 0 or -ENOMEM. */
int show_verify(struct text *out, struct reader *reader, bool *sound);

/* The same without the last line, and of so many things only. */
int show_damage(struct text *out, struct reader *reader, unsigned shown, bool *sound);

/* What a recovered trace lacks: "its end was cut off, 2 chunks are missing". Nothing if it lacks nothing. */
void show_losses(struct text *out, const struct reader *reader, const struct repair *repair,
                 const struct losses *losses);
/* What `flowtrace recover` prints last. */
void show_recovered(struct text *out, const struct reader *reader, const struct repair *repair,
                    const struct losses *losses);

/* Its modules: recorded or not, and why. The first line goes on where `out` stands, later ones are indented. */
void show_modules(struct text *out, const struct model *model, unsigned indent, unsigned width);

/* What has changed of the files of its functions; nothing if nothing has. A sentence, behind others in `out`. */
void show_changed(struct text *out, const struct model *model);
/* The same in numbers and names. The first line goes on where `out` stands, later ones are indented. */
void show_sources(struct text *out, const struct model *model, unsigned indent);

/* "41.2 ms": three significant digits and the right unit. */
void show_duration(struct text *out, uint64_t ns, bool ascii);
/* "0.20 … 3.41 ms" */
void show_duration_range(struct text *out, uint64_t low, uint64_t high, bool ascii);

/* "SIGKILL" */
const char *show_signal_name(int number);

#endif
