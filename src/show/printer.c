#include "printer.h"

#include <string.h>

static const struct glyphs UNICODE = {"├─ ", "└─ ", "│  ", "   ", " → ", "  ✗ ", "⇢ ", "⇉ ", "↻", "×", "…", "·"};
static const struct glyphs ASCII = {"|- ", "`- ", "|  ", "   ", " -> ", "  ! ", "=> ", "=> ", "~", "x", "...", "-"};

void
printer_open(struct printer *out, struct text *text, const struct model *model, const struct show_options *options)
{
    *out = (struct printer){.out = text,
                            .model = model,
                            .options = options,
                            .line = {.ascii = options->ascii},
                            .scratch = {.ascii = options->ascii},
                            .glyphs = options->ascii ? &ASCII : &UNICODE};
}

void
printer_close(struct printer *printer)
{
    text_free(&printer->prefix);
    text_free(&printer->line);
    text_free(&printer->scratch);
}

void
printer_put(struct printer *printer, struct style style, const char *data, size_t length)
{
    if (!length)
        return;
    if (!printer->options->color)
        style = STYLE_PLAIN;
    text_string(printer->out, style.on);
    text_bytes(printer->out, data, length);
    text_string(printer->out, style.off);
}

void
printer_put_wrapped(struct printer *printer, struct style style, struct slice text, size_t *column)
{
    size_t at = 0;
    while (at < text.length) {
        size_t spaces = 0;
        while (at + spaces < text.length && text.data[at + spaces] == ' ')
            spaces++;
        size_t end = at + spaces;
        while (end < text.length && text.data[end] != ' ')
            end++;
        size_t columns = text_columns(text.data + at, end - at);
        if (*column > 0 && spaces > 0 && *column + columns > printer->options->width) {
            text_string(printer->out, "\n");
            *column = 0;
            at += spaces;
            columns -= spaces;
        }
        printer_put(printer, style, text.data + at, end - at);
        *column += columns;
        at = end;
    }
}
