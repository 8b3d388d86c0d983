#include "printer.h"

#include <string.h>
#include <unistd.h>

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
    if (options->links && gethostname(out->host, sizeof out->host - 1) < 0)
        out->host[0] = '\0';
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

static bool
needs_no_escape(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("/-._~", c));
}

static void
put_percent(struct text *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (needs_no_escape(text.data[i]))
            text_bytes(out, text.data + i, 1);
        else
            text_format(out, "%%%02X", (unsigned)(uint8_t)text.data[i]);
}

static bool
is_linked(const struct printer *printer, struct slice file)
{
    return printer->options->links && file.length && file.data[0] == '/' && file.length < 4096;
}

void
printer_link(struct printer *printer, struct slice file, uint32_t line)
{
    if (!is_linked(printer, file))
        return;
    text_string(printer->out, "\033]8;;file://");
    put_percent(printer->out, (struct slice){printer->host, strlen(printer->host)});
    put_percent(printer->out, file);
    if (line)
        text_format(printer->out, "#%u", line);
    text_string(printer->out, "\033\\");
}

void
printer_unlink(struct printer *printer)
{
    if (printer->options->links)
        text_string(printer->out, "\033]8;;\033\\");
}

void
printer_put_head(struct printer *printer, size_t name)
{
    struct slice all = text_content(&printer->line);
    size_t column = 0;
    printer_put_wrapped(printer, STYLE_BOLD, (struct slice){all.data, name}, &column);
    printer_put_wrapped(printer, STYLE_PLAIN, (struct slice){all.data + name, all.length - name}, &column);
    text_string(printer->out, "\n\n");
}

void
printer_put_note(struct printer *printer, struct slice note)
{
    size_t column = 0;
    if (!note.length)
        return;
    printer_put_wrapped(printer, STYLE_DIM, note, &column);
    text_string(printer->out, "\n");
}
