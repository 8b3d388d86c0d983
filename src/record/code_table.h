/* code_table.h - what is known of code objects, by their address.
 *
 * Without a GIL reading takes no lock; writing wants the caller's. An entry is removed
 * at the code's own end, before its address can be another's: nobody looks for it then.
 */
#ifndef FLOW_CODE_TABLE_H
#define FLOW_CODE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "hash.h"

struct code_slot {
    const void *key; /* NULL: empty; or it is a mark that it was used, and a search goes on behind it */
    void *value;
};

struct code_slots {
    size_t mask;
    struct code_slots *before; /* a thread may still be reading it */
    struct code_slot slots[];
};

struct code_table {
    struct code_slots *slots; /* Owned; without a GIL those before stay until the end */
    size_t used;              /* slots that are not empty */
    size_t count;             /* of entries */
};

/* Its slot, or NULL. `slots` may be NULL. */
struct code_slot *code_table_find(struct code_slots *slots, const void *code);

/* Where a search begins. */
static inline size_t
code_table_home(const struct code_slots *slots, const void *code)
{
    return (size_t)(hash_pointer(code) >> 32) & slots->mask;
}

/* Its value, or NULL. */
static inline void *
code_table_get(const struct code_table *table, const void *code)
{
    struct code_slots *slots = __atomic_load_n(&table->slots, __ATOMIC_ACQUIRE);
    struct code_slot *slot = slots ? &slots->slots[code_table_home(slots, code)] : NULL;
    if (!slot || __atomic_load_n(&slot->key, __ATOMIC_ACQUIRE) != code)
        slot = code_table_find(slots, code);
    return slot ? __atomic_load_n(&slot->value, __ATOMIC_ACQUIRE) : NULL;
}

/* False without memory. The code must not be in the table with another value, but for NULL. */
bool code_table_put(struct code_table *table, const void *code, void *value);
/* Returns what it was, or NULL. */
void *code_table_remove(struct code_table *table, const void *code);
/* Calls release() for each value, and frees all. */
void code_table_clear(struct code_table *table, void (*release)(void *value));

#endif
