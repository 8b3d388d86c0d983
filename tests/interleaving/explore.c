#include "explore.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define PLACES 24
#define VALUES 12  /* stored to one place in a run */
#define THREADS 4
#define STEPS 400
#define STACK (64 << 10)

typedef uint8_t view[PLACES]; /* how many of each place's values are too old to be read */

struct value {
    uint64_t value;
    view view; /* of whoever reads it with acquire */
};

struct place {
    volatile void *address;
    const char *name;
    struct value values[VALUES];
    unsigned count;
};

struct thread {
    view now, after_acquire, at_release;
    uint64_t seen; /* a hash of all that it has read: where it is follows from that */
    bool over;
    jmp_buf at;
    ucontext_t start;
};

static struct place places[PLACES];
static unsigned place_count;
static struct thread threads[THREADS];
static unsigned thread_count, current;
static char *stacks[THREADS];
static jmp_buf scheduler;
static const struct explore_scenario *running;

/* --- choices ------------------------------------------------------------ */

static struct choice {
    uint16_t taken, of;
} path[STEPS];
static unsigned depth, made;
static struct note {
    unsigned thread;
    const char *what, *place;
    uint64_t value;
} notes[STEPS];
static unsigned note_count;

static uint64_t *visited;
static uint64_t visited_mask, visited_count;

static unsigned
choose(unsigned of)
{
    if (of == 1)
        return 0;
    if (made == STEPS) {
        fprintf(stderr, "%s: a run is too long\n", running->name);
        exit(2);
    }
    if (made == depth)
        path[depth++] = (struct choice){0, (uint16_t)of};
    return path[made++].taken;
}

static bool
next_path(void)
{
    while (depth > 0 && path[depth - 1].taken + 1 == path[depth - 1].of)
        depth--;
    if (depth > 0)
        path[depth - 1].taken++;
    return depth > 0;
}

static void
note(const char *what, const struct place *place, uint64_t value)
{
    if (note_count < STEPS)
        notes[note_count++] = (struct note){current, what, place ? place->name : "", value};
}

void
explore_fail(const char *what)
{
    printf("%s: %s\n", running->name, what);
    for (unsigned i = 0; i < note_count; i++)
        printf("  %u %-14s %-12s %" PRIx64 "\n", notes[i].thread, notes[i].what, notes[i].place, notes[i].value);
    exit(1);
}

/* --- where a run is ------------------------------------------------------ */

static uint64_t
above(uint8_t seen, uint8_t oldest)
{
    return seen > oldest ? (uint64_t)(seen - oldest) : 0;
}

