/* otlp.h - what the files that write OpenTelemetry's spans share: otlp.c the spans, otlp_events.c what happened in them.
 */
#ifndef FLOW_OTLP_H
#define FLOW_OTLP_H

#include "export.h"
#include "facts.h"
#include "traceback.h"

#define TRACE_ID_DIGITS 32
#define SPAN_ID_DIGITS 16

struct otlp {
    struct sink *sink;
    const struct export *export;
    const struct model *model;
    char trace_id[TRACE_ID_DIGITS + 1];
    char remote_parent[SPAN_ID_DIGITS + 1]; /* of what is at the top; empty: nothing */
    uint64_t seed; /* of the ids of spans */
    uint64_t start_unix_ns;
    uint32_t *last_within; /* Owned; of a trace without times: the last call within each; else NULL */
    uint32_t process; /* of the line's resource; MODEL_NONE: no line was begun */
    uint32_t spans; /* in the line */
    uint64_t line_begin; /* what had been written before */
    bool any_attribute;
    struct text scratch, name;
    struct tracebacks tracebacks;
};

/* JSON */

void otlp_put(struct otlp *otlp, const char *string);
/* Between brackets, which the caller closes. */
void otlp_begin_attributes(struct otlp *otlp);
/* {"key":"...","value":{ which the caller goes on with, or all of it. */
void otlp_put_key(struct otlp *otlp, const char *key);
void otlp_put_string(struct otlp *otlp, const char *key, struct slice text);
/* Nothing where there is none. */
void otlp_put_slice(struct otlp *otlp, const char *key, struct slice text);
void otlp_put_word(struct otlp *otlp, const char *key, const char *word);
void otlp_put_int(struct otlp *otlp, const char *key, int64_t number);
void otlp_put_value(struct otlp *otlp, const struct plain *value);

uint64_t otlp_end_of(const struct otlp *otlp, uint32_t call);

/* otlp_events.c */

/* The exception that makes the call one that has failed, or NULL. */
const struct exception *otlp_error_of(const struct model *model, const struct call *call);
/* "shop.errors.PaymentError" */
void otlp_put_type(struct otlp *otlp, const char *key, const struct exception *exception);
void otlp_put_events(struct otlp *otlp, uint32_t call);

#endif
