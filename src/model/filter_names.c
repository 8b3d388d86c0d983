/* filter_names.c - which functions, tracks, exceptions and parameters of a trace a filter names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "glob.h"
#include "nearest.h"

#define PROCESSES_NAMED 8

/* --- names of a function ------------------------------------------------ */

static struct slice
behind(struct slice name, char separator)
{
    for (size_t i = name.length; i > 0; i--)
        if (name.data[i - 1] == separator)
            return (struct slice){name.data + i, name.length - i};
    return name;
}

static bool
joined_matches(const char *pattern, struct slice a, const char *between, struct slice b, struct text *scratch)
{
    text_truncate(scratch, 0);
    text_slice(scratch, a);
    text_string(scratch, between);
    text_slice(scratch, b);
    return !scratch->failed && glob_matches(pattern, (struct slice){scratch->data, scratch->length});
}

/* "Cart.add", "add", "shop.cart.Cart.add"; of a module's body "import shop.cart", "cart.py". */
static bool
function_matches(const char *pattern, const struct code *code, struct text *scratch)
{
    if (glob_matches(pattern, code->qualname) || glob_matches(pattern, behind(code->qualname, '.')))
        return true;
    if (code->module.length && joined_matches(pattern, code->module, ".", code->qualname, scratch))
        return true;
    if (!(code->flags & FLOW_CODE_MODULE))
        return false;
    return glob_matches(pattern, behind(code->file, '/'))
           || joined_matches(pattern, (struct slice){"import", 6}, " ", code->module, scratch);
}

