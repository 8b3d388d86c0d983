/* tally_exceptions.c - exceptions by their types. */
#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "tally.h"

/* Two types of one name are told apart where their modules are known. */
static bool
is_same(const struct exception *a, const struct exception *b)
{
    if (!slice_equals(a->type, b->type) || a->ambiguous != b->ambiguous)
        return false;
    return !a->ambiguous || (slice_equals(a->module, b->module) && slice_equals(a->qualname, b->qualname));
}

static uint64_t
hash_place(const struct exception *exception)
{
    return hash_name(hash_name(exception->line, exception->function), exception->file);
}

/* Sums of types in an open table of their numbers, which is half free at least. */
struct table {
    uint32_t *slots; /* Owned */
    size_t mask;
    struct id_map places;
};

static struct tally_exception *
row_of(struct tally_exceptions *out, const struct model *model, struct table *table, uint32_t number)
{
    const struct exception *exception = &model->exceptions[number];
    size_t slot = hash_name(exception->ambiguous, exception->type) & table->mask;
    for (; table->slots[slot] != MODEL_NONE; slot = (slot + 1) & table->mask)
        if (is_same(&model->exceptions[out->rows[table->slots[slot]].first], exception))
            return &out->rows[table->slots[slot]];
    table->slots[slot] = out->count;
    out->rows[out->count] = (struct tally_exception){.first = number};
    return &out->rows[out->count++];
}

static int
add(struct tally_exceptions *out, const struct model *model, struct table *table, uint32_t number)
{
    const struct exception *exception = &model->exceptions[number];
    if (exception->calls_left == 0 && exception->caught_by == MODEL_NONE)
        return 0;
    struct tally_exception *row = row_of(out, model, table, number);
    uint32_t group = (uint32_t)(row - out->rows);
    row->raised++;
    row->left += exception->calls_left;
    row->caught += exception->caught_by != MODEL_NONE;
    if (id_map_get(&table->places, group, hash_place(exception)))
        return 0;
    row->places++;
    return id_map_put(&table->places, group, hash_place(exception), 0) ? 0 : -ENOMEM;
}

int
tally_exceptions(struct tally_exceptions *out, const struct model *model)
{
    size_t room = 64;
    while (room < 2 * ((size_t)model->exception_count + 1))
        room *= 2;
    struct table table = {.slots = malloc(room * sizeof *table.slots), .mask = room - 1};
    *out = (struct tally_exceptions){malloc(((size_t)model->exception_count + 1) * sizeof *out->rows), 0};
    int ret = table.slots && out->rows ? 0 : -ENOMEM;
    if (table.slots)
        memset(table.slots, 0xff, room * sizeof *table.slots); /* MODEL_NONE */
    for (uint32_t i = 0; ret == 0 && i < model->exception_count; i++)
        ret = add(out, model, &table, i);
    free(table.slots);
    id_map_free(&table.places);
    if (ret < 0)
        tally_exceptions_free(out);
    return ret;
}

void
tally_exceptions_free(struct tally_exceptions *tally)
{
    free(tally->rows);
    *tally = (struct tally_exceptions){0};
}
