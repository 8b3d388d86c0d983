/* sources.c - which files have changed since they were recorded. */
#include "../model/sources.h"

#include "../model/label.h"
#include "show.h"

#define NAMED_MAX 5 /* files, in info */

static uint32_t
next_file(const struct model *model, uint32_t i)
{
    while (i < model->source_count && !model->sources[i].used)
        i++;
    return i;
}

/* "app.py has changed since this was recorded." */
void
show_changed(struct text *out, const struct model *model)
{
    const struct source *first = NULL;
    const struct source *second = NULL;
    uint64_t changed = 0;
    uint32_t versions;
    for (uint32_t i = next_file(model, 0); i < model->source_count; i = next_file(model, i + versions)) {
        if (source_look_all(model, i, &versions) != SOURCE_CHANGED)
            continue;
        *(changed ? &second : &first) = changed < 2 ? &model->sources[i] : second;
        changed++;
    }
    if (!changed)
        return;
    text_string(out, out->length ? " " : "");
    text_name(out, label_file(source_path(first)));
    if (changed > 1)
        text_string(out, " and ");
    if (changed == 2)
        text_name(out, label_file(source_path(second)));
    else if (changed > 2)
        label_count(out, changed - 1);
    text_string(out, changed > 2 ? " more files" : "");
    text_string(out, changed > 1 ? " have changed since this was recorded." : " has changed since this was recorded.");
}

static void
put_count(struct text *out, uint64_t count, const char *one, const char *many)
{
    if (!count)
        return;
    text_string(out, ", ");
    label_counted(out, count, one, many);
}

void
show_sources(struct text *out, const struct model *model, unsigned indent)
{
    uint64_t counts[SOURCE_ELSEWHERE + 1] = {0};
    uint64_t files = 0;
    uint32_t versions;
    struct text named = {.ascii = out->ascii};
    for (uint32_t i = next_file(model, 0); i < model->source_count; i = next_file(model, i + versions)) {
        enum source_state state = source_look_all(model, i, &versions);
        files++;
        counts[state]++;
        uint64_t changed = counts[SOURCE_CHANGED] + counts[SOURCE_TOUCHED];
        if ((state != SOURCE_CHANGED && state != SOURCE_TOUCHED) || changed > NAMED_MAX)
            continue;
        text_format(&named, "%*s", (int)indent, "");
        text_name(&named, source_path(&model->sources[i]));
        text_string(&named, state == SOURCE_CHANGED ? " has changed since\n" : " may have changed since\n");
    }
    uint64_t changed = counts[SOURCE_CHANGED] + counts[SOURCE_TOUCHED];
    label_counted(out, files, " file", " files");
    if (counts[SOURCE_SAME] == files)
        text_string(out, files == 1 ? ", as it was" : ", all as they were");
    else
        put_count(out, counts[SOURCE_SAME], " is as it was", " are as they were");
    put_count(out, counts[SOURCE_GONE], " is not here", " are not here");
    text_string(out, counts[SOURCE_ELSEWHERE] ? " of another machine, not compared\n" : "\n");
    text_bytes(out, named.data ? named.data : "", named.length);
    if (changed > NAMED_MAX) {
        text_format(out, "%*s", (int)indent, "");
        text_dots(out);
        text_format(out, " %llu more\n", (unsigned long long)(changed - NAMED_MAX));
    }
    out->failed |= named.failed;
    text_free(&named);
}
