/* recover.c - what a trace that was recovered lacks. */
#include "../model/label.h"
#include "show.h"

struct list {
    struct text *out;
    bool any;
};

static struct text *
next_of(struct list *list)
{
    if (list->any)
        text_string(list->out, ", ");
    list->any = true;
    return list->out;
}

static void
put_count(struct list *list, uint64_t count, const char *one, const char *many)
{
    if (!count)
        return;
    struct text *out = next_of(list);
    label_counted(out, count, one, many);
}

/* What --last had let go before; a plain trace has no other place for it. */
static void
put_bound(struct list *list, const struct reader *reader)
{
    const struct flow_bound *bound = reader_bound(reader);
    if (!bound || !(reader->header->flags & FLOW_FILE_LAST))
        return;
    if (bound->chunks_let_go) {
        put_count(list, bound->calls_let_go + !bound->calls_let_go, " call had been let go by --last ",
                  " calls had been let go by --last ");
        label_size(list->out, bound->units * FLOW_UNIT_SIZE);
    }
    put_count(list, bound->calls_unplaced, " call of threads had found no room there",
              " calls of threads had found no room there");
}

void
show_losses(struct text *out, const struct reader *reader, const struct repair *repair, const struct losses *losses)
{
    struct list list = {.out = out};
    if (repair->rebuilt)
        text_string(next_of(&list), repair->start_unknown ? "its header was gone, and with it when it began"
                                                          : "its header was damaged");
    if (reader->cut_off)
        text_string(next_of(&list), "its end was cut off");
    put_count(&list, losses->cut_chunks, " chunk could not be read to its end",
              " chunks could not be read to their ends");
    if (losses->cut_chunks) {
        text_string(out, " (");
        label_counted(out, losses->lost_bytes, " byte)", " bytes)");
    }
    put_count(&list, losses->missing_chunks, " chunk was missing", " chunks were missing");
    if (reader->header->minor <= FLOW_MINOR)
        put_count(&list, losses->strange_chunks, " chunk was of no known kind", " chunks were of no known kind");
    put_count(&list, losses->lost_records, " record was lost when it was recorded",
              " records were lost when it was recorded");
    put_count(&list, losses->missing_calls, " call is missing, or more", " calls are missing, or more");
    put_bound(&list, reader);
}

void
show_recovered(struct text *out, const struct reader *reader, const struct repair *repair, const struct losses *losses)
{
    text_string(out, "recovered: ");
    label_counted(out, losses->records, " record, ", " records, ");
    label_counted(out, losses->bytes, " byte in ", " bytes in ");
    label_count(out, losses->chunks);
    text_string(out, label_plural(losses->chunks, " chunk; ", " chunks; "));
    size_t before = out->length;
    show_losses(out, reader, repair, losses);
    if (out->length == before)
        text_string(out, "nothing is missing");
    text_string(out, "\n");
}
