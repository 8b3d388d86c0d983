/* select_exceptions.c - the ways of exceptions through the calls that are kept. */
#include <errno.h>
#include <stdlib.h>

#include "select.h"

/* What is left of a way; calls as they were. */
struct way {
    uint32_t left, first, last;
};

struct ways {
    struct model *model;
    const uint32_t *renumbered;
    struct way *ways;     /* Owned; by exception */
    bool *concerns;       /* Owned; by exception: a kept call has to do with it */
    uint32_t *exceptions; /* Owned; their new numbers, MODEL_NONE for those that go */
    struct leg *legs;     /* Owned; those that stay */
    uint32_t leg_count;
    struct id_map legs_by_call;
};

static bool
is_kept(const struct ways *ways, uint32_t call)
{
    return call != MODEL_NONE && ways->renumbered[call] != MODEL_NONE;
}

static uint32_t
new_number(const struct ways *ways, uint32_t call)
{
    return call == MODEL_NONE ? MODEL_NONE : ways->renumbered[call];
}

/* Whoever caught it is still told of if the call is gone. */
static void
keep_catcher(const struct ways *ways, uint32_t *caught_by, const struct code **catcher)
{
    if (*caught_by != MODEL_NONE && !is_kept(ways, *caught_by))
        *catcher = ways->model->calls[*caught_by].code;
    *caught_by = new_number(ways, *caught_by);
}

/* Inner calls end before outer ones, and begin after them where there are no times. */
static void
add_call(struct way *way, const struct call *calls, uint32_t call)
{
    uint64_t end = calls[call].end_ns;
    if (!way->left++) {
        way->first = way->last = call;
        return;
    }
    if (end < calls[way->first].end_ns || (end == calls[way->first].end_ns && call > way->first))
        way->first = call;
    if (end > calls[way->last].end_ns || (end == calls[way->last].end_ns && call < way->last))
        way->last = call;
}

static void
find_ways(struct ways *ways)
{
    const struct model *model = ways->model;
    for (uint32_t i = 0; i < model->call_count; i++) {
        const struct call_extra *extra = call_extra(model, &model->calls[i]);
        if (!is_kept(ways, i))
            continue;
        if (extra->exception != MODEL_NONE) {
            add_call(&ways->ways[extra->exception], model->calls, i);
            ways->concerns[extra->exception] = true;
        }
        if (extra->cancelled != MODEL_NONE)
            ways->concerns[extra->cancelled] = true;
    }
    for (uint32_t i = 0; i < model->caught_count; i++)
        if (is_kept(ways, model->caught[i].call))
            ways->concerns[model->caught[i].exception] = true;
}

/* --- legs --------------------------------------------------------------- */

/* Upwards from where it begins, as long as the same exception left. */
static struct way
way_of_leg(const struct ways *ways, uint32_t exception, const struct leg *leg)
{
    const struct model *model = ways->model;
    struct way way = {0, MODEL_NONE, MODEL_NONE};
    uint32_t call = leg->first_call;
    for (uint32_t k = 0; k < leg->calls_left && call != MODEL_NONE; k++) {
        bool another = k && id_map_get(&model->legs_by_call, 0, call);
        if (another || call_exception(model, &model->calls[call]) != exception)
            break;
        if (is_kept(ways, call)) {
            way.first = way.left++ ? way.first : call;
            way.last = call;
        }
        call = model->calls[call].parent;
    }
    return way;
}

static bool
add_leg(struct ways *ways, struct exception *exception, struct leg leg)
{
    uint32_t index = ways->leg_count;
    if (!id_map_put(&ways->legs_by_call, 0, leg.first_call, index))
        return false;
    leg.next = MODEL_NONE;
    ways->legs[ways->leg_count++] = leg;
    if (exception->first_leg == MODEL_NONE)
        exception->first_leg = index;
    else
        ways->legs[exception->last_leg].next = index;
    exception->last_leg = index;
    return true;
}

/* Where the last of them goes, how it was caught before is how it was caught. */
static void
take_catcher(struct exception *exception, const struct leg *leg)
{
    exception->caught_by = leg->caught_by;
    exception->caught_line = leg->caught_line;
    exception->handler_line = leg->handler_line;
    exception->caught_below = leg->caught_below;
}

/* As exception_leg_at(): of the last leg the exception itself may know more. */
static struct leg
leg_of(const struct model *model, const struct exception *exception, uint32_t number)
{
    struct leg leg = model->legs[number];
    if (leg.next != MODEL_NONE)
        return leg;
    leg.caught_by = exception->caught_by;
    leg.caught_line = exception->caught_line;
    leg.handler_line = exception->handler_line;
    leg.caught_below = exception->caught_below;
    return leg;
}

