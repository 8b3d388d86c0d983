/* diff_fixture.h - two traces built by hand, and what differs. */
#ifndef FLOW_DIFF_FIXTURE_H
#define FLOW_DIFF_FIXTURE_H

#include "../../src/model/diff.h"
#include "../../src/show/show_diff.h"
#include "model_fixture.h"

struct diff_fixture {
    struct fixture a, b;
    const char *ignored[4];
    bool used[4];
    uint32_t ignored_count;
    struct diff diff;
    struct text text;
    bool same;
};

static inline struct names
ignored_of(struct diff_fixture *f)
{
    return (struct names){f->ignored, f->used, f->ignored_count};
}

static inline void
diff_ignore(struct diff_fixture *f, const char *name)
{
    f->ignored[f->ignored_count++] = name;
}

/* Both have been built: ends them, compares them, and tells what differs. */
static inline void
diff_end(struct diff_fixture *f, unsigned lines)
{
    end(&f->a);
    end(&f->b);
    struct diff_options how = {.values = true, .ignored = ignored_of(f)};
    CHECK_NUMBER(diff_build(&f->diff, &f->a.model, &f->b.model, &how), 0);
    struct show_options show = {.lines = lines, .width = 100};
    struct show_diff_options options = {.name_a = "a.flow", .name_b = "b.flow", .values = true, .ignored = how.ignored};
    CHECK_NUMBER(show_diff(&f->text, &f->a.model, &f->b.model, &show, &options, &f->same), 0);
    CHECK_NUMBER(f->same, f->diff.first == MODEL_NONE);
}

static inline void
diff_finish(struct diff_fixture *f)
{
    diff_free(&f->diff);
    text_free(&f->text);
    finish(&f->a);
    finish(&f->b);
}

static inline bool
diff_says(const struct diff_fixture *f, const char *words)
{
    return f->text.data && memmem(f->text.data, f->text.length, words, strlen(words));
}

#define SAYS(f, words)                                                                             \
    do {                                                                                           \
        if (!diff_says(f, words))                                                                  \
            unit_fail(__FILE__, __LINE__, "\"%s\" is not in:\n%.*s", words, (int)(f)->text.length, \
                      (f)->text.length ? (f)->text.data : "");                                     \
    } while (0)

#endif
