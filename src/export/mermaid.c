/* mermaid.c - a sequence diagram: who asks whom, between modules, classes or tracks.
 *
 * A call within one of them is no message; the others are those of a story that is folded until its messages fit. A
 * return is told where it says something: a value, or an exception, which is a cross. What a call starts elsewhere, a
 * task or a thread, is an open arrow. A region or a note of the program within one of them is a note.
 */
#include "export.h"

#include <errno.h>
#include <stdlib.h>

#include "../model/label.h"
#include "../model/story.h"
#include "../model/value_text.h"

#define MESSAGES 60         /* if --lines tells no other */
#define PARTICIPANTS_MAX 24 /* what comes later is one */
#define WIDTH 60            /* of a label, in columns; */
#define VALUE_WIDTH 36      /* of a value */
#define WIDER_MAX 32        /* so many times more lines than messages may be looked at */

struct mermaid {
    struct sink *sink;
    const struct model *model;
    enum export_by by;
    struct outline outline;
    struct story story;
    uint64_t keys[PARTICIPANTS_MAX];  /* of participants' names */
    uint32_t calls[PARTICIPANTS_MAX]; /* their first */
    uint32_t count;
    uint32_t *participant_of; /* Owned; by line */
    struct text scratch;
};

/* --- who --------------------------------------------------------------------- */

static const struct call *
call_of(const struct mermaid *mermaid, uint32_t line)
{
    return &mermaid->model->calls[mermaid->story.lines[line].calls[0]];
}

/* "Cart" of Cart.add; empty if it belongs to none. */
static struct slice
class_of(const struct code *code)
{
    struct slice name = code->qualname;
    while (name.length && name.data[name.length - 1] != '.')
        name.length--;
    name.length -= name.length ? 1 : 0;
    return slice_ends_with(name, "<locals>") ? (struct slice){name.data, 0} : name;
}

static void
put_module(struct text *out, const struct code *code)
{
    bool is_script = slice_is(code_module(code), "__main__") || !code->module.length;
    text_name(out, is_script ? label_file(code->file) : code_module(code));
}

static void
put_participant(struct text *out, const struct mermaid *mermaid, const struct call *call)
{
    if (mermaid->by == BY_TRACK) {
        const struct track *track = &mermaid->model->tracks[call->track];
        if (mermaid->model->process_count > 1) {
            label_process(out, mermaid->model, &mermaid->model->processes[track->process]);
            text_string(out, " ");
        }
        label_track(out, track);
        return;
    }
    struct slice class = class_of(call->code);
    if (mermaid->by == BY_CLASS && class.length)
        text_name(out, class);
    else
        put_module(out, call->code);
}

/* Those of one name are one. */
static uint32_t
participant_of(struct mermaid *mermaid, const struct call *call)
{
    uint64_t key = 0xcbf29ce484222325u;
    mermaid->scratch.length = 0;
    put_participant(&mermaid->scratch, mermaid, call);
    for (size_t i = 0; i < mermaid->scratch.length; i++)
        key = (key ^ (uint8_t)mermaid->scratch.data[i]) * 0x100000001b3u;
    for (uint32_t i = 0; i < mermaid->count; i++)
        if (mermaid->keys[i] == key)
            return i;
    if (mermaid->count == PARTICIPANTS_MAX)
        return PARTICIPANTS_MAX;
    mermaid->keys[mermaid->count] = key;
    mermaid->calls[mermaid->count] = (uint32_t)(call - mermaid->model->calls);
    return mermaid->count++;
}

static bool
is_call(const struct mermaid *mermaid, uint32_t line)
{
    return mermaid->story.lines[line].count > 0;
}

/* The nearest call above, or MODEL_NONE. */
static uint32_t
line_above(const struct mermaid *mermaid, uint32_t line)
{
    do
        line = mermaid->story.lines[line].parent;
    while (line != MODEL_NONE && !is_call(mermaid, line));
    return line;
}

static bool
is_message(const struct mermaid *mermaid, uint32_t line)
{
    uint32_t above = is_call(mermaid, line) ? line_above(mermaid, line) : MODEL_NONE;
    return above != MODEL_NONE && mermaid->participant_of[above] != mermaid->participant_of[line];
}

static bool
is_named_part(const struct mermaid *mermaid, uint32_t line)
{
    return is_call(mermaid, line) && call_of(mermaid, line)->code->flags & (FLOW_CODE_REGION | FLOW_CODE_NOTE);
}

/* --- text ---------------------------------------------------------------------- */

static bool
is_plain(char c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (uint8_t)c >= 0x80;
    return letter || c == ' ' || c == '_' || c == '.' || c == '(' || c == ')' || c == '\'' || c == '/';
}

static bool
is_letter(char c)
{
    return is_plain(c) && c != ' ' && c != '.' && c != '(' && c != ')' && c != '\'' && c != '/';
}

/* A word that mermaid takes for its own wherever it stands. */
static bool
is_keyword(const struct text *text, size_t i)
{
    static const char *const words[] = {"end", "as"};
    if (i && is_letter(text->data[i - 1]))
        return false;
    for (size_t word = 0; word < sizeof words / sizeof *words; word++) {
        size_t n = strlen(words[word]);
        if (text->length - i >= n && memcmp(text->data + i, words[word], n) == 0
            && (text->length - i == n || !is_letter(text->data[i + n])))
            return true;
    }
    return false;
}

