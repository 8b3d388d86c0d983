#include <string.h>

#include "export.h"

const struct export_format export_formats[] = {
    {"dot", export_dot},         {"flame", export_flame},
    {"folded", export_folded},   {"json", export_json},
    {"mermaid", export_mermaid}, {"speedscope", export_speedscope},
    {"chrome", export_chrome},   {"perfetto", export_perfetto},
    {"otlp", export_otlp},       {NULL, NULL},
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
