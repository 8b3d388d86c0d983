#include "id_map.h"

#include <stdlib.h>

static struct id_entry *
find(const struct id_map *map, uint32_t process, uint64_t id)
{
    uint64_t hash = (id ^ process * 0xff51afd7ed558ccdu) * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(hash >> 24) & map->mask;
    while (map->slots[i].process && (map->slots[i].id != id || map->slots[i].process != process + 1))
        i = (i + 1) & map->mask;
    return &map->slots[i];
}

uint32_t *
id_map_get(const struct id_map *map, uint32_t process, uint64_t id)
{
    if (!map->slots)
        return NULL;
    struct id_entry *entry = find(map, process, id);
    return entry->process ? &entry->value : NULL;
}

static bool
grow(struct id_map *map)
{
    struct id_map bigger = {NULL, map->slots ? 2 * map->mask + 1 : 255, map->count};
    bigger.slots = calloc(bigger.mask + 1, sizeof *bigger.slots);
    if (!bigger.slots)
        return false;
    for (size_t i = 0; map->slots && i <= map->mask; i++)
        if (map->slots[i].process)
            *find(&bigger, map->slots[i].process - 1, map->slots[i].id) = map->slots[i];
    free(map->slots);
    *map = bigger;
    return true;
}

bool
id_map_put(struct id_map *map, uint32_t process, uint64_t id, uint32_t value)
{
    if ((!map->slots || map->count * 2 > map->mask) && !grow(map))
        return false;
    struct id_entry *entry = find(map, process, id);
    map->count += !entry->process;
    *entry = (struct id_entry){id, process + 1, value};
    return true;
}

void
id_map_free(struct id_map *map)
{
    free(map->slots);
    *map = (struct id_map){0};
}