/* All that might mean something to mermaid is written by its number. */
static void
put_text(struct mermaid *mermaid, struct text *text)
{
    mermaid->sink->error = text->failed && !mermaid->sink->error ? -ENOMEM : mermaid->sink->error;
    size_t fits = text->failed ? 0 : text_fit(text->data, text->length, WIDTH);
    bool is_cut = fits < text->length;
    text->length = fits;
    for (size_t i = 0; i < fits; i++) {
        if (is_plain(text->data[i]) && !is_keyword(text, i))
            sink_bytes(mermaid->sink, text->data + i, 1);
        else
            sink_format(mermaid->sink, "#%u;", (uint8_t)text->data[i]);
    }
    sink_string(mermaid->sink, is_cut ? "…" : fits ? "" : " ");
    text->length = 0;
}

/* --- messages ---------------------------------------------------------------------- */

static void
put_label(struct mermaid *mermaid, uint32_t line)
{
    struct text *text = &mermaid->scratch;
    const struct call *call = call_of(mermaid, line);
    text->length = 0;
    label_function(text, call->code);
    put_text(mermaid, text);
    if (mermaid->story.lines[line].count > 1)
        sink_format(mermaid->sink, " ×%u", mermaid->story.lines[line].count);
}

/* Does this call begin a track of its own, as a task, in a thread or in a process? */
static bool
is_started(const struct mermaid *mermaid, uint32_t line)
{
    uint32_t parent = call_of(mermaid, line)->parent;
    return parent == MODEL_NONE || mermaid->model->calls[parent].origin == CALL_INHERITED;
}

static void
begin_message(struct mermaid *mermaid, uint32_t line)
{
    const struct call *call = call_of(mermaid, line);
    uint32_t to = mermaid->participant_of[line];
    uint32_t from = mermaid->participant_of[line_above(mermaid, line)];
    sink_format(mermaid->sink, "    p%u%sp%u: ", from, is_started(mermaid, line) ? "-)" : "->>", to);
    put_label(mermaid, line);
    if (is_started(mermaid, line) && mermaid->by != BY_TRACK) {
        sink_string(mermaid->sink, " in ");
        label_track(&mermaid->scratch, &mermaid->model->tracks[call->track]);
        put_text(mermaid, &mermaid->scratch);
    }
    sink_format(mermaid->sink, "\n    activate p%u\n", to);
}

static void
put_note(struct mermaid *mermaid, uint32_t at, const char *text)
{
    sink_format(mermaid->sink, "    note over p%u: ", at);
    text_string(&mermaid->scratch, text);
    put_text(mermaid, &mermaid->scratch);
    sink_string(mermaid->sink, "\n");
}

static void
put_named_part(struct mermaid *mermaid, uint32_t line)
{
    sink_format(mermaid->sink, "    note over p%u: ", mermaid->participant_of[line]);
    put_label(mermaid, line);
    sink_string(mermaid->sink, "\n");
}

static void
put_raised(struct mermaid *mermaid, uint32_t line)
{
    const struct call *call = call_of(mermaid, line);
    uint32_t to = mermaid->participant_of[line];
    uint32_t exception = call_exception(mermaid->model, call);
    if (exception == MODEL_NONE || mermaid->model->exceptions[exception].benign)
        return;
    if (is_started(mermaid, line))
        sink_format(mermaid->sink, "    note over p%u: ", to);
    else
        sink_format(mermaid->sink, "    p%u--xp%u: ", to, mermaid->participant_of[line_above(mermaid, line)]);
    label_exception(&mermaid->scratch, mermaid->model, &mermaid->model->exceptions[exception], true, WIDTH);
    put_text(mermaid, &mermaid->scratch);
    sink_string(mermaid->sink, "\n");
}

/* None is said by no line; what several calls returned, neither. */
static void
put_returned(struct mermaid *mermaid, uint32_t line)
{
    const struct call *call = call_of(mermaid, line);
    struct value result = call_result(mermaid->model, call);
    struct text *text = &mermaid->scratch;
    if (!result.data || mermaid->story.lines[line].count > 1 || is_started(mermaid, line)
        || slice_is(value_type_name(mermaid->model->reader, result), "NoneType"))
        return;
    text->length = 0;
    if (value_text(text, mermaid->model->reader, &result, &(struct value_limits){.width = VALUE_WIDTH, .depth = 2}) < 0)
        text->length = 0;
    sink_format(mermaid->sink, "    p%u-->>p%u: ", mermaid->participant_of[line],
                mermaid->participant_of[line_above(mermaid, line)]);
    put_text(mermaid, text);
    sink_string(mermaid->sink, "\n");
}

