#include "detail.h"

#include "payload.h"

void
detail_read(struct exception *exception, struct slice payload, uint64_t *cause, uint64_t *split_from)
{
    const uint8_t *p = (const uint8_t *)payload.data;
    const uint8_t *end = p + payload.length;
    uint64_t id, meaning, kind;
    struct slice module, qualname;
    *cause = *split_from = 0;
    p = payload_number(p, end, &id);
    p = payload_number(p, end, &meaning);
    p = payload_text(p, end, &module);
    p = payload_text(p, end, &qualname);
    p = payload_number(p, end, &kind);
    p = payload_number(p, end, cause);
    p = payload_number(p, end, split_from);
    if (!p || meaning > FLOW_EXCEPTION_CANCEL || kind > FLOW_CAUSE_SUPPRESSED)
        return;
    exception->meaning = (uint8_t)meaning;
    exception->benign = meaning == FLOW_EXCEPTION_END || meaning == FLOW_EXCEPTION_CLOSE;
    exception->cause_kind = (uint8_t)kind;
    exception->module = module;
    exception->qualname = qualname;
    exception->detail = (struct slice){(const char *)p, (size_t)(end - p)};
}

/* A list that begins at p: its texts, then what follows them. NULL once something did not hold. */
static const uint8_t *
split_texts(const uint8_t *p, const uint8_t *end, struct detail_list *out)
{
    uint64_t total, count;
    p = payload_number(p, end, &total);
    p = payload_number(p, end, &count);
    const uint8_t *rest = p;
    for (struct slice text; rest && count > 0; count--)
        rest = payload_text(rest, end, &text);
    *out = rest ? (struct detail_list){p, rest, total} : (struct detail_list){0};
    return rest;
}

static const uint8_t *
begin(const struct exception *exception, const uint8_t **end)
{
    const uint8_t *p = exception->detail.length ? (const uint8_t *)exception->detail.data : NULL;
    *end = p ? p + exception->detail.length : NULL;
    return p;
}

struct detail_list
detail_notes(const struct exception *exception)
{
    const uint8_t *end;
    struct detail_list notes;
    const uint8_t *p = begin(exception, &end);
    split_texts(p, end, &notes);
    return notes;
}

struct detail_list
detail_files(const struct exception *exception)
{
    const uint8_t *end;
    struct detail_list files;
    const uint8_t *p = begin(exception, &end);
    split_texts(split_texts(p, end, &files), end, &files);
    return files;
}

/* The bytes bound how many there are, whatever the numbers say. */
struct detail_list
detail_leaves(const struct exception *exception)
{
    const uint8_t *end;
    struct detail_list texts;
    uint64_t total, count;
    const uint8_t *p = begin(exception, &end);
    p = split_texts(split_texts(p, end, &texts), end, &texts);
    p = payload_number(p, end, &total);
    p = payload_number(p, end, &count);
    return (struct detail_list){p, end, p ? total : 0};
}

bool
detail_next_text(struct detail_list *texts, struct slice *out)
{
    if (!texts->p || texts->p >= texts->end)
        return false;
    texts->p = payload_text(texts->p, texts->end, out);
    return texts->p != NULL;
}

bool
detail_next_leaf(struct detail_list *leaves, struct leaf *out)
{
    uint64_t nesting;
    if (!leaves->p || leaves->p >= leaves->end)
        return false;
    leaves->p = payload_number(leaves->p, leaves->end, &nesting);
    leaves->p = payload_text(leaves->p, leaves->end, &out->type);
    leaves->p = payload_text(leaves->p, leaves->end, &out->message);
    out->nesting = nesting < 1000 ? (uint32_t)nesting : 1000;
    return leaves->p != NULL;
}
