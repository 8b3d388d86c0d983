#include "filter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"
#include "glob.h"
#include "nearest.h"
#include "outline.h"

/* --- conditions --------------------------------------------------------- */

static const char *const options[FILTER_KINDS] = {
    [FILTER_FUNCTION] = "--function", [FILTER_MODULE] = "--module",   [FILTER_FILE] = "--file",
    [FILTER_TRACK] = "--track",       [FILTER_PROCESS] = "--process", [FILTER_DEPTH] = "--depth",
    [FILTER_DURATION] = "--duration", [FILTER_BETWEEN] = "--between", [FILTER_RAISED] = "--raised",
    [FILTER_RETURNED] = "--returned", [FILTER_OUTCOME] = "--outcome", [FILTER_ARG] = "--arg",
    [FILTER_TEST] = "--test",         [FILTER_UNDER] = "--under",     [FILTER_CALLERS_OF] = "--callers-of",
    [FILTER_ONLY] = "--only",         [FILTER_HIDE] = "--hide",       [FILTER_FIRST] = "--first",
    [FILTER_LAST] = "--last",
};

static const char *const outcomes[] = {"running", "returned", "raised", "abandoned"}; /* by enum outcome */

static int
check_glob(const struct condition *condition, struct text *error)
{
    size_t fault = glob_fault(condition->text);
    if (!fault && (*condition->text || condition->kind == FILTER_RAISED))
        return 0;
    range_blame(error, options[condition->kind], condition->text);
    if (!fault) {
        text_string(error, "a name is missing");
        return -EINVAL;
    }
    text_format(error, "nothing closes the [ at character %u; [[] stands for one itself",
                glob_fault_character(condition->text, fault));
    return -EINVAL;
}

static int
read_outcome(struct condition *condition, struct text *error)
{
    struct nearest nearest = nearest_to(condition->text);
    for (unsigned i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        condition->number = i;
        if (strcmp(condition->text, outcomes[i]) == 0)
            return 0;
        nearest_try(&nearest, (struct slice){outcomes[i], strlen(outcomes[i])});
    }
    range_blame(error, options[condition->kind], condition->text);
    text_string(error, "a call has returned or raised, is running or abandoned");
    if (nearest.found.length) {
        text_string(error, "; did you mean ");
        text_slice(error, nearest.found);
        text_string(error, "?");
    }
    return -EINVAL;
}

static int
read_value(struct condition *condition, char *text, bool contains)
{
    condition->wanted = strdup(text);
    if (!condition->wanted)
        return -ENOMEM;
    condition->value = value_pattern(condition->wanted, contains);
    return 0;
}

/* name=value, name~text */
static int
read_argument(struct condition *condition, struct text *error)
{
    size_t name = strcspn(condition->text, "=~");
    char sign = condition->text[name];
    if (!name || !sign) {
        range_blame(error, options[condition->kind], condition->text);
        text_string(error, !sign ? "no = or ~ behind the name" : "a name is missing at character 1");
        text_string(error, "; as in order=12, or path~.txt for a part of it");
        return -EINVAL;
    }
    int ret = read_value(condition, condition->text + name + 1, sign == '~');
    condition->text[name] = '\0';
    return ret;
}

static int
read_number(struct condition *condition, struct text *error)
{
    struct range range;
    const char *option = options[condition->kind];
    if (range_parse(&range, option, condition->text, false, error) < 0)
        return -EINVAL;
    condition->number = range.high;
    if (range.low == 0 && range.high < UINT32_MAX && strspn(condition->text, "0123456789") == strlen(condition->text))
        return 0;
    range_blame(error, option, condition->text);
    text_string(error, "this is one whole number");
    return -EINVAL;
}