static uint64_t
mix(uint64_t hash, uint64_t more)
{
    hash = (hash ^ more) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* What no thread can read any more is left out, and views count from there. */
static uint64_t
state(void)
{
    uint64_t hash = 1;
    view oldest;
    memset(oldest, 255, sizeof oldest);
    for (unsigned t = 0; t < thread_count; t++)
        for (unsigned p = 0; p < place_count && !threads[t].over; p++)
            oldest[p] = threads[t].now[p] < oldest[p] ? threads[t].now[p] : oldest[p];
    for (unsigned t = 0; t < thread_count; t++) {
        const struct thread *thread = &threads[t];
        hash = mix(mix(hash, thread->over), thread->seen);
        for (unsigned p = 0; p < place_count && !thread->over; p++) {
            hash = mix(hash, (uint64_t)(thread->now[p] - oldest[p]));
            hash = mix(hash, above(thread->after_acquire[p], oldest[p]));
            hash = mix(hash, above(thread->at_release[p], oldest[p]));
        }
    }
    for (unsigned p = 0; p < place_count; p++) {
        hash = mix(hash, 77);
        for (unsigned v = oldest[p]; v < places[p].count; v++) {
            hash = mix(hash, places[p].values[v].value);
            for (unsigned q = 0; q < place_count; q++)
                hash = mix(hash, above(places[p].values[v].view[q], oldest[q]));
        }
    }
    return hash | 1;
}

/* False if it was there. */
static bool
visit(uint64_t hash)
{
    uint64_t i = hash >> 1 & visited_mask;
    for (; visited[i]; i = (i + 1) & visited_mask)
        if (visited[i] == hash)
            return false;
    visited[i] = hash;
    visited_count++;
    return true;
}

/* --- steps --------------------------------------------------------------- */

static void
join(view into, const view from)
{
    for (unsigned p = 0; p < place_count; p++)
        into[p] = from[p] > into[p] ? from[p] : into[p];
}

static struct place *
place_of(const volatile void *address)
{
    for (unsigned p = 0; p < place_count; p++)
        if (places[p].address == address)
            return &places[p];
    explore_fail("a step at a place that the scenario doesn't name");
    return NULL;
}

/* Others may come first. */
static struct thread *
step(void)
{
    if (!_setjmp(threads[current].at))
        _longjmp(scheduler, 1);
    return &threads[current];
}

static uint64_t
read_value(struct thread *thread, struct place *place, unsigned index, enum explore_order order)
{
    unsigned p = (unsigned)(place - places);
    thread->now[p] = (uint8_t)index;
    join(thread->after_acquire, place->values[index].view);
    if (order == ORDER_acquire)
        join(thread->now, place->values[index].view);
    thread->seen = mix(thread->seen, place->values[index].value);
    return place->values[index].value;
}

/* `after`: the value that an exchange has replaced, whose release goes on in its own. */
static void
add_value(struct thread *thread, struct place *place, uint64_t value, enum explore_order order,
          const struct value *after)
{
    unsigned p = (unsigned)(place - places);
    if (place->count == VALUES) {
        fprintf(stderr, "%s: too many values of %s\n", running->name, place->name);
        exit(2);
    }
    struct value *slot = &place->values[place->count];
    thread->now[p] = (uint8_t)place->count++;
    slot->value = value;
    memset(slot->view, 0, sizeof slot->view);
    join(slot->view, order == ORDER_release ? thread->now : thread->at_release);
    slot->view[p] = thread->now[p];
    if (after)
        join(slot->view, after->view);
    thread->seen = mix(thread->seen, value);
}

uint64_t
explore_load(const volatile void *address, enum explore_order order)
{
    struct thread *thread = step();
    struct place *place = place_of(address);
    unsigned oldest = thread->now[place - places];
    unsigned index = oldest + choose(place->count - oldest);
    uint64_t value = read_value(thread, place, index, order);
    note("load", place, value);
    return value;
}

void
explore_store(volatile void *address, uint64_t value, enum explore_order order)
{
    struct thread *thread = step();
    struct place *place = place_of(address);
    note("store", place, value);
    add_value(thread, place, value, order, NULL);
}

void
explore_store_plain(volatile void *address, uint64_t value)
{
    struct thread *thread = step();
    struct place *place = place_of(address);
    note("store", place, value);
    if (thread->now[place - places] + 1u != place->count)
        explore_fail("two owners write to the same place, and nothing orders that");
    add_value(thread, place, value, ORDER_relaxed, NULL);
}

static uint64_t
exchange(struct thread *thread, struct place *place, uint64_t value, enum explore_order order)
{
    struct value before = place->values[place->count - 1];
    read_value(thread, place, place->count - 1, order);
    add_value(thread, place, value, order, &before);
    return before.value;
}

uint64_t
explore_add(volatile void *address, uint64_t n, enum explore_order order)
{
    struct thread *thread = step();
    struct place *place = place_of(address);
    note("add", place, n);
    return exchange(thread, place, place->values[place->count - 1].value + n, order);
}

/* It reads the newest value if it succeeds, and any other that it may if not. */
bool
explore_exchange_if(volatile void *address, uint64_t *seen, uint64_t value, enum explore_order order)
{
    struct thread *thread = step();
    struct place *place = place_of(address);
    unsigned may[VALUES];
    unsigned count = 0;
    for (unsigned v = thread->now[place - places]; v < place->count; v++)
        if (v + 1 == place->count || place->values[v].value != *seen)
            may[count++] = v;
    unsigned index = may[choose(count)];
    if (place->values[index].value == *seen) {
        note("exchange", place, value);
        exchange(thread, place, value, order);
        return true;
    }
    *seen = read_value(thread, place, index, ORDER_relaxed);
    note("no exchange", place, *seen);
    return false;
}

void
explore_fence(enum explore_order order)
{
    struct thread *thread = step();
    note(order == ORDER_acquire ? "acquire fence" : "release fence", NULL, 0);
    if (order == ORDER_acquire)
        join(thread->now, thread->after_acquire);
    else
        memcpy(thread->at_release, thread->now, sizeof thread->now);
    thread->seen = mix(thread->seen, 1);
}

/* --- runs ----------------------------------------------------------------- */

void
explore_place(volatile void *address, const char *name, uint64_t value)
{
    if (place_count == PLACES) {
        fprintf(stderr, "%s: too many places\n", running->name);
        exit(2);
    }
    struct place *place = &places[place_count++];
    memset(place, 0, sizeof *place);
    place->address = address;
    place->name = name;
    place->values[0].value = value;
    place->count = 1;
}

static void
enter(void)
{
    running->threads[current]();
    threads[current].over = true;
    _longjmp(scheduler, 1);
}

static void
prepare(void)
{
    place_count = thread_count = note_count = made = 0;
    running->begin();
    for (; thread_count < THREADS && running->threads[thread_count]; thread_count++) {
        struct thread *thread = &threads[thread_count];
        memset(thread, 0, sizeof *thread);
        thread->seen = thread_count + 2;
    }
}

static void
start_or_go_on(bool started)
{
    if (_setjmp(scheduler))
        return;
    if (started)
        _longjmp(threads[current].at, 1);
    getcontext(&threads[current].start);
    threads[current].start.uc_stack.ss_sp = stacks[current];
    threads[current].start.uc_stack.ss_size = STACK;
    makecontext(&threads[current].start, enter, 0);
    setcontext(&threads[current].start);
}

/* All threads come to their first step, which nobody sees; then one after the other does its next. */
static void
run_once(void)
{
    prepare();
    for (current = 0; current < thread_count; current++)
        start_or_go_on(false);
    for (;;) {
        unsigned ready[THREADS];
        unsigned count = 0;
        for (unsigned t = 0; t < thread_count; t++)
            if (!threads[t].over)
                ready[count++] = t;
        if (!count)
            return;
        if (made == depth && !visit(state()))
            return;
        current = ready[choose(count)];
        start_or_go_on(true);
    }
}

bool
explore(const struct explore_scenario *scenario, uint64_t states)
{
    running = scenario;
    visited_mask = 1;
    while (visited_mask < 2 * states)
        visited_mask *= 2;
    visited = calloc(visited_mask, sizeof *visited);
    visited_mask--;
    visited_count = 0;
    depth = 0;
    for (unsigned t = 0; t < THREADS; t++)
        stacks[t] = stacks[t] ? stacks[t] : malloc(STACK);
    uint64_t runs = 0;
    bool more;
    do {
        run_once();
        runs++;
        more = next_path();
    } while (more && visited_count < states);
    free(visited);
    printf("%-44s %8" PRIu64 " runs, %8" PRIu64 " states%s\n", scenario->name, runs, visited_count,
           more ? ", not all" : "");
    return !more;
}
