/* protocol.h - each step by which threads and processes share a trace, and why its memory order is what it is.
 *
 * tests/interleaving/ compiles this file with the STEP_ macros of its own and runs it in every order that C11 allows:
 * no reader takes a torn chunk for a sound one, no slot has two owners.
 *
 *   owner     publish: a record, then `committed` ........................ release, seen by the reader's acquire
 *             seal:    the last record, then the slot's word ............. release, seen by the next owner's acquire
 *   claimant  take:    the word, by compare and exchange ................. or two would have the slot
 *             then a fence, then the chunk's bytes, `claim` last ......... a reader that sees a byte of ours
 *                                                                          sees the new word when it looks again
 *   reader    look:    word, `claim`, `committed`; copy; a fence; the word again
 *             but first the number of the last claim, for which a thread's earlier chunks are complete
 */
#ifndef FLOW_PROTOCOL_H
#define FLOW_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format.h"

#ifndef STEP_LOAD
#define STEP_LOAD(place, order) atomic_load_explicit(place, memory_order_##order)
#define STEP_STORE(place, value, order) atomic_store_explicit(place, value, memory_order_##order)
#define STEP_ADD(place, n, order) atomic_fetch_add_explicit(place, n, memory_order_##order)
#define STEP_EXCHANGE_IF(place, seen, value, order) \
    atomic_compare_exchange_strong_explicit(place, seen, value, memory_order_##order, memory_order_relaxed)
#define STEP_FENCE(order) atomic_thread_fence(memory_order_##order)
#endif

/* --- a chunk and its readers -------------------------------------------- */

/* A claimed chunk may hold another's records. Readers without the table of slots go by the magic: from here to
 * protocol_begin() it is void, also if its new owner dies. */
static inline void
protocol_clear(struct flow_chunk_header *chunk)
{
    STEP_STORE(&chunk->magic, 0, relaxed);
}

/* All fields of the header are set. Release, twice: who sees the magic, or this claim, sees them too. */
static inline void
protocol_begin(struct flow_chunk_header *chunk, uint64_t claim)
{
    STEP_STORE(&chunk->committed, (uint32_t)sizeof *chunk, relaxed);
    STEP_STORE(&chunk->magic, FLOW_CHUNK_MAGIC, release);
    STEP_STORE(&chunk->claim, claim, release);
}

/* Release: who sees that so many bytes hold sees these bytes. */
static inline void
protocol_publish(struct flow_chunk_header *chunk, uint32_t committed)
{
    STEP_STORE(&chunk->committed, committed, release);
}

/* --- claims ------------------------------------------------------------- */

/* Each claim is numbered. Release: who counts up to it sees all that its thread has written before. */
static inline uint64_t
protocol_next_claim(struct flow_bound *bound)
{
    return STEP_ADD(&bound->claims, 1, release) + 1;
}

static inline uint64_t
protocol_last_claim(const struct flow_bound *bound)
{
    return STEP_LOAD(&bound->claims, acquire);
}

/* --- slots -------------------------------------------------------------- */

static inline uint64_t
protocol_word(uint64_t claim, uint32_t pid, enum flow_slot_state state)
{
    return claim << FLOW_SLOT_CLAIM_SHIFT | (uint64_t)(pid <= FLOW_SLOT_PID_MAX ? pid : 0) << 2 | state;
}

static inline enum flow_slot_state
protocol_state(uint64_t word)
{
    return (enum flow_slot_state)(word & 3);
}

/* Release: what was written to the chunk comes before what its next owner writes. The age only says which is the
 * oldest. Compare and exchange, since anybody can write to the file. */
static inline void
protocol_seal(struct flow_bound *bound, struct flow_slot *slot, uint64_t word)
{
    uint64_t sealed = (word & ~(uint64_t)3) | FLOW_SLOT_SEALED;
    STEP_STORE(&slot->age, STEP_ADD(&bound->seals, 1, relaxed) + 1, relaxed);
    STEP_EXCHANGE_IF(&slot->word, &word, sealed, release);
}

/* The one of several claimants whose exchange comes first has the slot: the claim makes each word another. Acquire:
 * the owner before has done with it. The fence, since an exchange alone does not keep later stores behind its own. */
static inline bool
protocol_take(struct flow_slot *slot, uint64_t seen, uint64_t word)
{
    if (!STEP_EXCHANGE_IF(&slot->word, &seen, word, acquire))
        return false;
    STEP_FENCE(release);
    return true;
}

/* Takes the slot that was sealed longest ago, free ones first, never one that a living owner writes to: its index,
 * or -1. What an owner left that is `gone` counts as sealed just now. */
static inline ptrdiff_t
protocol_claim(struct flow_bound *bound, struct flow_slot *slots, size_t count, uint64_t word, bool (*gone)(uint32_t),
               uint64_t *before)
{
    for (;;) {
        ptrdiff_t oldest = -1;
        uint64_t least = UINT64_MAX;
        bool buried = false;
        for (size_t i = 0; i < count; i++) {
            uint64_t seen = STEP_LOAD(&slots[i].word, relaxed);
            enum flow_slot_state state = protocol_state(seen);
            uint64_t age = state == FLOW_SLOT_FREE ? 0 : STEP_LOAD(&slots[i].age, relaxed);
            if (state == FLOW_SLOT_CLAIMED && gone && gone((uint32_t)(seen >> 2) & FLOW_SLOT_PID_MAX)) {
                protocol_seal(bound, &slots[i], seen);
                buried = true;
            }
            if ((state != FLOW_SLOT_FREE && state != FLOW_SLOT_SEALED) || age >= least)
                continue;
            least = age;
            oldest = (ptrdiff_t)i;
            *before = seen;
            if (state == FLOW_SLOT_FREE)
                break;
        }
        if (oldest < 0 && !buried)
            return -1;
        if (oldest >= 0 && protocol_take(&slots[oldest], *before, word))
            return oldest;
    }
}

/* --- readers of slots ---------------------------------------------------- */

/* Does the slot hold a chunk that was begun under the word's claim? Acquire: its header, and as many bytes as are
 * committed, are there. The word itself orders nothing: a claim is used once, so the two agree or they don't. */
static inline bool
protocol_look(const struct flow_slot *slot, const struct flow_chunk_header *chunk, uint64_t *word, uint32_t *committed)
{
    *word = STEP_LOAD(&slot->word, relaxed);
    if (protocol_state(*word) == FLOW_SLOT_FREE || STEP_LOAD(&chunk->claim, acquire) != *word >> FLOW_SLOT_CLAIM_SHIFT)
        return false;
    *committed = STEP_LOAD(&chunk->committed, acquire);
    return true;
}

/* Is what was copied since protocol_look() still that claim's? The fence keeps the copying before this look. */
static inline bool
protocol_holds(const struct flow_slot *slot, uint64_t word)
{
    STEP_FENCE(acquire);
    return STEP_LOAD(&slot->word, relaxed) >> FLOW_SLOT_CLAIM_SHIFT == word >> FLOW_SLOT_CLAIM_SHIFT;
}

#endif
