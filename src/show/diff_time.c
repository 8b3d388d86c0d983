/* diff_time.c - which functions took another time in the second run, beyond the noise.
 *
 *        before     after    change  calls  function
 *       1.20 ms   3.41 ms    +184 %     12  price  shop.py:7
 */
#include <string.h>

#include "diff_printer.h"

#define ROWS 10 /* unless everything is asked for */

enum { TIME_COLUMNS = 10, CHANGE_COLUMNS = 10, CALLS_COLUMNS = 7 };

static void
put_right(struct text *out, const struct text *cell, size_t columns)
{
    for (size_t used = printer_columns(cell); used < columns; used++)
        text_string(out, " ");
    text_slice(out, text_content(cell));
}

static void
put_duration(struct text *out, struct text *cell, uint64_t ns)
{
    text_truncate(cell, 0);
    show_duration(cell, ns, out->ascii);
    put_right(out, cell, TIME_COLUMNS);
}

/* "+184 %", "×12" */
static void
put_change(struct text *out, struct text *cell, const struct diff_printer *printer, const struct diff_time *time)
{
    double ratio = time->before ? (double)time->after / (double)time->before : 0;
    text_truncate(cell, 0);
    if (!time->before) {
        text_string(cell, "from 0");
    }
    else if (ratio >= 10) {
        text_string(cell, printer->a.glyphs->times);
        label_count(cell, (uint64_t)(ratio + 0.5));
    }
    else {
        text_format(cell, "%+.0f %%", ratio * 100 - 100);
    }
    put_right(out, cell, CHANGE_COLUMNS);
}

/* The row, cut if it must be. */
static void
print_fitting(struct diff_printer *printer, struct style style, struct text *row)
{
    const char *dots = printer->a.glyphs->dots;
    size_t width = printer->options->width > 40 ? printer->options->width : 40;
    if (printer_columns(row) > width) {
        text_truncate(row, text_fit(row->data, row->length, width - text_columns(dots, strlen(dots))));
        text_string(row, dots);
    }
    diff_put(printer, style, text_content(row));
    text_string(printer->out, "\n");
}

static void
print_row(struct diff_printer *printer, const struct diff_time *time)
{
    struct text row = {.ascii = printer->options->ascii}, cell = {.ascii = printer->options->ascii};
    put_duration(&row, &cell, time->before);
    put_duration(&row, &cell, time->after);
    put_change(&row, &cell, printer, time);
    text_truncate(&cell, 0);
    label_count(&cell, time->calls);
    put_right(&row, &cell, CALLS_COLUMNS);
    text_string(&row, "  ");
    label_function(&row, time->code);
    text_string(&row, time->waiting ? ", waiting  " : "  ");
    text_name(&row, label_file(time->code->file));
    text_format(&row, ":%u", time->code->first_line);
    print_fitting(printer, time->after > time->before ? STYLE_RED : STYLE_GREEN, &row);
    text_free(&row);
    text_free(&cell);
}

static void
print_heading(struct diff_printer *printer)
{
    static const struct {
        const char *name;
        size_t columns;
    } names[] = {
        {"before", TIME_COLUMNS}, {"after", TIME_COLUMNS}, {"change", CHANGE_COLUMNS}, {"calls", CALLS_COLUMNS}};
    struct text line = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct text cell = {0};
        text_string(&cell, names[i].name);
        put_right(&line, &cell, names[i].columns);
        text_free(&cell);
    }
    text_string(&line, "  function");
    diff_put(printer, STYLE_DIM, text_content(&line));
    text_string(printer->out, "\n");
    text_free(&line);
}

static void
put_sentence(struct text *out, const struct diff_times *times)
{
    text_string(out, "Times of ");
    label_counted(out, times->functions, " function", " functions");
    text_string(out, " were compared, medians of what their calls ran themselves; ");
    if (!times->count)
        text_string(out, "none of them changed beyond the noise.");
    else
        text_string(out, "beyond the noise are:");
}

void
diff_print_times(struct diff_printer *printer, const struct diff_times *times)
{
    uint32_t rows = printer->options->lines && times->count > ROWS ? ROWS : times->count;
    struct text text = {.ascii = printer->options->ascii};
    text_string(printer->out, "\n");
    put_sentence(&text, times);
    diff_print_paragraph(printer, STYLE_PLAIN, &text);
    if (rows) {
        text_string(printer->out, "\n");
        print_heading(printer);
    }
    for (uint32_t i = 0; i < rows; i++)
        print_row(printer, &times->items[i]);
    if (rows < times->count) {
        text_string(&text, printer->a.glyphs->dots);
        text_string(&text, " ");
        label_counted(&text, times->count - rows, " more; ", " more; ");
        text_format(&text, "%s.", show_hints(printer->options)->all);
        diff_print_paragraph(printer, STYLE_DIM, &text);
    }
    text_free(&text);
}
