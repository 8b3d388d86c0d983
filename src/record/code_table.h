/* code_table.h - what is known of code objects, by their address.
 *
 * Without a GIL reading takes no lock; writing wants the caller's. An entry is removed
 * at the code's own end, before its address can be another's: nobody looks for it then.
 */
#ifndef FLOW_CODE_TABLE_H
#define FLOW_CODE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct code_slots;

struct code_table {
    struct code_slots *slots; /* Owned; without a GIL those before stay until the end */
    size_t used;              /* slots that are not empty */
    size_t count;             /* of entries */
};

void *code_table_get(const struct code_table *table, const void *code);
/* False without memory. The code must not be in the table with another value, but for NULL. */
bool code_table_put(struct code_table *table, const void *code, void *value);
/* Returns what it was, or NULL. */
void *code_table_remove(struct code_table *table, const void *code);
/* Calls release() for each value, and frees all. */
void code_table_clear(struct code_table *table, void (*release)(void *value));

#endif
