/* show_fixture.h - a story built by hand, and what a view tells of it. */
#ifndef FLOW_SHOW_FIXTURE_H
#define FLOW_SHOW_FIXTURE_H

#include "../../src/show/show.h"
#include "story_builder.h"
#include "unit.h"

struct fixture {
    struct trace_builder b;
    struct reader reader;
    struct model model;
    struct text text;
};

typedef int view_function(struct text *, const struct model *, const struct show_options *);

static inline void
end(struct fixture *f)
{
    f->text = (struct text){0};
    CHECK_NUMBER(build_open(&f->b, &f->reader), 0);
    CHECK_NUMBER(model_build(&f->model, &f->reader), 0);
}

static inline void
begin(struct fixture *f, const char *calls)
{
    build_story(&f->b, calls);
    end(f);
}

static inline void
finish(struct fixture *f)
{
    text_free(&f->text);
    model_free(&f->model);
    reader_close(&f->reader);
    build_free(&f->b);
}

static inline void
show_view(struct fixture *f, view_function *view, const struct show_options *options)
{
    text_truncate(&f->text, 0);
    CHECK_NUMBER(view(&f->text, &f->model, options), 0);
    text_bytes(&f->text, "", 1); /* a terminator */
}

/* Without the header. */
static inline void
check_view(struct fixture *f, view_function *view, const struct show_options *options, const char *expected,
           const char *file, int line)
{
    show_view(f, view, options);
    const char *told = strstr(f->text.data, "\n\n");
    told = told ? told + 2 : f->text.data;
    if (strcmp(told, expected) != 0)
        unit_fail(file, line, "shows\n%sinstead of\n%s", told, expected);
}

#endif
