/* pointer_map.h - what is known of a live object, by its address.
 *
 * Addresses are reused as soon as an object dies, so an entry is a lookup key
 * for as long as its owner says, never a name: put() overwrites.
 */
#ifndef FLOW_POINTER_MAP_H
#define FLOW_POINTER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pointer_entry {
    const void *key;  /* Borrowed, compared only; NULL: free slot */
    const void *data; /* Borrowed */
    uint64_t id;
    uint64_t extra;
};

struct pointer_map {
    struct pointer_entry *slots; /* Owned */
    size_t mask;
    size_t count;
};

/* NULL if there is none. Valid until the next put or remove. */
struct pointer_entry *pointer_map_get(const struct pointer_map *map, const void *key);
/* The entry of `key`, made or emptied; NULL without memory. */
struct pointer_entry *pointer_map_put(struct pointer_map *map, const void *key);
void pointer_map_remove(struct pointer_map *map, const void *key);
/* Drops all entries with this data. */
void pointer_map_purge(struct pointer_map *map, const void *data);
void pointer_map_clear(struct pointer_map *map);

#endif
