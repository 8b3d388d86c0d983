/* export.h - a trace in the formats of others: each has a file of its own, and a line in formats.c.
 *
 * An exporter walks over the model, which filters may have changed, and writes to a sink. What it needs of every format
 * - names, labels, values as text, times from the start, the intervals of a timeline - is in label.h and spans.h.
 */
#ifndef FLOW_EXPORT_H
#define FLOW_EXPORT_H

#include "../model/model.h"
#include "../model/progress.h"
#include "sink.h"
#include "spans.h"

/* What a flamegraph's widths are. */
enum weight { WEIGHT_RUNNING = 0, WEIGHT_WAITING = 1, WEIGHT_CALLS = 2 };

/* Between what messages go. */
enum export_by { BY_MODULE = 0, BY_CLASS = 1, BY_TRACK = 2 };

struct export_options {
    enum export_by by;
    enum weight weight;
    uint32_t lines;          /* of a picture that is folded to fit; 0: the format's own */
    const char *title;       /* of a page: the name of the trace; never NULL */
    const char *traceparent; /* W3C trace context to continue; empty: none */
};

struct export
{
    struct sink *sink;
    const struct model *model;
    const struct model *before; /* of the trace to compare with; or NULL */
    const struct export_options *options;
    const struct progress *progress; /* or NULL */
};

/* Writes all of it: 0, -errno, -ECANCELED. A failure of the sink need not be looked at. */
typedef int export_function(struct export *export);

struct export_format {
    const char *name;
    export_function *write;
    enum pauses_kept pauses; /* that the model is to have */
};

export_function export_dot;
export_function export_flame;
export_function export_folded;
export_function export_json;
export_function export_mermaid;
export_function export_speedscope;
export_function export_chrome;
export_function export_perfetto;
export_function export_otlp;

/* formats.c: NULL if there is none of that name. */
const struct export_format *export_format_find(const char *name);
/* The names of all, NULL behind the last. */
extern const struct export_format export_formats[];

/* Every so many calls: -ECANCELED if nobody wants it any more, or the sink's failure. */
int export_step(const struct export *export, uint64_t done, uint64_t total);

#endif
