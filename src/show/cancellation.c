/* cancellation.c - how a CancelledError came to be: who asked for it, and where it landed. */
#include "printer.h"

static void
put_place(struct text *out, const struct model *model, uint32_t call, uint32_t line)
{
    const struct code *code = model->calls[call].code;
    label_function(out, code);
    text_string(out, " (");
    text_name(out, label_file(code->file));
    if (line)
        text_format(out, ":%u", line);
    text_string(out, ")");
}

bool
cancellation_put_asker(struct text *out, const struct model *model, const struct exception *exception)
{
    if (exception->cancel == MODEL_NONE)
        return false;
    const struct cancel *cancel = &model->cancels[exception->cancel];
    text_string(out, "cancelled");
    if (cancel->via.length || cancel->by != MODEL_NONE)
        text_string(out, " by ");
    text_name(out, cancel->via);
    if (cancel->via.length && cancel->by != MODEL_NONE)
        text_string(out, " in ");
    if (cancel->by != MODEL_NONE)
        put_place(out, model, cancel->by, cancel->line);
    return true;
}

bool
cancellation_put_landing(struct text *out, const struct model *model, const struct exception *exception)
{
    if (exception->landed_in == MODEL_NONE)
        return false;
    text_string(out, "landed in ");
    put_place(out, model, exception->landed_in, exception->landed_line);
    return true;
}