static bool
shorten_legs(struct ways *ways, uint32_t number)
{
    struct exception *exception = &ways->model->exceptions[number];
    const struct exception before = *exception;
    struct way *whole = &ways->ways[number];
    uint32_t at = before.first_leg;
    exception->first_leg = exception->last_leg = MODEL_NONE;
    *whole = (struct way){0, MODEL_NONE, MODEL_NONE};
    while (at != MODEL_NONE) {
        struct leg leg = leg_of(ways->model, &before, at);
        struct way way = way_of_leg(ways, number, &leg);
        bool stays = way.left || (!leg.calls_left && is_kept(ways, leg.first_call));
        at = leg.next;
        if (!stays)
            continue;
        take_catcher(exception, &leg);
        whole->first = whole->left ? whole->first : way.first;
        whole->last = way.left ? way.last : whole->last;
        whole->left += way.left;
        keep_catcher(ways, &leg.caught_by, &leg.catcher);
        leg.first_call = new_number(ways, way.left ? way.first : leg.first_call);
        leg.last_call = new_number(ways, way.last);
        leg.calls_left = way.left;
        if (!add_leg(ways, exception, leg))
            return false;
    }
    return true;
}

/* --- exceptions --------------------------------------------------------- */

static void
shorten(const struct ways *ways, uint32_t number)
{
    struct exception *exception = &ways->model->exceptions[number];
    const struct way *way = &ways->ways[number];
    bool left_none_kept = exception->calls_left && !way->left;
    exception->calls_left = way->left;
    exception->first_call = new_number(ways, way->left ? way->first : MODEL_NONE);
    exception->last_call = new_number(ways, way->left ? way->last : MODEL_NONE);
    exception->landed_in = left_none_kept ? MODEL_NONE : new_number(ways, exception->landed_in);
    if (left_none_kept)
        exception->caught_by = MODEL_NONE;
    keep_catcher(ways, &exception->caught_by, &exception->catcher);
}

static int
shorten_all(struct ways *ways)
{
    struct model *model = ways->model;
    for (uint32_t i = 0; i < model->exception_count; i++) {
        if (!ways->concerns[i])
            continue;
        if (model->exceptions[i].first_leg != MODEL_NONE && !shorten_legs(ways, i))
            return -ENOMEM;
        shorten(ways, i);
    }
    return 0;
}

static uint32_t
new_exception(const struct ways *ways, uint32_t exception)
{
    return exception == MODEL_NONE ? MODEL_NONE : ways->exceptions[exception];
}

static void
renumber(struct ways *ways)
{
    struct model *model = ways->model;
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->exception_count; i++)
        ways->exceptions[i] = ways->concerns[i] ? count++ : MODEL_NONE;
    for (uint32_t i = 0; i < model->exception_count; i++) {
        if (!ways->concerns[i])
            continue;
        struct exception exception = model->exceptions[i];
        exception.cause_exception = new_exception(ways, exception.cause_exception);
        exception.split_from = new_exception(ways, exception.split_from);
        model->exceptions[ways->exceptions[i]] = exception;
    }
    model->exception_count = count;
    for (uint32_t i = 0; i < model->extra_count; i++) {
        struct call_extra *extra = &model->extras[i];
        extra->exception = new_exception(ways, extra->exception);
        extra->cancelled = new_exception(ways, extra->cancelled);
    }
    count = 0;
    for (uint32_t i = 0; i < model->caught_count; i++) {
        struct caught caught = model->caught[i];
        if (is_kept(ways, caught.call))
            model->caught[count++] = (struct caught){ways->renumbered[caught.call], ways->exceptions[caught.exception]};
    }
    model->caught_count = count;
}

static int
select_ways(struct ways *ways)
{
    struct model *model = ways->model;
    size_t room = model->exception_count + (size_t)1;
    ways->ways = calloc(room, sizeof *ways->ways);
    ways->concerns = calloc(room, sizeof *ways->concerns);
    ways->exceptions = malloc(room * sizeof *ways->exceptions);
    ways->legs = malloc((model->leg_count + (size_t)1) * sizeof *ways->legs);
    if (!ways->ways || !ways->concerns || !ways->exceptions || !ways->legs)
        return -ENOMEM;
    find_ways(ways);
    int ret = shorten_all(ways);
    if (ret == 0)
        renumber(ways);
    return ret;
}

int
select_exceptions(struct model *model, const uint32_t *renumbered)
{
    struct ways ways = {.model = model, .renumbered = renumbered};
    int ret = select_ways(&ways);
    free(ways.ways);
    free(ways.concerns);
    free(ways.exceptions);
    if (ret < 0) {
        free(ways.legs);
        id_map_free(&ways.legs_by_call);
        return ret;
    }
    free(model->legs);
    id_map_free(&model->legs_by_call);
    model->legs = ways.legs;
    model->leg_count = ways.leg_count;
    model->legs_by_call = ways.legs_by_call;
    return 0;
}
