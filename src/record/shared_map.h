/* shared_map.h - a pointer_map that all threads use.
 *
 * With a GIL it is one map and its lock is nothing. Without one it is cut into
 * shards, so that threads rarely meet: between lock and unlock the caller has
 * the shard of one key for itself, and calls no Python there.
 */
#ifndef FLOW_SHARED_MAP_H
#define FLOW_SHARED_MAP_H

#include "compat.h"
#include "hash.h"
#include "pointer_map.h"

#define SHARED_MAP_SHARDS (COMPAT_FREE_THREADED ? 64 : 1)

struct shared_map {
    struct shared_map_shard {
        struct compat_mutex lock;
        struct pointer_map map;
        COMPAT_APART(apart)
    } shards[SHARED_MAP_SHARDS];
};

static inline struct shared_map_shard *
shared_map_shard(struct shared_map *map, const void *key)
{
    return &map->shards[(hash_pointer(key) >> 58) % SHARED_MAP_SHARDS];
}

static inline struct pointer_map *
shared_map_lock(struct shared_map *map, const void *key)
{
    struct shared_map_shard *shard = shared_map_shard(map, key);
    compat_lock(&shard->lock);
    return &shard->map;
}

static inline void
shared_map_unlock(struct shared_map *map, const void *key)
{
    compat_unlock(&shared_map_shard(map, key)->lock);
}

/* A copy of the entry; its key is NULL if there is none. */
static inline struct pointer_entry
shared_map_get(struct shared_map *map, const void *key)
{
    const struct pointer_entry *entry = pointer_map_get(shared_map_lock(map, key), key);
    struct pointer_entry copy = entry ? *entry : (struct pointer_entry){0};
    shared_map_unlock(map, key);
    return copy;
}

/* False without memory. */
static inline bool
shared_map_put(struct shared_map *map, struct pointer_entry what)
{
    struct pointer_entry *entry = pointer_map_put(shared_map_lock(map, what.key), what.key);
    if (entry)
        *entry = what;
    shared_map_unlock(map, what.key);
    return entry != NULL;
}

static inline void
shared_map_remove(struct shared_map *map, const void *key)
{
    pointer_map_remove(shared_map_lock(map, key), key);
    shared_map_unlock(map, key);
}

static inline void
shared_map_after_fork(struct shared_map *map)
{
    for (int i = 0; i < SHARED_MAP_SHARDS; i++)
        compat_unlock_anyway(&map->shards[i].lock);
}

/* False: it is empty. Without a GIL that is not found out. */
static inline bool
shared_map_may_hold(const struct shared_map *map)
{
    return COMPAT_FREE_THREADED || map->shards[0].map.count > 0;
}

/* Drops all entries with this data. */
static inline void
shared_map_purge(struct shared_map *map, const void *data)
{
    for (int i = 0; i < SHARED_MAP_SHARDS; i++) {
        compat_lock(&map->shards[i].lock);
        pointer_map_purge(&map->shards[i].map, data);
        compat_unlock(&map->shards[i].lock);
    }
}

static inline void
shared_map_clear(struct shared_map *map)
{
    for (int i = 0; i < SHARED_MAP_SHARDS; i++) {
        compat_lock(&map->shards[i].lock);
        pointer_map_clear(&map->shards[i].map);
        compat_unlock(&map->shards[i].lock);
    }
}

#endif
