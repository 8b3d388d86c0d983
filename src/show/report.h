/* report.h - the numbers of a trace: what report.c (a table for eyes) and report_data.c (CSV, JSON) share. */
#ifndef FLOW_REPORT_H
#define FLOW_REPORT_H

#include "../model/tally.h"
#include "show.h"

enum report_by { REPORT_BY_FUNCTION, REPORT_BY_FILE, REPORT_BY_MODULE, REPORT_BY_TRACK, REPORT_BY_EXCEPTION };

enum report_format { REPORT_TEXT, REPORT_CSV, REPORT_JSON };

enum report_kind { REPORT_NAME, REPORT_COUNT, REPORT_TIME };

struct report_column {
    const char *name;
    enum report_kind kind;
    size_t offset;  /* of the number in a row */
    bool optional;  /* left out of the table where all are 0 */
    unsigned keep;  /* a narrow table lets the least go first */
};

struct report_options {
    struct show_options show;
    enum report_by by;
    enum report_format format;
    const char *sort; /* the name of a column; NULL: total, or calls where there are no times */
    bool reverse;
    unsigned limit;   /* rows; 0: all */
};

struct report {
    const struct model *model;
    const struct report_options *options;
    struct tally tally;
    struct tally_exceptions exceptions;
    const struct report_column *columns;
    uint32_t column_count;
    uint32_t *order; /* Owned; rows as they are to be told */
    uint32_t count;  /* of rows */
    uint32_t shown;
    bool time;
};

/* The columns of a report; the name comes last. */
const struct report_column *report_columns(enum report_by by, uint32_t *count);
/* The column of that name, or MODEL_NONE. */
uint32_t report_column(enum report_by by, const char *name);
uint64_t report_number(const struct report *report, uint32_t row, const struct report_column *column);
/* "Cart.add", "shop/cart.py", "shop.cart", "thread worker_0", "ValueError" */
void report_put_name(struct text *out, const struct report *report, uint32_t row);

/* report_data.c */
void report_write_csv(struct text *out, const struct report *report);
void report_write_json(struct text *out, const struct report *report);

/* What `flowtrace report` prints. The column must be one of them. 0 or -ENOMEM. */
int show_report(struct text *out, const struct model *model, const struct report_options *options);

#endif
