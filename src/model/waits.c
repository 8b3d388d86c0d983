#include "waits.h"

#include <errno.h>
#include <stdlib.h>

#include "../trace/array.h"

static struct wait *
find(const struct waits *waits, uint32_t call)
{
    const uint32_t *known = id_map_get(&waits->by_call, 0, call);
    return known ? &waits->items[*known] : NULL;
}

static struct wait *
add(struct waits *waits, uint32_t call)
{
    void *items = waits->items;
    if (!array_make_room(&items, waits->count, &waits->room, sizeof *waits->items))
        return NULL;
    waits->items = items;
    if (!id_map_put(&waits->by_call, 0, call, waits->count))
        return NULL;
    waits->items[waits->count] = (struct wait){0};
    return &waits->items[waits->count++];
}

int
waits_begin(struct waits *waits, uint32_t call, struct value awaited)
{
    struct wait *wait = find(waits, call);
    if (!wait && !(wait = add(waits, call)))
        return -ENOMEM;
    wait->pending = awaited;
    wait->count++;
    return 0;
}

void
waits_end(struct waits *waits, uint32_t call, uint64_t ns, bool for_good)
{
    struct wait *wait = find(waits, call);
    if (!wait || !wait->pending.data)
        return;
    if (for_good || !wait->longest.data || ns > wait->longest_ns) {
        wait->longest = wait->pending;
        wait->longest_ns = ns;
        wait->lasts = for_good;
    }
    wait->pending = (struct value){0};
}

const struct wait *
waits_find(const struct waits *waits, uint32_t call)
{
    const struct wait *wait = find(waits, call);
    return wait && wait->longest.data ? wait : NULL;
}

struct awaited
wait_read(const struct reader *reader, struct value value)
{
    struct awaited awaited = {0, {"", 0}, {"", 0}};
    struct value_head head;
    if (value_read(reader, &value, &head) < 0 || head.tag != FLOW_VALUE_TUPLE || head.count != 2)
        return awaited;
    if (value_read(reader, &value, &head) < 0 || head.tag != FLOW_VALUE_INT)
        return awaited;
    awaited.line = head.integer > 0 && head.integer < UINT32_MAX ? (uint32_t)head.integer : 0;
    if (value_read(reader, &value, &head) < 0 || (head.tag != FLOW_VALUE_TEXT && head.tag != FLOW_VALUE_OBJECT))
        return awaited;
    awaited.type = head.type;
    if (head.tag == FLOW_VALUE_TEXT)
        awaited.task = head.bytes;
    return awaited;
}

int
waits_renumber(struct waits *waits, const uint32_t *renumbered)
{
    struct id_map by_call = {0};
    for (size_t i = 0; waits->by_call.slots && i <= waits->by_call.mask; i++) {
        const struct id_entry *entry = &waits->by_call.slots[i];
        if (!entry->process || renumbered[entry->id] == UINT32_MAX)
            continue;
        if (!id_map_put(&by_call, 0, renumbered[entry->id], entry->value)) {
            id_map_free(&by_call);
            return -ENOMEM;
        }
    }
    id_map_free(&waits->by_call);
    waits->by_call = by_call;
    return 0;
}

void
waits_free(struct waits *waits)
{
    free(waits->items);
    id_map_free(&waits->by_call);
    *waits = (struct waits){0};
}