static int
read_condition(struct condition *condition, struct text *error)
{
    bool contains = condition->kind == FILTER_RETURNED && *condition->text == '~';
    const char *option = options[condition->kind];
    switch (condition->kind) {
    case FILTER_DEPTH: return range_parse(&condition->range, option, condition->text, false, error);
    case FILTER_DURATION:
    case FILTER_BETWEEN: return range_parse(&condition->range, option, condition->text, true, error);
    case FILTER_RETURNED: return read_value(condition, condition->text + contains, contains);
    case FILTER_OUTCOME: return read_outcome(condition, error);
    case FILTER_ARG: return read_argument(condition, error);
    case FILTER_PROCESS:
    case FILTER_FIRST:
    case FILTER_LAST: return read_number(condition, error);
    case FILTER_TEST: return 0; /* brackets stand in names of tests */
    default: return check_glob(condition, error);
    }
}

int
filter_add(struct filter *filter, const char *option, const char *text, struct text *error)
{
    unsigned kind = 0;
    while (kind < FILTER_KINDS && strcmp(options[kind], option) != 0)
        kind++;
    if (kind == FILTER_KINDS) {
        text_format(error, "no filter is called %s", option);
        return -EINVAL;
    }
    void *conditions = filter->conditions;
    if (!array_make_room(&conditions, filter->count, &filter->room, sizeof *filter->conditions))
        return -ENOMEM;
    filter->conditions = conditions;
    struct condition *condition = &filter->conditions[filter->count];
    *condition = (struct condition){.kind = (enum filter_kind)kind, .text = strdup(text)};
    if (!condition->text)
        return -ENOMEM;
    filter->count++;
    filter->given[kind]++;
    return read_condition(condition, error);
}

struct range
filter_between(const struct filter *filter)
{
    struct range all = {UINT64_MAX, 0};
    for (uint32_t i = 0; i < filter->count; i++) {
        const struct condition *condition = &filter->conditions[i];
        if (condition->kind != FILTER_BETWEEN)
            continue;
        all.low = condition->range.low < all.low ? condition->range.low : all.low;
        all.high = condition->range.high > all.high ? condition->range.high : all.high;
    }
    return all.low <= all.high ? all : (struct range){0, UINT64_MAX};
}

void
filter_free(struct filter *filter)
{
    for (uint32_t i = 0; i < filter->count; i++) {
        free(filter->conditions[i].text);
        free(filter->conditions[i].wanted);
    }
    free(filter->conditions);
    *filter = (struct filter){0};
}

/* --- calls -------------------------------------------------------------- */

enum mark {
    MARK_KEEP = 1,
    MARK_UNDER = 2,
    MARK_CALLERS_OF = 4,
    MARK_BELOW_ONLY = 8,
    MARK_ABOVE_ONLY = 16,
    MARK_TEST = 32
};

struct marker {
    const struct filter *filter;
    const struct model *model;
    struct filter_names names;
    uint8_t *marks;     /* enum mark, by call */
    uint32_t *depths;   /* Owned; in the story, from 1; NULL if nobody asks */
    struct text scratch;
};

static bool
any_range(const struct filter *filter, enum filter_kind kind, uint64_t from, uint64_t to)
{
    for (uint32_t i = 0; i < filter->count; i++) {
        const struct condition *condition = &filter->conditions[i];
        if (condition->kind == kind && from <= condition->range.high && to >= condition->range.low)
            return true;
    }
    return !filter->given[kind];
}

static bool
outcome_fits(const struct filter *filter, const struct call *call)
{
    for (uint32_t i = 0; i < filter->count; i++)
        if (filter->conditions[i].kind == FILTER_OUTCOME && filter->conditions[i].number == call->outcome)
            return true;
    return !filter->given[FILTER_OUTCOME];
}

static bool
result_fits(struct marker *marker, const struct call *call)
{
    const struct filter *filter = marker->filter;
    for (uint32_t i = 0; i < filter->count && call->outcome == OUTCOME_RETURNED; i++) {
        const struct condition *condition = &filter->conditions[i];
        if (condition->kind == FILTER_RETURNED
            && value_matches(marker->model->reader, call_result(marker->model, call), &condition->value,
                             &marker->scratch))
            return true;
    }
    return !filter->given[FILTER_RETURNED];
}

