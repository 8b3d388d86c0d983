#include "pointer_map.h"

#include <stdlib.h>

#include "hash.h"

static size_t
slot_of(const struct pointer_map *map, const void *key)
{
    return (size_t)(hash_pointer(key) >> 32) & map->mask;
}

static struct pointer_entry *
find(const struct pointer_map *map, const void *key)
{
    size_t i = slot_of(map, key);
    while (map->slots[i].key && map->slots[i].key != key)
        i = (i + 1) & map->mask;
    return &map->slots[i];
}

struct pointer_entry *
pointer_map_get(const struct pointer_map *map, const void *key)
{
    if (!map->slots)
        return NULL;
    struct pointer_entry *entry = find(map, key);
    return entry->key ? entry : NULL;
}

static bool
grow(struct pointer_map *map)
{
    size_t size = map->slots ? 2 * (map->mask + 1) : 64;
    struct pointer_map bigger = {calloc(size, sizeof *bigger.slots), size - 1, map->count};
    if (!bigger.slots)
        return false;
    for (size_t i = 0; map->slots && i <= map->mask; i++)
        if (map->slots[i].key)
            *find(&bigger, map->slots[i].key) = map->slots[i];
    free(map->slots);
    *map = bigger;
    return true;
}

struct pointer_entry *
pointer_map_put(struct pointer_map *map, const void *key)
{
    if ((!map->slots || map->count * 2 > map->mask) && !grow(map))
        return NULL;
    struct pointer_entry *entry = find(map, key);
    if (!entry->key)
        map->count++;
    *entry = (struct pointer_entry){.key = key};
    return entry;
}

/* Moves later entries of the run back, so that no tombstones are needed. */
static void
remove_slot(struct pointer_map *map, size_t hole)
{
    size_t i = hole;
    for (;;) {
        i = (i + 1) & map->mask;
        if (!map->slots[i].key)
            break;
        size_t home = slot_of(map, map->slots[i].key);
        if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole].key = NULL;
    map->count--;
}

void
pointer_map_remove(struct pointer_map *map, const void *key)
{
    struct pointer_entry *entry = pointer_map_get(map, key);
    if (entry)
        remove_slot(map, (size_t)(entry - map->slots));
}

void
pointer_map_purge(struct pointer_map *map, const void *data)
{
    for (size_t i = 0; map->slots && i <= map->mask;) {
        if (map->slots[i].key && map->slots[i].data == data)
            remove_slot(map, i); /* another may have moved here: look again */
        else
            i++;
    }
}

void
pointer_map_clear(struct pointer_map *map)
{
    free(map->slots);
    *map = (struct pointer_map){0};
}