static void
end_message(struct mermaid *mermaid, uint32_t line)
{
    const struct call *call = call_of(mermaid, line);
    mermaid->scratch.length = 0;
    if (call->outcome == OUTCOME_RAISED)
        put_raised(mermaid, line);
    else if (call->outcome == OUTCOME_RUNNING)
        put_note(mermaid, mermaid->participant_of[line], "not ended");
    else
        put_returned(mermaid, line);
    sink_format(mermaid->sink, "    deactivate p%u\n", mermaid->participant_of[line]);
}

/* Depth first, without recursion: to the first child, else to the next one of it or of those above. */
static void
walk(struct mermaid *mermaid, bool write, uint32_t *messages)
{
    const struct story_line *lines = mermaid->story.lines;
    for (uint32_t line = mermaid->story.first_root; line != MODEL_NONE;) {
        if (is_call(mermaid, line) && !write)
            mermaid->participant_of[line] = participant_of(mermaid, call_of(mermaid, line));
        if (is_message(mermaid, line)) {
            (*messages)++;
            if (write)
                begin_message(mermaid, line);
        }
        else if (is_named_part(mermaid, line)) {
            (*messages)++;
            if (write)
                put_named_part(mermaid, line);
        }
        uint32_t next = lines[line].first_child;
        while (next == MODEL_NONE && line != MODEL_NONE) {
            if (write && is_message(mermaid, line))
                end_message(mermaid, line);
            next = lines[line].next_sibling;
            line = lines[line].parent;
        }
        line = next;
    }
}

/* --- how much of it ------------------------------------------------------------------- */

static void
forget(struct mermaid *mermaid)
{
    story_free(&mermaid->story);
    free(mermaid->participant_of);
    mermaid->participant_of = NULL;
    mermaid->count = 0;
}

static int
try_story(struct mermaid *mermaid, uint32_t lines, uint32_t *messages)
{
    int ret = story_build(&mermaid->story, &mermaid->outline, lines);
    if (ret < 0)
        return ret;
    mermaid->participant_of = calloc(mermaid->story.line_count + (size_t)1, sizeof *mermaid->participant_of);
    *messages = 0;
    if (!mermaid->participant_of)
        return -ENOMEM;
    walk(mermaid, false, messages);
    return 0;
}

/* A story of more lines has more messages, but most of its lines may be none. */
static int
fit(struct mermaid *mermaid, uint32_t most)
{
    uint32_t messages = 0;
    uint32_t lines = most;
    int ret = try_story(mermaid, lines, &messages);
    while (ret == 0 && messages < most && mermaid->story.calls_left_out && lines / WIDER_MAX < most) {
        uint32_t wider = 0;
        forget(mermaid);
        ret = try_story(mermaid, 2 * lines, &wider);
        if (ret == 0 && wider > most) {
            forget(mermaid);
            return try_story(mermaid, lines, &messages);
        }
        lines *= 2;
        messages = wider;
    }
    return ret;
}

/* --- all of it ----------------------------------------------------------------------------- */

static void
put_participants(struct mermaid *mermaid)
{
    bool others = false;
    for (uint32_t i = 0; i < mermaid->count; i++) {
        sink_format(mermaid->sink, "    participant p%u as ", i);
        mermaid->scratch.length = 0;
        put_participant(&mermaid->scratch, mermaid, &mermaid->model->calls[mermaid->calls[i]]);
        put_text(mermaid, &mermaid->scratch);
        sink_string(mermaid->sink, "\n");
    }
    for (uint32_t i = 0; i < mermaid->story.line_count; i++)
        others |= is_call(mermaid, i) && mermaid->participant_of[i] == PARTICIPANTS_MAX;
    if (others)
        sink_format(mermaid->sink, "    participant p%u as others\n", PARTICIPANTS_MAX);
}

static void
put_diagram(struct mermaid *mermaid, const char *title)
{
    uint32_t messages = 0;
    sink_string(mermaid->sink, "sequenceDiagram\n    accTitle: ");
    mermaid->scratch.length = 0;
    text_clean(&mermaid->scratch, (struct slice){title, strlen(title)});
    put_text(mermaid, &mermaid->scratch);
    sink_string(mermaid->sink, "\n");
    put_participants(mermaid);
    walk(mermaid, true, &messages);
    mermaid->scratch.length = 0;
    if (mermaid->story.calls_left_out && mermaid->count) {
        label_counted(&mermaid->scratch, mermaid->story.calls_left_out, " call is", " calls are");
        put_note(mermaid, 0, " left out, more with --lines");
    }
    else if (!messages && mermaid->count)
        put_note(mermaid, 0, "no call goes from one to another");
    else if (!mermaid->count)
        sink_string(mermaid->sink, "    participant p0 as no calls\n");
}

int
export_mermaid(struct export *export)
{
    struct mermaid mermaid = {.sink = export->sink, .model = export->model, .by = export->options->by};
    int ret = outline_build(&mermaid.outline, export->model, true);
    ret = ret == 0 ? fit(&mermaid, export->options->lines ? export->options->lines : MESSAGES) : ret;
    if (ret == 0)
        put_diagram(&mermaid, export->options->title);
    ret = ret == 0 && mermaid.scratch.failed ? -ENOMEM : ret;
    forget(&mermaid);
    outline_free(&mermaid.outline);
    text_free(&mermaid.scratch);
    return ret;
}
