/* html_page.c - the story as a page that needs nothing else. */
#include <errno.h>
#include <string.h>

#include "html_sources.h"
#include "html_writer.h"

#define EXCEPTIONS_LISTED 50

static void
put(struct text *out, const char *markup)
{
    text_string(out, markup);
}

/* Nothing may be loaded, and no other script may run than the page's own. */
static void
put_head(struct text *out, const char *title)
{
    put(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    text_format(out,
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                "style-src 'sha256-%s' 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n",
                html_hashes[0], html_hashes[1], html_hashes[2]);
    put(out, "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    html_escape(out, (struct slice){title, strlen(title)});
    text_format(out, "</title>\n<style>%s</style>\n<style>%s</style>\n</head>\n<body>\n", html_style, html_page_style);
}

static void
put_exception(struct html *html, const struct exception *exception)
{
    const struct model *model = html->printer.model;
    struct text words = {0};
    label_exception(&words, model, exception, true, 100);
    put(html->out, "<div class=\"l\"><span class=\"w r\">");
    html_escape(html->out, text_content(&words));
    put(html->out, "</span> <span class=\"t\">");
    if (exception->line)
        html_sources_link(html->sources, html->out, exception->file, exception->line);
    text_format(html->out, "  <a href=\"#c%u\">#%u</a></span></div>\n", model_call_number(model, exception->first_call),
                model_call_number(model, exception->first_call));
    html->out->failed |= words.failed;
    text_free(&words);
}

static bool
is_listed(const struct exception *exception)
{
    return exception->calls_left && exception->meaning == FLOW_EXCEPTION_ERROR;
}

/* Each with where it was raised and, where its line is told, a way to that. */
static void
put_exceptions(struct html *html)
{
    const struct model *model = html->printer.model;
    uint32_t all = 0, listed = 0;
    for (uint32_t i = 0; i < model->exception_count; i++)
        all += is_listed(&model->exceptions[i]);
    if (!all)
        return;
    put(html->out, "<details class=\"x\"><summary>");
    label_counted(html->out, all, " exception", " exceptions");
    put(html->out, "</summary>\n");
    for (uint32_t i = 0; i < model->exception_count && listed < EXCEPTIONS_LISTED; i++)
        if (is_listed(&model->exceptions[i])) {
            put_exception(html, &model->exceptions[i]);
            listed++;
        }
    if (all > listed) {
        put(html->out, "<div class=\"n\">… ");
        label_counted(html->out, all - listed, " more", " more");
        put(html->out, "; flowtrace show --errors tells all</div>\n");
    }
    put(html->out, "</details>\n");
}

/* The search sees what the page holds. */
static void
put_beyond(struct html *html)
{
    uint64_t left_out = html->printer.story->calls_left_out;
    if (!left_out)
        return;
    put(html->out, "<span class=\"d\">");
    label_counted(html->out, left_out, " call is", " calls are");
    put(html->out, " not on this page</span>");
}

static void
put_bar(struct html *html)
{
    put(html->out, "<div class=\"bar\" role=\"search\"><input type=\"search\" id=\"find\" placeholder=\"Search ( / )\" "
                   "aria-label=\"Search\" autocomplete=\"off\" spellcheck=\"false\">\n"
                   "<button type=\"button\" id=\"open\">Open all</button>"
                   "<button type=\"button\" id=\"shut\">Shut all</button>\n"
                   "<span id=\"found\" role=\"status\"></span>");
    put_beyond(html);
    put(html->out, "<span id=\"told\" role=\"status\"></span></div>\n");
}

/* The head, the tree and what it leads to, which are known when the tree has been written. */
static int
put_body(struct html *html, struct text *page)
{
    struct text tree = {0};
    struct text head = {0};
    html->out = &tree;
    int ret = html_put_lines(html);
    html_put_foot(html);
    html->out = &head;
    html_put_header(html);
    put_bar(html);
    put_exceptions(html);
    html->out = page;
    text_format(page, "<div class=\"flowtrace page%s\">\n<header>\n", html->sources->count ? " two" : "");
    text_slice(page, text_content(&head));
    put(page, "</header>\n<main aria-label=\"Calls\">\n");
    text_slice(page, text_content(&tree));
    put(page, "</main>\n");
    if (html->sources->count) {
        put(page, "<aside aria-label=\"Sources\">\n");
        html_sources_put(html->sources, page);
        put(page, "</aside>\n");
    }
    put(page, "</div>\n");
    page->failed |= tree.failed || head.failed;
    text_free(&tree);
    text_free(&head);
    return ret;
}

static int
put_page(struct text *out, const struct model *model, const struct html_options *options)
{
    struct html_sources sources = {.model = model};
    struct outline outline;
    struct story story;
    struct html html;
    int ret = outline_build(&outline, model, options->lines > 0);
    if (ret < 0)
        return ret;
    if ((ret = story_build(&story, &outline, options->lines)) == 0) {
        html_open(&html, out, model, options);
        html.sources = &sources;
        html.printer.outline = &outline;
        html.printer.story = &story;
        ret = put_body(&html, out);
        html_close(&html);
        story_free(&story);
    }
    html_sources_free(&sources);
    outline_free(&outline);
    return ret;
}

static void
put_nothing(struct text *out, const struct model *model)
{
    struct text words = {0};
    if (model->whole_count)
        text_format(&words, "The filters leave none of %u calls.", model->whole_count);
    else
        header_print_nothing(&words, model);
    put(out, "<div class=\"flowtrace page\">\n<main><div class=\"n\">");
    html_escape(out, text_content(&words));
    put(out, "</div></main>\n</div>\n");
    text_free(&words);
}

int
html_page(struct text *out, const struct model *model, const struct html_options *options, const char *title)
{
    int ret = 0;
    bool any = model->call_count && model->process_count;
    put_head(out, title);
    if (any)
        ret = put_page(out, model, options);
    else
        put_nothing(out, model);
    if (any)
        text_format(out, "<script>%s</script>\n", html_page_script);
    put(out, "</body>\n</html>\n");
    return ret < 0 ? ret : out->failed ? -ENOMEM : 0;
}
