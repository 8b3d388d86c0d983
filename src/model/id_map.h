/* id_map.h - from (process, id) to an index. Keys are never removed. */
#ifndef FLOW_ID_MAP_H
#define FLOW_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_entry {
    uint64_t id;
    uint32_t process; /* index + 1; 0: free */
    uint32_t value;
};

struct id_map {
    struct id_entry *slots; /* Owned */
    size_t mask, count;
};

/* The value of (process, id), or NULL. Valid until the next put. */
uint32_t *id_map_get(const struct id_map *map, uint32_t process, uint64_t id);
/* False without memory. */
bool id_map_put(struct id_map *map, uint32_t process, uint64_t id, uint32_t value);
void id_map_free(struct id_map *map);

#endif
