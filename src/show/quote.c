#include "quote.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_LENGTH_MAX 4096
#define SIZE_MAX_READ ((off_t)16 << 20)
#define LINE_LENGTH_MAX 2000

/* What a trace names may be anything: a pipe must not be waited for. */
static FILE *
open_regular(const char *path, struct stat *status)
{
    int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    FILE *stream = NULL;
    if (fstat(file, status) == 0 && S_ISREG(status->st_mode) && status->st_size <= SIZE_MAX_READ)
        stream = fdopen(file, "r");
    if (!stream)
        close(file);
    return stream;
}

static uint64_t
written_ns(const struct stat *status)
{
#ifdef __APPLE__
    return (uint64_t)status->st_mtimespec.tv_sec * 1000000000u + (uint64_t)status->st_mtimespec.tv_nsec;
#else
    return (uint64_t)status->st_mtim.tv_sec * 1000000000u + (uint64_t)status->st_mtim.tv_nsec;
#endif
}

/* The line's bytes, as many as fit; -1 if the file has no such line. */
static int
read_line(FILE *stream, uint32_t number, char line[LINE_LENGTH_MAX])
{
    int length = 0;
    uint32_t at = 1;
    int c = getc_unlocked(stream);
    for (; c != EOF && at < number; c = getc_unlocked(stream))
        at += c == '\n';
    if (c == EOF)
        return -1;
    for (; c != EOF && c != '\n' && length < LINE_LENGTH_MAX; c = getc_unlocked(stream))
        line[length++] = (char)c;
    return length;
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

/* NULL for what is no absolute path, or no file. */
static FILE *
open_path(struct slice path, struct stat *status)
{
    char name[PATH_LENGTH_MAX];
    if (!path.length || path.data[0] != '/' || path.length >= sizeof name || memchr(path.data, '\0', path.length))
        return NULL;
    memcpy(name, path.data, path.length);
    name[path.length] = '\0';
    return open_regular(name, status);
}

enum quote
quote_line(struct text *out, struct slice path, uint32_t number, uint64_t before_ns)
{
    char line[LINE_LENGTH_MAX];
    struct stat status;
    FILE *stream = number ? open_path(path, &status) : NULL;
    if (!stream)
        return QUOTE_UNREADABLE;
    bool changed = written_ns(&status) > before_ns;
    int length = changed ? -1 : read_line(stream, number, line);
    fclose(stream);
    if (changed || length < 0)
        return changed ? QUOTE_CHANGED : QUOTE_UNREADABLE;
    int start = 0;
    while (start < length && is_space(line[start]))
        start++;
    while (length > start && is_space(line[length - 1]))
        length--;
    size_t bytes = text_cut(line + start, (size_t)(length - start), LINE_LENGTH_MAX / 2);
    text_clean(out, (struct slice){line + start, bytes});
    if (bytes < (size_t)(length - start))
        text_dots(out);
    return QUOTE_READ;
}

/* The first version of a file that the trace tells of, or MODEL_NONE. */
static uint32_t
find_source(const struct model *model, struct slice file)
{
    for (uint32_t i = 0; i < model->source_count; i++)
        if (slice_equals(model->sources[i].file, file))
            return i;
    return MODEL_NONE;
}

/* Where the file is and until when it may have been written, if it is still what ran. */
static enum quote
find_file(const struct model *model, struct slice file, struct slice *path, uint64_t *before_ns)
{
    uint32_t source = find_source(model, file);
    *path = file;
    *before_ns = model->reader->header->start_unix_ns;
    if (source == MODEL_NONE)
        return QUOTE_READ;
    uint32_t versions;
    enum source_state state = source_look_all(model, source, &versions);
    if (state == SOURCE_CHANGED || state == SOURCE_TOUCHED
        || versions > 1) /* of which of them the call was is unknown */
        return QUOTE_CHANGED;
    *path = source_path(&model->sources[source]);
    *before_ns = UINT64_MAX;
    return state == SOURCE_SAME ? QUOTE_READ : QUOTE_UNREADABLE;
}

enum quote
quote_source(struct text *out, const struct model *model, struct slice file, uint32_t number)
{
    struct slice path;
    uint64_t before_ns;
    enum quote quote = find_file(model, file, &path, &before_ns);
    return quote == QUOTE_READ ? quote_line(out, path, number, before_ns) : quote;
}

enum quote
quote_file(struct text *out, const struct model *model, struct slice file, size_t most)
{
    struct slice path;
    uint64_t before_ns;
    struct stat status;
    char buffer[4096];
    enum quote quote = find_file(model, file, &path, &before_ns);
    /* Only what the recorder has seen: a trace from elsewhere may name any file of this machine. */
    bool known = before_ns == UINT64_MAX;
    FILE *stream = quote == QUOTE_READ && known ? open_path(path, &status) : NULL;
    if (!stream)
        return quote == QUOTE_READ ? QUOTE_UNREADABLE : quote;
    size_t length = 0;
    for (size_t n = 1; n && length <= most; length += n) {
        n = fread(buffer, 1, sizeof buffer, stream);
        text_bytes(out, buffer, n);
    }
    fclose(stream);
    return length > most ? QUOTE_UNREADABLE : QUOTE_READ;
}
