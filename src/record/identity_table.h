/* identity_table.h - which number each live object has been given: Order#1, Order#2, ...
 *
 * An address names an object from its creation to the next creation there. So a
 * number is dropped at the latter; a death alone only allows to make room, as the
 * object is seen once more by its __del__, which may also bring it back to life.
 *
 * Knows nothing of Python: addresses are compared, never followed. The caller sees
 * to it that calls don't overlap.
 */
#ifndef FLOW_IDENTITY_TABLE_H
#define FLOW_IDENTITY_TABLE_H

#include "hash.h"
#include "pointer_map.h"

#define IDENTITY_LIVE_MAX (1u << 20)  /* objects: 64 MiB */
#define IDENTITY_NAMES_MAX (1u << 15) /* names of types: 2 MiB */
#define IDENTITY_DEAD 0x80000000u

struct identity_entry {
    const void *key;  /* compared only; NULL: free slot */
    uint32_t name;    /* of the hash of the name of the type */
    uint32_t number;  /* from 1 in each name; with IDENTITY_DEAD once it is gone */
};

struct identity_table {
    struct identity_entry *slots; /* Owned */
    size_t mask;
    size_t count, dead;
    struct pointer_map names;     /* hash of the name of a type -> the last number given */
};

static inline size_t
identity_table_slot(const struct identity_table *table, const void *key)
{
    return (size_t)(hash_pointer(key) >> 32) & table->mask;
}

/* NULL if there is none. Inline: asked for each object that the program makes or drops. */
static inline struct identity_entry *
identity_table_find(const struct identity_table *table, const void *key)
{
    if (!table->slots)
        return NULL;
    size_t i = identity_table_slot(table, key);
    while (table->slots[i].key && table->slots[i].key != key)
        i = (i + 1) & table->mask;
    return table->slots[i].key ? &table->slots[i] : NULL;
}

/* The number of the object at `key`, whose type has a name of this hash; given now if it has none yet, or one of
 * another name. 0 if there is no room for more. */
uint32_t identity_table_number(struct identity_table *table, const void *key, uint64_t name);
/* An object begins at `key`: what was there is no more. */
void identity_table_create(struct identity_table *table, const void *key);
/* The object at `key` is about to go. */
void identity_table_destroy(struct identity_table *table, const void *key);
void identity_table_clear(struct identity_table *table);

#endif
