/* protocol.c - src/trace/protocol.h itself, in every order: no torn chunk is taken for a sound one, no slot has two
 * owners, a thread's chunks have no hole before one that is taken.
 *
 * A chunk is its header and two words of records, of which one committed byte each stands for one. What a claim writes
 * tells of that claim, so that a reader knows whose it reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore.h"

#define STEP_LOAD(place, order) explore_load(place, ORDER_##order)
#define STEP_STORE(place, value, order) explore_store(place, value, ORDER_##order)
#define STEP_ADD(place, n, order) explore_add(place, n, ORDER_##order)
#define STEP_EXCHANGE_IF(place, seen, value, order) explore_exchange_if(place, seen, value, ORDER_##order)
#define STEP_FENCE(order) explore_fence(ORDER_##order)

#include "protocol.h"

#define SLOTS 2
#define RECORDS 2
#define HEADER ((uint32_t)sizeof(struct flow_chunk_header))
#ifndef FORKED_SLOT
#define FORKED_SLOT(own) own /* that a forked child writes to */
#endif
#define PID 7u
#define DEAD 9u

static _Alignas(8) unsigned char bound_bytes[sizeof(struct flow_bound) + SLOTS * sizeof(struct flow_slot)];
static struct flow_bound *const bound = (struct flow_bound *)bound_bytes;
static struct flow_chunk_header chunks[SLOTS];
static uint64_t records[SLOTS][RECORDS];
static unsigned slot_count;
static uint64_t next_claim; /* of the thread's next chunk */
static bool let_go; /* others may recycle what a thread has left */
static int owners[SLOTS]; /* no places: the explorer's own view of who has what */

static uint64_t
record_of(uint64_t claim, unsigned index)
{
    return claim << 8 | index;
}

static void
begin_with(unsigned slots)
{
    slot_count = slots;
    let_go = false;
    next_claim = 0;
    memset(owners, 0, sizeof owners);
    explore_place(&bound->claims, "claims", slots);
    explore_place(&bound->seals, "seals", slots);
}

/* A slot and what is in it: a whole chunk of claim `slot + 1`. */
static void
begin_slot(unsigned i, enum flow_slot_state state, uint32_t pid, unsigned committed)
{
    static const char *const names[SLOTS][6] = {
        {"word 0", "age 0", "magic 0", "claim 0", "committed 0", "process 0"},
        {"word 1", "age 1", "magic 1", "claim 1", "committed 1", "process 1"},
    };
    static const char *const record_names[SLOTS][RECORDS] = {{"record 0.0", "record 0.1"},
                                                             {"record 1.0", "record 1.1"}};
    uint64_t claim = i + 1;
    bool free_slot = state == FLOW_SLOT_FREE;
    owners[i] = state == FLOW_SLOT_CLAIMED && pid == PID;
    explore_place(&bound->slots[i].word, names[i][0], free_slot ? 0 : protocol_word(claim, pid, state));
    explore_place(&bound->slots[i].age, names[i][1], claim);
    explore_place(&chunks[i].magic, names[i][2], free_slot ? 0 : FLOW_CHUNK_MAGIC);
    explore_place(&chunks[i].claim, names[i][3], free_slot ? 0 : claim);
    explore_place(&chunks[i].committed, names[i][4], free_slot ? 0 : HEADER + committed);
    explore_place(&chunks[i].process, names[i][5], free_slot ? 0 : claim);
    for (unsigned r = 0; r < RECORDS; r++)
        explore_place(&records[i][r], record_names[i][r], free_slot || r >= committed ? 0 : record_of(claim, r));
}

/* --- owners --------------------------------------------------------------- */

static bool
is_dead(uint32_t pid)
{
    return pid == DEAD;
}

