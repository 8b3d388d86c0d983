#include "exports.h"

#include <fcntl.h>
#include <unistd.h>

#include "../../src/export/tables.h"
#include "target.h"

static unsigned
format_count(void)
{
    unsigned count = 0;
    while (export_formats[count].name)
        count++;
    return count;
}

unsigned
exports_count(void)
{
    return format_count() + table_count;
}

/* Where it goes nobody reads it. */
static void
write_format(const struct export_format *format, struct export *export)
{
    static int nowhere = -1;
    struct sink sink;
    if (nowhere < 0)
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    HOLDS(sink_open(&sink, nowhere) == 0);
    export->sink = &sink;
    HOLDS(format->write(export) == 0);
    HOLDS(sink_close(&sink) == 0);
}

static void
read_table(const struct table *table, const struct model *model)
{
    struct table_cursor cursor;
    HOLDS(table_open(&cursor, model, table) == 0);
    while (table_next(&cursor)) {
        HOLDS(cursor.filled == table->column_count);
        HOLDS(table_done(&cursor) <= table_total(&cursor));
    }
    HOLDS(!table_close(&cursor));
}

void
exports_write(unsigned which, const struct model *model, const struct seed *seed)
{
    unsigned formats = format_count();
    struct export_options options = {.weight = (enum weight)(seed->width % 3),
                                     .by = (enum export_by)(seed->lines % 3),
                                     .lines = seed->lines % 64,
                                     .title = "seed",
                                     .traceparent = ""};
    struct export export = {.model = model, .before = seed->flags & SEED_OUTLINE ? model : NULL, .options = &options};
    if (which < formats)
        write_format(&export_formats[which], &export);
    else
        read_table(&tables[which - formats], model);
}
