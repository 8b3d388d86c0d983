/* tables.h - a trace as tables of rows: what SQL and data frames read. docs/export/tables.md describes them. */
#ifndef FLOW_TABLES_H
#define FLOW_TABLES_H

#include "../model/child_lists.h"
#include "../model/model.h"
#include "../model/text.h"

#define TABLE_COLUMNS_MAX 24

enum cell_kind { CELL_NULL = 0, CELL_NUMBER, CELL_TEXT };

struct cell {
    enum cell_kind kind;
    uint64_t number;
    struct slice text; /* until the next row; nobody has checked that it is UTF-8 */
};

struct column {
    bool is_text;
    const char *name;
    const char *what;    /* what stands there, in a line */
    struct cell usual;   /* what most rows have */
    const char *formula; /* of columns that make it, in SQL; or NULL */
};

struct table {
    const char *name;
    const char *what;
    const struct column *columns;
    uint32_t column_count;
    const struct table_functions *functions; /* private to tables.c */
};

extern const struct table tables[];
extern const uint32_t table_count;
/* NULL if there is none of that name. */
const struct table *table_find(const char *name);

bool column_is_usual(const struct column *column, const struct cell *cell);
/* Does its first column, which has its name, number the rows, in rising order? */
bool table_is_numbered(const struct table *table);

/* A table's next row; the model must outlive it. */
struct table_cursor {
    const struct model *model;
    const struct table *table;
    uint32_t row;       /* the next process, track, function, call or exception */
    uint32_t part;      /* the next of its rows */
    struct value value; /* the next argument */
    uint32_t *depths;   /* Owned; of calls that have been told */
    struct child_lists children; /* of exceptions */
    uint64_t fate_work;
    struct text scratch;
    struct cell cells[TABLE_COLUMNS_MAX];
    uint32_t filled;
};

/* 0 or -ENOMEM. */
int table_open(struct table_cursor *out, const struct model *model, const struct table *table);
/* Is there one more? Its cells are there until the next is asked for. */
bool table_next(struct table_cursor *cursor);
/* How far it is, of the rows of what the table is made from. */
uint32_t table_done(const struct table_cursor *cursor);
/* How many these are. */
uint32_t table_total(const struct table_cursor *cursor);
/* Have cells been lost for want of memory? */
bool table_close(struct table_cursor *cursor);

#endif