static ptrdiff_t
claim_slot(uint64_t *word)
{
    uint64_t before;
    *word = protocol_word(protocol_next_claim(bound), PID, FLOW_SLOT_CLAIMED);
    ptrdiff_t i = protocol_claim(bound, bound->slots, slot_count, *word, is_dead, &before);
    if (i >= 0 && owners[i]++)
        explore_fail("a slot has two owners");
    return i;
}

static void
begin_chunk(ptrdiff_t i, uint64_t word)
{
    uint64_t claim = word >> FLOW_SLOT_CLAIM_SHIFT;
    protocol_clear(&chunks[i]);
    explore_store_plain(&chunks[i].process, claim);
    protocol_begin(&chunks[i], claim);
}

static void
write_record(ptrdiff_t i, uint64_t word, unsigned index)
{
    explore_store_plain(&records[i][index], record_of(word >> FLOW_SLOT_CLAIM_SHIFT, index));
    protocol_publish(&chunks[i], HEADER + index + 1);
}

static void
seal_slot(ptrdiff_t i, uint64_t word)
{
    owners[i]--;
    protocol_seal(bound, &bound->slots[i], word);
}

static void
use_slot(unsigned count)
{
    uint64_t word;
    ptrdiff_t i = claim_slot(&word);
    if (i < 0)
        return;
    begin_chunk(i, word);
    for (unsigned r = 0; r < count; r++)
        write_record(i, word, r);
    seal_slot(i, word);
}

/* --- readers --------------------------------------------------------------- */

/* How many records of the slot's chunk were read, and by what claim it was written; 0 if none is taken. */
static uint64_t
read_slot(unsigned i, uint64_t last_claim, unsigned *count)
{
    uint64_t word;
    uint32_t committed;
    if (!protocol_look(&bound->slots[i], &chunks[i], &word, &committed))
        return 0;
    uint64_t claim = word >> FLOW_SLOT_CLAIM_SHIFT;
    if (claim > last_claim)
        return 0;
    uint64_t process = STEP_LOAD(&chunks[i].process, relaxed);
    uint64_t copied[RECORDS];
    *count = committed - HEADER;
    if (*count > RECORDS)
        explore_fail("more is committed than there is room for");
    for (unsigned r = 0; r < *count; r++)
        copied[r] = STEP_LOAD(&records[i][r], relaxed);
    if (!protocol_holds(&bound->slots[i], word))
        return 0;
    if (process != claim)
        explore_fail("a header is torn");
    for (unsigned r = 0; r < *count; r++)
        if (copied[r] != record_of(claim, r))
            explore_fail("a record is torn");
    return claim;
}

static void
reader(void)
{
    unsigned count;
    read_slot(0, UINT64_MAX, &count);
}

static void
reader_of_two(void)
{
    unsigned count;
    read_slot(0, UINT64_MAX, &count);
    read_slot(1, UINT64_MAX, &count);
}

/* --- publish and seal ------------------------------------------------------ */

static void
begin_publish(void)
{
    begin_with(1);
    begin_slot(0, FLOW_SLOT_CLAIMED, PID, 0);
}

static void
write_and_seal(void)
{
    uint64_t word = protocol_word(1, PID, FLOW_SLOT_CLAIMED);
    write_record(0, word, 0);
    write_record(0, word, 1);
    seal_slot(0, word);
}

/* --- recycle ---------------------------------------------------------------- */

static void
begin_recycle(void)
{
    begin_with(1);
    begin_slot(0, FLOW_SLOT_SEALED, PID, 2);
}

static void
begin_recycle_of_two(void)
{
    begin_with(2);
    begin_slot(0, FLOW_SLOT_SEALED, PID, 1);
    begin_slot(1, FLOW_SLOT_FREE, 0, 0);
}

static void
use_two(void)
{
    use_slot(2);
}

static void
use_one(void)
{
    use_slot(1);
}

/* It writes on while others look for room; then its slot is theirs. */
static void
begin_sealed_by_owner(void)
{
    begin_with(1);
    begin_slot(0, FLOW_SLOT_CLAIMED, PID, 1);
}

