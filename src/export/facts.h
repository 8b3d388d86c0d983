/* facts.h - what is to be said of a call beside its name and times, in the same words in every format. */
#ifndef FLOW_FACTS_H
#define FLOW_FACTS_H

#include "../model/model.h"
#include "plain.h"

/* Is it one in which a call waits? Others are those in which it has yielded a value and its consumer works. */
static inline bool
facts_pause_waits(const struct pause *pause)
{
    return pause->yield == FLOW_YIELD_AWAIT;
}

enum fact {
    FACT_CALL,        /* its number: #1204 */
    FACT_GOES_ON,     /* this is a further piece of it: only the number comes with it */
    FACT_CREATED_BY,  /* the call that started its task, thread, job or process */
    FACT_OUTCOME,     /* unless it returned: raised, running, abandoned */
    FACT_RESULT,
    FACT_RAISED,      /* the exception that it ended with */
    FACT_RAISED_AT,   /* file and line */
    FACT_CAUGHT_BY,   /* the call that caught it in the end */
    FACT_CAUGHT,      /* exceptions that it raised and caught itself: the first CAUGHT_SHOWN, and how many more */
    FACT_CANCELLED,   /* a cancellation that was thrown into it and that it kept to itself */
    FACT_SUSPENSIONS, /* how often */
    FACT_WAITING_NS,  /* how long in all */
    FACT_AWAITED,     /* what its longest wait was for */
    FACT_COUNT,
};

extern const char *const fact_names[FACT_COUNT];

struct fact_visitor {
    void (*fact)(void *context, enum fact fact, const struct plain *value);
    /* Each parameter's value, between begin_arguments() and end_arguments(); none of the three if it has none. */
    void (*begin_arguments)(void *context);
    void (*argument)(void *context, const struct code *code, uint32_t parameter, const struct plain *value);
    void (*end_arguments)(void *context);
};

/* `room` is for texts. */
void facts_tell(const struct model *model, uint32_t call, struct text *room, const struct fact_visitor *visitor,
                void *context);
/* Of a further piece of it. */
void facts_tell_number(const struct model *model, uint32_t call, const struct fact_visitor *visitor, void *context);

/* What a wait was for: "Future", "task fetch"; empty if that is not known. */
void facts_awaited(struct text *out, const struct model *model, struct value value);
/* The same of one pause; what was yielded, where it is one of a generator. */
void facts_pause_for(struct text *out, const struct model *model, const struct pause *pause);
/* "wait: Future", "wait: task fetch", "wait", "yield 3", "yield" */
void facts_pause(struct text *out, const struct model *model, const struct pause *pause);
/* The call that called it; MODEL_NONE too if that is a copy by a fork of what is not there. */
uint32_t facts_caller(const struct model *model, const struct call *call);
/* The call that caught it, or that kept to itself what was thrown into it; or MODEL_NONE. */
uint32_t facts_catcher(const struct exception *exception);
/* The call that created what this root is, or that its place in a forked process comes from; or MODEL_NONE. */
uint32_t facts_creator(const struct model *model, uint32_t call);

#endif
