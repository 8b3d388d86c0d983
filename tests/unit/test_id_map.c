/* The map from (process, id): what is put in is found, however many of either there are. */
#include "../../src/model/id_map.h"
#include "unit.h"

static void
check_map(uint32_t processes, uint32_t ids, uint64_t stride)
{
    struct id_map map = {0};
    for (uint32_t p = 0; p < processes; p++)
        for (uint64_t i = 0; i < ids; i++)
            CHECK(id_map_put(&map, p, i * stride, p ^ (uint32_t)i));
    CHECK_NUMBER(map.count, (uint64_t)processes * ids);
    uint64_t wrong = 0;
    for (uint32_t p = 0; p < processes; p++)
        for (uint64_t i = 0; i < ids; i++) {
            const uint32_t *value = id_map_get(&map, p, i * stride);
            wrong += !value || *value != (p ^ (uint32_t)i);
        }
    CHECK_NUMBER(wrong, 0);
    CHECK(!id_map_get(&map, processes, 0));
    id_map_free(&map);
}

TEST(what_is_put_into_a_map_is_found)
{
    check_map(1, 1000, 1);
    check_map(1000, 1, 1);
    check_map(30, 100, (uint64_t)1 << 40);
}

/* If they were looked for at one place it would take hours. */
TEST(an_id_that_a_million_processes_have_is_found_at_once)
{
    check_map(1000000, 1, 1);
    check_map(1000, 1000, 1);
    check_map(1, 1000000, (uint64_t)1 << 24);
}
