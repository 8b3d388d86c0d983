#include "code_table.h"

#include "compat.h"

#include <stdint.h>
#include <stdlib.h>

static const char removed;
#define REMOVED ((const void *)&removed)

struct code_slot *
code_table_find(struct code_slots *slots, const void *key)
{
    for (size_t i = slots ? code_table_home(slots, key) : 0; slots; i = (i + 1) & slots->mask) {
        const void *found = __atomic_load_n(&slots->slots[i].key, __ATOMIC_ACQUIRE);
        if (found == key)
            return &slots->slots[i];
        if (!found)
            break;
    }
    return NULL;
}

/* The value comes first: who finds the key finds it. */
static void
insert(struct code_table *table, struct code_slots *slots, const void *key, void *value)
{
    size_t i = code_table_home(slots, key);
    while (slots->slots[i].key && slots->slots[i].key != REMOVED)
        i = (i + 1) & slots->mask;
    table->used += !slots->slots[i].key;
    __atomic_store_n(&slots->slots[i].value, value, __ATOMIC_RELEASE);
    __atomic_store_n(&slots->slots[i].key, key, __ATOMIC_RELEASE);
}

static void
free_slots(struct code_slots *slots)
{
    while (slots) {
        struct code_slots *before = slots->before;
        free(slots);
        slots = before;
    }
}

/* As many as the entries want: others may have been removed. */
static bool
make_room(struct code_table *table)
{
    struct code_slots *old = table->slots;
    size_t size = 256;
    while (size < 4 * table->count)
        size *= 2;
    struct code_slots *slots = calloc(1, sizeof *slots + size * sizeof *slots->slots);
    if (!slots)
        return false;
    slots->mask = size - 1;
    table->used = 0;
    for (size_t i = 0; old && i <= old->mask; i++)
        if (old->slots[i].key && old->slots[i].key != REMOVED)
            insert(table, slots, old->slots[i].key, old->slots[i].value);
#ifdef Py_GIL_DISABLED
    slots->before = old;
    old = NULL;
#endif
    __atomic_store_n(&table->slots, slots, __ATOMIC_RELEASE);
    free_slots(old);
    return true;
}

bool
code_table_put(struct code_table *table, const void *code, void *value)
{
    struct code_slot *slot = code_table_find(table->slots, code);
    if (slot) {
        __atomic_store_n(&slot->value, value, __ATOMIC_RELEASE);
        return true;
    }
    if ((!table->slots || 2 * table->used > table->slots->mask) && !make_room(table))
        return false;
    insert(table, table->slots, code, value);
    table->count++;
    return true;
}

/* Removed slots at the end of a run become empty again, so that they don't pile up. */
void *
code_table_remove(struct code_table *table, const void *code)
{
    struct code_slots *slots = table->slots;
    struct code_slot *slot = code_table_find(slots, code);
    if (!slot)
        return NULL;
    void *value = slot->value;
    table->count--;
    size_t i = (size_t)(slot - slots->slots);
    __atomic_store_n(&slot->value, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->key, REMOVED, __ATOMIC_RELEASE);
    if (slots->slots[(i + 1) & slots->mask].key)
        return value;
    for (; slots->slots[i].key == REMOVED; i = (i - 1) & slots->mask, table->used--)
        __atomic_store_n(&slots->slots[i].key, NULL, __ATOMIC_RELEASE);
    return value;
}

void
code_table_clear(struct code_table *table, void (*release)(void *value))
{
    for (size_t i = 0; table->slots && i <= table->slots->mask; i++)
        if (table->slots->slots[i].key && table->slots->slots[i].value)
            release(table->slots->slots[i].value);
    free_slots(table->slots);
    *table = (struct code_table){0};
}
