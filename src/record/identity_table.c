#include "identity_table.h"

#include <stdlib.h>

static void
insert(struct identity_table *table, struct identity_entry entry)
{
    size_t i = identity_table_slot(table, entry.key);
    while (table->slots[i].key)
        i = (i + 1) & table->mask;
    table->slots[i] = entry;
    table->count++;
}

/* Leaves the dead out. Less than half of the slots are ever taken, a quarter after this. */
static bool
make_room(struct identity_table *table)
{
    size_t live = table->count - table->dead;
    size_t size = 64;
    while (size < 4 * (live + 1))
        size *= 2;
    struct identity_table made = {.slots = calloc(size, sizeof *made.slots), .mask = size - 1, .names = table->names};
    if (!made.slots)
        return false;
    for (size_t i = 0; table->slots && i <= table->mask; i++)
        if (table->slots[i].key && !(table->slots[i].number & IDENTITY_DEAD))
            insert(&made, table->slots[i]);
    free(table->slots);
    *table = made;
    return true;
}

/* Moves later entries of the run back, so that no tombstones are needed. */
static void
remove_slot(struct identity_table *table, size_t hole)
{
    table->dead -= (table->slots[hole].number & IDENTITY_DEAD) != 0;
    table->count--;
    for (size_t i = (hole + 1) & table->mask; table->slots[i].key; i = (i + 1) & table->mask) {
        size_t home = identity_table_slot(table, table->slots[i].key);
        if (((i - home) & table->mask) >= ((i - hole) & table->mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole].key = NULL;
}

static uint32_t
next_number(struct identity_table *table, uint64_t name)
{
    const void *key = (const void *)(uintptr_t)(name | 1);
    struct pointer_entry *last = pointer_map_get(&table->names, key);
    if (!last && table->names.count < IDENTITY_NAMES_MAX)
        last = pointer_map_put(&table->names, key);
    return last && last->id < IDENTITY_DEAD - 1 ? (uint32_t)++last->id : 0;
}

uint32_t
identity_table_number(struct identity_table *table, const void *key, uint64_t name)
{
    uint32_t half = (uint32_t)(name >> 32);
    struct identity_entry *entry = identity_table_find(table, key);
    if (entry && entry->name == half) {
        table->dead -= (entry->number & IDENTITY_DEAD) != 0; /* brought back to life, maybe */
        return entry->number &= ~IDENTITY_DEAD;
    }
    if (entry)
        remove_slot(table, (size_t)(entry - table->slots));
    if (table->count - table->dead >= IDENTITY_LIVE_MAX)
        return 0;
    if ((!table->slots || 2 * table->count >= table->mask) && !make_room(table))
        return 0;
    uint32_t number = next_number(table, name);
    if (number)
        insert(table, (struct identity_entry){key, half, number});
    return number;
}

void
identity_table_create(struct identity_table *table, const void *key)
{
    struct identity_entry *entry = identity_table_find(table, key);
    if (entry)
        remove_slot(table, (size_t)(entry - table->slots));
}

void
identity_table_destroy(struct identity_table *table, const void *key)
{
    struct identity_entry *entry = identity_table_find(table, key);
    if (entry && !(entry->number & IDENTITY_DEAD)) {
        entry->number |= IDENTITY_DEAD;
        table->dead++;
    }
}

void
identity_table_clear(struct identity_table *table)
{
    free(table->slots);
    pointer_map_clear(&table->names);
    *table = (struct identity_table){0};
}