/* With * alone for a wildcard: [ and ? stand in the names of tests. */
static bool
words_match(const char *pattern, struct slice name)
{
    const char *star = NULL;
    size_t i = 0, behind_star = 0;
    while (i < name.length)
        if (*pattern == '*') {
            star = ++pattern;
            behind_star = i;
        }
        else if (*pattern == name.data[i]) {
            pattern++;
            i++;
        }
        else if (star) {
            pattern = star;
            i = ++behind_star;
        }
        else {
            return false;
        }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

#define LONG_NAME 500 /* bytes: it may have been cut */

static bool
is_exactly(const char *wanted, struct slice name)
{
    size_t length = strlen(wanted);
    return (length == name.length || (length > name.length && name.length > LONG_NAME))
           && memcmp(wanted, name.data, name.length) == 0;
}

/* "tests/test_cart.py::TestCart::test_add[2]", from any folder, class or function on, and without its parameters;
 * "/tests/test_cart.py::test_add" is that one alone. */
static bool
test_matches(const char *pattern, const struct code *code)
{
    struct slice name = code->qualname;
    if (!(code->flags & FLOW_CODE_REGION))
        return false;
    if (*pattern == '/')
        return is_exactly(pattern + 1, name) || is_exactly(pattern, name);
    const char *parameters = memchr(name.data, '[', name.length);
    size_t bare = parameters ? (size_t)(parameters - name.data) : name.length;
    for (size_t i = 0; i < bare; i++) {
        bool begins = i == 0 || name.data[i - 1] == '/' || name.data[i - 1] == ':';
        if (begins
            && (words_match(pattern, (struct slice){name.data + i, name.length - i})
                || words_match(pattern, (struct slice){name.data + i, bare - i})))
            return true;
    }
    return false;
}

/* A package stands for its modules too; a file for its last part. */
static bool
module_matches(const char *pattern, struct slice module)
{
    if (glob_matches(pattern, module))
        return true;
    for (size_t i = 0; i < module.length; i++)
        if (module.data[i] == '.' && glob_matches(pattern, (struct slice){module.data, i}))
            return true;
    return false;
}

static bool
file_matches(const char *pattern, struct slice file)
{
    return glob_matches(pattern, file) || glob_matches(pattern, behind(file, '/'));
}

/* --- what is wrong ------------------------------------------------------ */

static int
blame_name(struct text *error, const char *what, const char *name, struct slice near)
{
    text_format(error, "no %s matches '", what);
    text_clean(error, (struct slice){name, strlen(name)});
    text_string(error, "'");
    if (near.length) {
        text_string(error, "; did you mean ");
        text_name(error, near);
        text_string(error, "?");
    }
    else {
        text_string(error, " in this trace");
    }
    return -EINVAL;
}

typedef struct slice name_function(const struct model *, uint32_t);

/* The name among the first `count` that is most like it. */
static struct slice
near_name(const struct model *model, const char *wanted, uint32_t count, name_function *name)
{
    struct nearest nearest = nearest_to(wanted);
    for (uint32_t i = 0; i < count && !glob_is_wild(wanted); i++)
        nearest_try(&nearest, name(model, i));
    return nearest.found;
}

static struct slice
code_name(const struct model *model, uint32_t code)
{
    return model->reader->codes[code]->qualname;
}

static struct slice
test_name(const struct model *model, uint32_t code)
{
    bool region = model->reader->codes[code]->flags & FLOW_CODE_REGION;
    return region ? behind(model->reader->codes[code]->qualname, ':') : (struct slice){"", 0};
}

static struct slice
module_name(const struct model *model, uint32_t code)
{
    return model->reader->codes[code]->module;
}

static struct slice
file_name(const struct model *model, uint32_t code)
{
    return behind(model->reader->codes[code]->file, '/');
}

static struct slice
track_name(const struct model *model, uint32_t track)
{
    return model->tracks[track].name;
}

static struct slice
exception_name(const struct model *model, uint32_t exception)
{
    return model->exceptions[exception].type;
}

/* --- functions ---------------------------------------------------------- */

static bool
code_matches(const struct condition *condition, const struct code *code, struct text *scratch)
{
    if (condition->kind == FILTER_MODULE)
        return module_matches(condition->text, code->module);
    if (condition->kind == FILTER_TEST)
        return test_matches(condition->text, code);
    if (condition->kind == FILTER_FILE)
        return file_matches(condition->text, code->file);
    return function_matches(condition->text, code, scratch);
}

static int
find_codes(struct filter_names *names, const struct condition *condition, uint8_t bit, const struct model *model,
           struct text *error)
{
    const struct reader *reader = model->reader;
    struct text scratch = {0};
    bool any = false;
    for (uint32_t i = 0; i < reader->code_count; i++)
        if (code_matches(condition, reader->codes[i], &scratch)) {
            names->codes[i] |= bit;
            any = true;
        }
    bool failed = scratch.failed;
    text_free(&scratch);
    if (any || failed)
        return failed ? -ENOMEM : 0;
    bool module = condition->kind == FILTER_MODULE, file = condition->kind == FILTER_FILE;
    bool test = condition->kind == FILTER_TEST;
    name_function *name = module ? module_name : file ? file_name : test ? test_name : code_name;
    return blame_name(error,
                      module ? "module"
                      : file ? "file"
                      : test ? "test"
                             : "function",
                      condition->text, near_name(model, condition->text, reader->code_count, name));
}

/* --- tracks and processes ----------------------------------------------- */

static bool
track_matches(const char *pattern, const struct track *track)
{
    struct text number = {0};
    bool nameless = track->kind == TRACK_GREENLET && !track->name.length;
    if (nameless)
        text_format(&number, "%llu", (unsigned long long)track->native_id);
    bool matches = glob_matches(pattern, nameless ? (struct slice){number.data, number.length} : track->name)
                   || (track->kind == TRACK_MAIN && strcmp(pattern, "main") == 0);
    text_free(&number);
    return matches;
}

static int
blame_process(struct text *error, const struct condition *condition, const struct model *model)
{
    text_format(error, "no process %s in this trace", condition->text);
    for (uint32_t i = 0; i < model->process_count && i < PROCESSES_NAMED; i++)
        text_format(error, "%s %u", i ? "," : "; there are", model->processes[i].pid);
    if (model->process_count > PROCESSES_NAMED)
        text_format(error, " and %u more", model->process_count - PROCESSES_NAMED);
    return -EINVAL;
}

static bool
is_process(const struct condition *condition, const struct process *process)
{
    return process->pid == condition->number || process->number == condition->number;
}

static int
find_processes(struct filter_names *names, const struct filter *filter, const struct model *model, struct text *error)
{
    bool *wanted = calloc(model->process_count + (size_t)1, sizeof *wanted);
    int ret = wanted ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < filter->count && ret == 0; i++) {
        const struct condition *condition = &filter->conditions[i];
        bool any = condition->kind != FILTER_PROCESS;
        for (uint32_t p = 0; p < model->process_count && condition->kind == FILTER_PROCESS; p++)
            if (is_process(condition, &model->processes[p]))
                any = wanted[p] = true;
        if (!any)
            ret = blame_process(error, condition, model);
    }
    for (uint32_t i = 0; i < model->track_count && ret == 0; i++)
        names->tracks[i] &= wanted[model->tracks[i].process];
    free(wanted);
    return ret;
}

static int
find_tracks(struct filter_names *names, const struct filter *filter, const struct model *model, struct text *error)
{
    memset(names->tracks, !filter->given[FILTER_TRACK], model->track_count * sizeof *names->tracks);
    for (uint32_t i = 0; i < filter->count; i++) {
        const struct condition *condition = &filter->conditions[i];
        bool any = condition->kind != FILTER_TRACK;
        for (uint32_t t = 0; t < model->track_count && condition->kind == FILTER_TRACK; t++)
            if (track_matches(condition->text, &model->tracks[t]))
                any = names->tracks[t] = true;
        if (!any)
            return blame_name(error, "thread or task", condition->text,
                              near_name(model, condition->text, model->track_count, track_name));
    }
    return filter->given[FILTER_PROCESS] ? find_processes(names, filter, model, error) : 0;
}

/* --- exceptions --------------------------------------------------------- */

/* Without a type all that tell of trouble. */
static bool
exception_matches(const char *pattern, const struct exception *exception, struct text *scratch)
{
    if (!*pattern)
        return !exception->benign && !exception_is_cancellation(exception);
    if (glob_matches(pattern, exception->type))
        return true;
    return exception->qualname.length
           && (glob_matches(pattern, exception->qualname)
               || joined_matches(pattern, exception->module, ".", exception->qualname, scratch));
}