static bool
argument_fits(struct marker *marker, const struct call *call)
{
    const struct filter *filter = marker->filter;
    const uint32_t *parameters = marker->names.parameters;
    for (uint32_t i = 0; i < filter->count; i++) {
        const struct condition *condition = &filter->conditions[i];
        if (condition->kind != FILTER_ARG)
            continue;
        uint32_t index = parameters[call->code->index];
        parameters += marker->model->reader->code_count;
        if (index == MODEL_NONE)
            continue;
        struct value value = call_argument(marker->model, call, index);
        if (value_matches(marker->model->reader, value, &condition->value, &marker->scratch))
            return true;
    }
    return !filter->given[FILTER_ARG];
}

/* What stands about the call itself, what is cheap first. */
static bool
passes(struct marker *marker, uint32_t number)
{
    const struct filter *filter = marker->filter;
    const struct call *call = &marker->model->calls[number];
    const unsigned wanted = CODE_FUNCTION | CODE_MODULE | CODE_FILE;
    unsigned code = marker->names.codes[call->code->index];
    unsigned marks = marker->marks[number];
    if ((code & wanted) != wanted || code & CODE_HIDE || !marker->names.tracks[call->track])
        return false;
    if (filter->given[FILTER_UNDER] && !(marks & MARK_UNDER))
        return false;
    if (filter->given[FILTER_TEST] && !(marks & MARK_TEST))
        return false;
    if (filter->given[FILTER_CALLERS_OF] && !(marks & MARK_CALLERS_OF))
        return false;
    if (filter->given[FILTER_ONLY] && !(marks & (MARK_BELOW_ONLY | MARK_ABOVE_ONLY)))
        return false;
    uint32_t exception = call_exception(marker->model, call);
    if (marker->names.exceptions && (exception == MODEL_NONE || !marker->names.exceptions[exception]))
        return false;
    uint64_t duration = call_duration(call);
    uint32_t depth = marker->depths ? marker->depths[number] : 0;
    return outcome_fits(filter, call) && any_range(filter, FILTER_DURATION, duration, duration)
           && any_range(filter, FILTER_BETWEEN, call->start_ns, call->end_ns)
           && any_range(filter, FILTER_DEPTH, depth, depth) && result_fits(marker, call) && argument_fits(marker, call);
}

/* Downwards: a parent comes before its children. */
static void
mark_below(struct marker *marker)
{
    const struct model *model = marker->model;
    for (uint32_t i = 0; i < model->call_count; i++) {
        uint32_t parent = outline_parent(model, i);
        unsigned code = marker->names.codes[model->calls[i].code->index];
        unsigned marks = parent != MODEL_NONE ? marker->marks[parent] & (MARK_UNDER | MARK_TEST | MARK_BELOW_ONLY) : 0;
        marks |= code & CODE_UNDER ? MARK_UNDER : 0;
        marks |= code & CODE_TEST ? MARK_TEST : 0;
        marks |= code & CODE_CALLERS_OF ? MARK_CALLERS_OF : 0;
        marks |= code & CODE_ONLY ? MARK_BELOW_ONLY | MARK_ABOVE_ONLY : 0;
        marker->marks[i] = (uint8_t)marks;
        if (marker->depths)
            marker->depths[i] = parent != MODEL_NONE ? marker->depths[parent] + 1 : 1;
    }
}

static void
mark_above(struct marker *marker)
{
    for (uint32_t i = marker->model->call_count; i-- > 0;) {
        uint32_t parent = outline_parent(marker->model, i);
        if (parent != MODEL_NONE)
            marker->marks[parent] |= marker->marks[i] & (MARK_CALLERS_OF | MARK_ABOVE_ONLY);
    }
}

