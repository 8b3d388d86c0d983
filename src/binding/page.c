/* page.c - `flowtrace export html`: the one format that is a view, and so comes from src/show. */
#include "../export/export.h"
#include "../show/html.h"
#include "binding.h"

#define PAGE_LINES 5000
#define PAGE_OPENED 80

static int
write_page(struct export *export)
{
    struct text page = {0};
    struct html_options options = {.arguments = true,
                                   .results = true,
                                   .time = true,
                                   .lines = export->options->lines ? export->options->lines : PAGE_LINES,
                                   .hints = &show_hints_page,
                                   .opened = PAGE_OPENED,
                                   .exceptions = 8,
                                   .sources = true};
    int ret = html_page(&page, export->model, &options, export->options->title);
    if (ret == 0)
        sink_text(export->sink, &page);
    text_free(&page);
    return ret;
}

const struct export_format binding_page_format = {"html", write_page, PAUSES_NONE};