static int
find_exceptions(struct filter_names *names, const struct filter *filter, const struct model *model, struct text *error)
{
    struct text scratch = {0};
    int ret = 0;
    for (uint32_t i = 0; i < filter->count && ret == 0; i++) {
        const struct condition *condition = &filter->conditions[i];
        bool any = condition->kind != FILTER_RAISED || !*condition->text;
        for (uint32_t e = 0; e < model->exception_count && condition->kind == FILTER_RAISED; e++)
            if (exception_matches(condition->text, &model->exceptions[e], &scratch))
                any = names->exceptions[e] = true;
        if (!any)
            ret = blame_name(error, "exception", condition->text,
                             near_name(model, condition->text, model->exception_count, exception_name));
    }
    text_free(&scratch);
    return ret;
}

/* --- parameters --------------------------------------------------------- */

static struct slice
near_parameter(const struct reader *reader, const char *wanted)
{
    struct nearest nearest = nearest_to(wanted);
    for (uint32_t i = 0; i < reader->code_count; i++)
        for (uint32_t k = 0; k < reader->codes[i]->parameter_count; k++)
            nearest_try(&nearest, reader->codes[i]->parameters[k].name);
    return nearest.found;
}

static uint32_t
parameter_of(const struct code *code, const char *name)
{
    for (uint32_t i = 0; i < code->parameter_count; i++)
        if (slice_is(code->parameters[i].name, name))
            return i;
    return MODEL_NONE;
}

static int
find_parameters(struct filter_names *names, const struct filter *filter, const struct model *model, struct text *error)
{
    const struct reader *reader = model->reader;
    uint32_t *next = names->parameters;
    for (uint32_t i = 0; i < filter->count; i++) {
        const struct condition *condition = &filter->conditions[i];
        if (condition->kind != FILTER_ARG)
            continue;
        bool any = false;
        for (uint32_t c = 0; c < reader->code_count; c++) {
            *next = parameter_of(reader->codes[c], condition->text);
            any |= *next++ != MODEL_NONE;
        }
        if (!any)
            return blame_name(error, "parameter", condition->text, near_parameter(reader, condition->text));
    }
    return 0;
}

/* --- all of them -------------------------------------------------------- */

static const struct {
    enum filter_kind kind;
    uint8_t bit;
    bool wanted; /* all have it where the option was not given */
} code_conditions[] = {
    {FILTER_FUNCTION, CODE_FUNCTION, true}, {FILTER_MODULE, CODE_MODULE, true},
    {FILTER_FILE, CODE_FILE, true},         {FILTER_UNDER, CODE_UNDER, false},
    {FILTER_TEST, CODE_TEST, false},        {FILTER_CALLERS_OF, CODE_CALLERS_OF, false},
    {FILTER_ONLY, CODE_ONLY, false},        {FILTER_HIDE, CODE_HIDE, false},
};

static int
find_all_codes(struct filter_names *names, const struct filter *filter, const struct model *model, struct text *error)
{
    uint8_t all = 0;
    size_t kinds = sizeof code_conditions / sizeof *code_conditions;
    for (size_t k = 0; k < kinds; k++)
        all |= code_conditions[k].wanted && !filter->given[code_conditions[k].kind] ? code_conditions[k].bit : 0;
    memset(names->codes, all, model->reader->code_count);
    for (uint32_t i = 0; i < filter->count; i++)
        for (size_t k = 0; k < kinds; k++) {
            bool named = filter->conditions[i].kind == code_conditions[k].kind;
            int ret = named ? find_codes(names, &filter->conditions[i], code_conditions[k].bit, model, error) : 0;
            if (ret < 0)
                return ret;
        }
    return 0;
}

int
filter_names_find(struct filter_names *out, const struct filter *filter, const struct model *model, struct text *error)
{
    size_t codes = model->reader->code_count + (size_t)1;
    uint32_t arguments = filter->given[FILTER_ARG];
    bool raised = filter->given[FILTER_RAISED];
    *out = (struct filter_names){.codes = malloc(codes),
                                 .tracks = malloc((model->track_count + (size_t)1) * sizeof *out->tracks)};
    if (arguments)
        out->parameters = malloc(arguments * codes * sizeof *out->parameters);
    if (raised)
        out->exceptions = calloc(model->exception_count + (size_t)1, sizeof *out->exceptions);
    if (!out->codes || !out->tracks || (arguments && !out->parameters) || (raised && !out->exceptions))
        return -ENOMEM;
    int ret = find_all_codes(out, filter, model, error);
    if (ret == 0)
        ret = find_tracks(out, filter, model, error);
    if (ret == 0 && raised)
        ret = find_exceptions(out, filter, model, error);
    if (ret == 0 && arguments)
        ret = find_parameters(out, filter, model, error);
    return ret;
}

void
filter_names_free(struct filter_names *names)
{
    free(names->codes);
    free(names->tracks);
    free(names->exceptions);
    free(names->parameters);
    *names = (struct filter_names){0};
}
