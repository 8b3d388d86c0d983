#include <string.h>

#include "export.h"

const struct export_format export_formats[] = {
    {"dot", export_dot, PAUSES_NONE},         {"flame", export_flame, PAUSES_EACH},
    {"folded", export_folded, PAUSES_NONE},   {"json", export_json, PAUSES_NONE},
    {"mermaid", export_mermaid, PAUSES_NONE}, {"speedscope", export_speedscope, PAUSES_EACH},
    {"chrome", export_chrome, PAUSES_EACH},   {"perfetto", export_perfetto, PAUSES_EACH},
    {"otlp", export_otlp, PAUSES_EACH},       {NULL, NULL, PAUSES_NONE},
};

const struct export_format *
export_format_find(const char *name)
{
    for (const struct export_format *format = export_formats; format->name; format++)
        if (strcmp(format->name, name) == 0)
            return format;
    return NULL;
}

int
export_step(const struct export *export, uint64_t done, uint64_t total)
{
    if (done % PROGRESS_STEP != 0)
        return 0;
    return export->sink->error ? export->sink->error : progress_tell(export->progress, "writing", done, total);
}