static bool
is_inherited(const struct model *model, uint32_t call)
{
    return model->calls[call].origin == CALL_INHERITED;
}

/* The n-th of those that are kept begins or ends what is left. */
static void
cut_ends(struct marker *marker)
{
    const struct filter *filter = marker->filter;
    uint64_t first = filter->given[FILTER_FIRST] ? 0 : UINT64_MAX, last = filter->given[FILTER_LAST] ? 0 : UINT64_MAX;
    for (uint32_t i = 0; i < filter->count; i++) {
        const struct condition *condition = &filter->conditions[i];
        if (condition->kind == FILTER_FIRST && condition->number > first)
            first = condition->number;
        else if (condition->kind == FILTER_LAST && condition->number > last)
            last = condition->number;
    }
    uint64_t kept = 0;
    for (uint32_t i = 0; i < marker->model->call_count; i++)
        if (marker->marks[i] & MARK_KEEP && !is_inherited(marker->model, i) && kept++ >= first)
            marker->marks[i] &= (uint8_t)~MARK_KEEP;
    kept = 0;
    for (uint32_t i = marker->model->call_count; i-- > 0;)
        if (marker->marks[i] & MARK_KEEP && !is_inherited(marker->model, i) && kept++ >= last)
            marker->marks[i] &= (uint8_t)~MARK_KEEP;
}

/* What a fork copied goes with its original. */
static void
settle(struct marker *marker)
{
    const struct model *model = marker->model;
    for (uint32_t i = 0; i < model->call_count; i++) {
        uint32_t original = is_inherited(model, i) ? call_spawned_by(model, &model->calls[i]) : MODEL_NONE;
        marker->marks[i] = original < i ? marker->marks[original] : marker->marks[i] & MARK_KEEP;
    }
}

static int
mark(struct marker *marker, struct text *error)
{
    const struct filter *filter = marker->filter;
    uint32_t count = marker->model->call_count;
    int ret = filter_names_find(&marker->names, filter, marker->model, error);
    if (ret < 0)
        return ret;
    if (filter->given[FILTER_DEPTH] && !(marker->depths = malloc((count + (size_t)1) * sizeof *marker->depths)))
        return -ENOMEM;
    mark_below(marker);
    if (filter->given[FILTER_CALLERS_OF] || filter->given[FILTER_ONLY])
        mark_above(marker);
    for (uint32_t i = 0; i < count; i++)
        marker->marks[i] |= passes(marker, i) ? MARK_KEEP : 0;
    if (filter->given[FILTER_FIRST] || filter->given[FILTER_LAST])
        cut_ends(marker);
    settle(marker);
    return 0;
}

static bool
check_recorded(const struct filter *filter, const struct model *model, struct text *error)
{
    static const struct {
        enum filter_kind kind;
        bool time;
    } needs[] = {{FILTER_DURATION, true}, {FILTER_BETWEEN, true}, {FILTER_RETURNED, false}, {FILTER_ARG, false}};
    const struct flow_file_header *header = model->reader->header;
    bool no_time = header->clock == FLOW_CLOCK_NONE || header->flags & FLOW_FILE_NO_TIME;
    bool no_values = header->flags & FLOW_FILE_NO_VALUES;
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (filter->given[needs[i].kind] && (needs[i].time ? no_time : no_values)) {
            text_format(error, "%s can't be asked of this trace: it was recorded with %s", options[needs[i].kind],
                        needs[i].time ? "--no-time" : "--no-values");
            return false;
        }
    return true;
}

int
filter_mark(const struct filter *filter, const struct model *model, uint8_t *keep, struct text *error)
{
    struct marker marker = {.filter = filter, .model = model, .marks = keep};
    if (!check_recorded(filter, model, error))
        return -EINVAL;
    int ret = mark(&marker, error);
    filter_names_free(&marker.names);
    free(marker.depths);
    text_free(&marker.scratch);
    return ret;
}
