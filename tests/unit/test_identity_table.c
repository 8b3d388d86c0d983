/* Numbers of objects, by addresses that are made up. */
#include <stdlib.h>

#include "../../src/record/identity_table.h"
#include "unit.h"

#define ORDER 0x1111111100000000u
#define ITEM 0x2222222200000000u

static const void *
at(size_t i)
{
    return (const void *)(uintptr_t)(0x7f0000000000u + 48 * i);
}

TEST(identity_numbers_count_per_name)
{
    struct identity_table table = {0};
    CHECK_NUMBER(identity_table_number(&table, at(1), ORDER), 1);
    CHECK_NUMBER(identity_table_number(&table, at(2), ORDER), 2);
    CHECK_NUMBER(identity_table_number(&table, at(3), ITEM), 1);
    CHECK_NUMBER(identity_table_number(&table, at(1), ORDER), 1);
    CHECK_NUMBER(identity_table_number(&table, at(2), ORDER), 2);
    identity_table_clear(&table);
    CHECK_NUMBER(identity_table_number(&table, at(2), ORDER), 1);
    identity_table_clear(&table);
}

TEST(identity_ends_where_another_object_begins)
{
    struct identity_table table = {0};
    identity_table_create(&table, at(1)); /* nothing is known yet */
    identity_table_destroy(&table, at(1));
    CHECK_NUMBER(identity_table_number(&table, at(1), ORDER), 1);
    identity_table_create(&table, at(1));
    CHECK_NUMBER(identity_table_number(&table, at(1), ORDER), 2);
    identity_table_destroy(&table, at(1));
    CHECK_NUMBER(table.dead, 1);
    CHECK_NUMBER(identity_table_number(&table, at(1), ORDER), 2); /* seen by its __del__ */
    CHECK_NUMBER(table.dead, 0);
    identity_table_destroy(&table, at(1));
    identity_table_destroy(&table, at(1));
    CHECK_NUMBER(table.dead, 1);
    identity_table_create(&table, at(1));
    CHECK_NUMBER(table.dead, 0);
    CHECK_NUMBER(table.count, 0);
    identity_table_clear(&table);
}

TEST(identity_of_an_object_whose_class_was_changed)
{
    struct identity_table table = {0};
    CHECK_NUMBER(identity_table_number(&table, at(1), ORDER), 1);
    CHECK_NUMBER(identity_table_number(&table, at(2), ITEM), 1);
    CHECK_NUMBER(identity_table_number(&table, at(1), ITEM), 2);
    CHECK_NUMBER(table.count, 2);
    identity_table_clear(&table);
}

/* Against an array that is searched: each object that lives keeps its number, and no number is given twice. */
TEST(identity_of_many)
{
    enum { PLACES = 3000 };
    struct identity_table table = {0};
    uint32_t *numbers = calloc(PLACES, sizeof *numbers);
    uint64_t state = 88172645463325252u;
    uint32_t last = 0;
    for (int step = 0; numbers && step < 200000; step++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        size_t i = (size_t)(state >> 20) % PLACES;
        switch (state >> 8 & 3) {
        case 0:
            identity_table_destroy(&table, at(i));
            identity_table_create(&table, at(i));
            numbers[i] = 0;
            break;
        case 1:
            identity_table_create(&table, at(i)); /* the death was not seen */
            numbers[i] = 0;
            break;
        default: {
            uint32_t number = identity_table_number(&table, at(i), ORDER);
            CHECK_NUMBER(number, numbers[i] ? numbers[i] : last + 1);
            last = number > last ? number : last;
            numbers[i] = number;
        }
        }
    }
    CHECK(table.count - table.dead <= PLACES);
    free(numbers);
    identity_table_clear(&table);
}

TEST(identity_makes_room_of_the_dead)
{
    struct identity_table table = {0};
    for (size_t i = 0; i < 100000; i++) {
        CHECK_NUMBER(identity_table_number(&table, at(i), ORDER), i + 1);
        if (i >= 10)
            identity_table_destroy(&table, at(i - 10));
    }
    CHECK(table.mask < 256);
    for (size_t i = 99990; i < 100000; i++)
        CHECK_NUMBER(identity_table_number(&table, at(i), ORDER), i + 1);
    identity_table_clear(&table);
}

TEST(identity_is_bounded)
{
    struct identity_table table = {0};
    for (size_t i = 0; i < IDENTITY_LIVE_MAX; i++)
        if (identity_table_number(&table, at(i), ORDER) != i + 1) {
            CHECK(false);
            break;
        }
    CHECK_NUMBER(identity_table_number(&table, at(IDENTITY_LIVE_MAX), ORDER), 0);
    CHECK_NUMBER(identity_table_number(&table, at(5), ORDER), 6);
    CHECK_NUMBER((table.mask + 1) * sizeof *table.slots, 64 << 20);
    identity_table_destroy(&table, at(5));
    CHECK_NUMBER(identity_table_number(&table, at(IDENTITY_LIVE_MAX), ORDER), IDENTITY_LIVE_MAX + 1);
    CHECK_NUMBER(identity_table_number(&table, at(IDENTITY_LIVE_MAX + 1), ORDER), 0);
    identity_table_clear(&table);
    for (size_t i = 0; i < IDENTITY_NAMES_MAX; i++)
        identity_table_number(&table, at(1), (uint64_t)(i + 1) << 32);
    CHECK_NUMBER(identity_table_number(&table, at(1), (uint64_t)(IDENTITY_NAMES_MAX + 1) << 32), 0);
    CHECK_NUMBER(identity_table_number(&table, at(2), 1ull << 32), 2);
    identity_table_clear(&table);
}