static void
write_last_and_seal(void)
{
    uint64_t word = protocol_word(1, PID, FLOW_SLOT_CLAIMED);
    write_record(0, word, 1);
    seal_slot(0, word);
}

/* --- an owner that was killed ------------------------------------------------ */

static void
begin_dead(void)
{
    begin_with(1);
    begin_slot(0, FLOW_SLOT_CLAIMED, DEAD, 1);
}

/* --- the next chunk of the same thread ---------------------------------------- */

static void
begin_next(void)
{
    begin_with(2);
    begin_slot(0, FLOW_SLOT_CLAIMED, PID, 1);
    begin_slot(1, FLOW_SLOT_FREE, 0, 0);
}

static void
begin_next_and_let_go(void)
{
    begin_next();
    let_go = true;
}

static void
write_to_the_next(void)
{
    uint64_t first = protocol_word(1, PID, FLOW_SLOT_CLAIMED);
    uint64_t word;
    write_record(0, first, 1);
    ptrdiff_t i = claim_slot(&word);
    seal_slot(0, first);
    if (i < 0) /* as writer.c does: one that is sealed may be had */
        i = claim_slot(&word);
    if (i < 0)
        return;
    next_claim = word >> FLOW_SLOT_CLAIM_SHIFT;
    begin_chunk(i, word);
    write_record(i, word, 0);
}

static void
reader_in_order(void)
{
    unsigned first = 0, second = 0;
    uint64_t last = protocol_last_claim(bound);
    uint64_t a = read_slot(0, last, &first);
    uint64_t b = read_slot(1, last, &second);
    if (b && b == next_claim && (a ? a == 1 && first != 2 : !let_go))
        explore_fail("a hole before a chunk that was taken");
}

/* --- fork: the child has a slot of its own, and leaves its parent's alone ------ */

static void
forked_child(void)
{
    uint64_t word;
    ptrdiff_t i = claim_slot(&word);
    if (i < 0)
        return;
    begin_chunk(i, word);
    write_record(FORKED_SLOT(i), word, 0);
    seal_slot(i, word);
}

static void
parent_goes_on(void)
{
    uint64_t word = protocol_word(1, PID, FLOW_SLOT_CLAIMED);
    write_record(0, word, 1);
    seal_slot(0, word);
}

static const struct explore_scenario scenarios[] = {
    {"publish, seal; a reader", begin_publish, {write_and_seal, reader, reader}},
    {"recycle; a reader", begin_recycle, {use_two, reader}},
    {"two claimants of one slot; a reader", begin_recycle, {use_one, use_one, reader}},
    {"an owner, then another; a reader", begin_sealed_by_owner, {write_last_and_seal, use_two, reader}},
    {"an owner, two claimants", begin_sealed_by_owner, {write_last_and_seal, use_one, use_one}},
    {"two slots, two claimants; a reader", begin_recycle_of_two, {use_one, use_one, reader_of_two}},
    {"a dead owner, a claimant; a reader", begin_dead, {use_one, reader}},
    {"a dead owner, two claimants", begin_dead, {use_one, use_one}},
    {"the next chunk; a reader of both", begin_next, {write_to_the_next, reader_in_order}},
    {"fork: parent and child; a reader", begin_next, {parent_goes_on, forked_child, reader_of_two}},
    {"the next chunk, another claimant; a reader",
     begin_next_and_let_go,
     {write_to_the_next, use_one, reader_in_order}},
};

/* protocol [states]: with a number of states, also the scenario that has millions. */
int
main(int argc, char **argv)
{
    uint64_t states = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000;
    size_t count = sizeof scenarios / sizeof *scenarios;
    bool all = true;
    for (size_t i = 0; i < (argc > 1 ? count : count - 1); i++)
        all &= explore(&scenarios[i], states);
    return all ? 0 : 3;
}
