#include "html_sources.h"

#include <stdlib.h>

#include "../trace/array.h"
#include "html_writer.h"
#include "quote.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define ALL_BYTES_MAX ((size_t)4 << 20)
#define LINES_OPEN 2000 /* of files that are in sight at first */

static void
read_source(struct html_sources *sources, struct html_source *source)
{
    enum quote quote = quote_file(&source->text, sources->model, source->file, FILE_BYTES_MAX);
    if (quote != QUOTE_READ)
        source->why = quote == QUOTE_CHANGED ? "has changed since" : "is not here to be read";
    else if (sources->bytes + source->text.length > ALL_BYTES_MAX)
        source->why = "is left out: the sources are too big for a page";
    if (source->why)
        text_free(&source->text);
    sources->bytes += source->text.length;
    for (size_t i = 0; i < source->text.length; i++)
        source->line_count += source->text.data[i] == '\n';
    source->line_count += source->text.length && source->text.data[source->text.length - 1] != '\n';
    source->wanted = calloc((size_t)source->line_count + 1, sizeof *source->wanted);
}

/* Exceptions may be raised in library code, whose sources nobody asked for. */
static bool
is_own(const struct model *model, struct slice file)
{
    const struct reader *reader = model->reader;
    for (uint32_t i = 0; i < reader->code_count; i++)
        if (!(reader->codes[i]->flags & FLOW_CODE_LIBRARY) && slice_equals(reader->codes[i]->file, file))
            return true;
    return false;
}

/* Its number, or MODEL_NONE for what is not the program's own, and without memory. */
static uint32_t
find_source(struct html_sources *sources, struct slice file)
{
    for (uint32_t i = 0; i < sources->count; i++)
        if (slice_equals(sources->files[i].file, file))
            return i;
    void *files = sources->files;
    if (!is_own(sources->model, file))
        return MODEL_NONE;
    if (!array_make_room(&files, sources->count, &sources->room, sizeof *sources->files))
        return MODEL_NONE;
    sources->files = files;
    sources->files[sources->count] = (struct html_source){.file = file};
    read_source(sources, &sources->files[sources->count]);
    return sources->count++;
}

static void
put_words(struct text *out, struct slice file, uint32_t line)
{
    struct text words = {0};
    text_name(&words, label_file(file));
    text_format(&words, ":%u", line);
    html_escape(out, text_content(&words));
    out->failed |= words.failed;
    text_free(&words);
}

void
html_sources_link(struct html_sources *sources, struct text *out, struct slice file, uint32_t line)
{
    uint32_t number = find_source(sources, file);
    struct html_source *source = number != MODEL_NONE ? &sources->files[number] : NULL;
    bool linked = source && source->wanted && line && line <= source->line_count;
    if (linked)
        source->wanted[line] = true;
    if (linked)
        text_format(out, "<a href=\"#s%u-%u\">", number, line);
    put_words(out, file, line);
    text_string(out, linked ? "</a>" : "");
}

/* --- what they hold ------------------------------------------------------- */

static struct slice
next_line(struct slice *rest)
{
    size_t length = 0;
    while (length < rest->length && rest->data[length] != '\n')
        length++;
    struct slice line = {rest->data, length};
    length += length < rest->length;
    rest->data += length;
    rest->length -= length;
    while (line.length && line.data[line.length - 1] == '\r')
        line.length--;
    return line;
}

static void
put_source_line(struct text *out, struct slice line)
{
    struct text clean = {0};
    size_t begin = 0;
    while (begin < line.length && (line.data[begin] == '\t' || line.data[begin] == ' '))
        text_string(&clean, line.data[begin++] == '\t' ? "        " : " ");
    text_clean(&clean, (struct slice){line.data + begin, line.length - begin});
    html_escape(out, text_content(&clean));
    out->failed |= clean.failed;
    text_free(&clean);
}

/* Elements for the lines that something leads to alone: a hundred thousand more take a browser seconds. */
static void
put_source(struct text *out, const struct html_source *source, uint32_t number, bool open)
{
    struct slice rest = text_content(&source->text);
    struct text name = {0};
    text_clean(&name, source->file);
    text_format(out, "<details%s><summary>", open ? " open" : "");
    html_escape(out, text_content(&name));
    text_string(out, "</summary><div class=\"src\"><pre class=\"no\" aria-hidden=\"true\">");
    for (uint32_t line = 1; line <= source->line_count; line++)
        text_format(out, "%u\n", line);
    text_string(out, "</pre><pre>\n"); /* of which a browser drops the first newline */
    for (uint32_t line = 1; line <= source->line_count && !out->failed; line++) {
        if (source->wanted && source->wanted[line])
            text_format(out, "<span id=\"s%u-%u\">", number, line);
        put_source_line(out, next_line(&rest));
        text_string(out, source->wanted && source->wanted[line] ? "</span>\n" : "\n");
    }
    text_string(out, "</pre></div></details>\n");
    text_free(&name);
}

static void
put_missing(struct text *out, const struct html_source *source)
{
    struct text words = {0};
    text_clean(&words, source->file);
    text_format(&words, " %s", source->why);
    text_string(out, "<div class=\"n\">");
    html_escape(out, text_content(&words));
    text_string(out, "</div>\n");
    text_free(&words);
}

void
html_sources_put(const struct html_sources *sources, struct text *out)
{
    uint32_t lines = 0;
    for (uint32_t i = 0; i < sources->count; i++)
        if (!sources->files[i].why) {
            put_source(out, &sources->files[i], i, lines < LINES_OPEN);
            lines += sources->files[i].line_count;
        }
    for (uint32_t i = 0; i < sources->count; i++)
        if (sources->files[i].why)
            put_missing(out, &sources->files[i]);
}

void
html_sources_free(struct html_sources *sources)
{
    for (uint32_t i = 0; i < sources->count; i++) {
        text_free(&sources->files[i].text);
        free(sources->files[i].wanted);
    }
    free(sources->files);
    *sources = (struct html_sources){0};
}
