/* model_fixture.h - a trace built by hand, and the model of it. */
#ifndef FLOW_MODEL_FIXTURE_H
#define FLOW_MODEL_FIXTURE_H

#include "../../src/model/model.h"
#include "../../src/model/text.h"
#include "trace_builder.h"
#include "unit.h"

struct fixture {
    struct trace_builder b;
    struct reader reader;
    struct model model;
};

static inline void
end(struct fixture *f)
{
    CHECK_NUMBER(build_open(&f->b, &f->reader), 0);
    CHECK_NUMBER(model_build(&f->model, &f->reader), 0);
}

static inline void
finish(struct fixture *f)
{
    model_free(&f->model);
    reader_close(&f->reader);
    build_free(&f->b);
}

/* To the letter. */
static inline void
check_told(const struct text *text, const char *expected, const char *file, int line)
{
    if (text->length != strlen(expected) || memcmp(text->data, expected, text->length))
        unit_fail(file, line, "got\n%.*s\ninstead of\n%s", (int)text->length, text->data ? text->data : "", expected);
}

#endif
