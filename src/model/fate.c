#include "fate.h"

#include <string.h>

#define CHILDREN_MAX 4     /* calls that are looked at, of those that the catcher made next, */
#define WITHIN_MAX 16      /* and in each of them */
#define SIBLINGS_MAX 256   /* calls that are passed to find the next one */
#define CAUSES_MAX 16
#define VALUE_DEPTH_MAX 8
#define TYPE_MIN 5         /* shorter texts stand in others by chance */
#define MESSAGE_MIN 4

/* --- names -------------------------------------------------------------- */

static bool
is_word(struct slice word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        bool same = word.length == length;
        for (size_t k = 0; same && k < length; k++)
            same = (word.data[k] | 0x20) == words[i][k];
        if (same)
            return true;
    }
    return false;
}

static bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* log_error, logError and LogError are words. */
static struct slice
next_word(struct slice *name)
{
    while (name->length && *name->data == '_') {
        name->data++;
        name->length--;
    }
    size_t n = name->length ? 1 : 0;
    while (n < name->length && name->data[n] != '_' && !(is_upper(name->data[n]) && !is_upper(name->data[n - 1])))
        n++;
    struct slice word = {name->data, n};
    name->data += n;
    name->length -= n;
    return word;
}

bool
fate_tells(const struct code *code)
{
    static const char *const words[] = {
        "log",        "logs",      "logged",  "logger", "logging", "warn",     "warning", "warnings",
        "print",      "prints",    "println", "err",    "error",   "errors",   "exc",     "exception",
        "exceptions", "critical",  "fatal",   "report", "reports", "reported", "notify",  "alert",
        "capture",    "traceback", "fail",    "failed", "failure", "abort",
    };
    static const char *const alone[] = {"info", "debug"};
    static const char *const modules[] = {"logging", "warnings", "traceback", "structlog", "loguru"};
    struct slice name = slice_after_last(code->qualname, '.');
    struct slice module = code->module;
    for (size_t i = 0; i < module.length; i++)
        if (module.data[i] == '.')
            module.length = i;
    if (is_word(module, modules, sizeof modules / sizeof *modules)
        || is_word(name, alone, sizeof alone / sizeof *alone))
        return true;
    if (name.length > 200) /* nobody's */
        return false;
    while (name.length)
        if (is_word(next_word(&name), words, sizeof words / sizeof *words))
            return true;
    return false;
}

/* --- values ------------------------------------------------------------- */

struct search {
    const struct reader *reader;
    struct slice type, message;
    uint64_t *work;
};

static struct slice
message_of(const struct model *model, const struct exception *exception)
{
    struct value value = exception->message;
    struct value_head head;
    if (!value.data || value_read(model->reader, &value, &head) < 0 || head.tag != FLOW_VALUE_ARGS || !head.count)
        return (struct slice){"", 0};
    if (value_read(model->reader, &value, &head) < 0
        || (head.tag != FLOW_VALUE_STR && head.tag != FLOW_VALUE_STR_WHOLE))
        return (struct slice){"", 0};
    return head.bytes;
}

static bool
has(struct slice text, struct slice part, size_t least)
{
    return part.length >= least && part.length <= text.length && memmem(text.data, text.length, part.data, part.length);
}

static bool
names_it(const struct search *search, const struct value_head *head)
{
    switch (head->tag) {
    case FLOW_VALUE_STR:
    case FLOW_VALUE_STR_WHOLE:
    case FLOW_VALUE_TEXT:
        return has(head->bytes, search->type, TYPE_MIN) || has(head->bytes, search->message, MESSAGE_MIN);
    case FLOW_VALUE_ARGS:
    case FLOW_VALUE_OBJECT:
    case FLOW_VALUE_FIELDS:
    case FLOW_VALUE_WRAPPED: return slice_equals(head->type, search->type);
    default: return false;
    }
}

static uint64_t
children_of(const struct value_head *head)
{
    switch (head->tag) {
    case FLOW_VALUE_DICT: return 2 * head->count;
    case FLOW_VALUE_LIST:
    case FLOW_VALUE_TUPLE:
    case FLOW_VALUE_SET:
    case FLOW_VALUE_FROZENSET:
    case FLOW_VALUE_ARGS:
    case FLOW_VALUE_FIELDS:
    case FLOW_VALUE_WRAPPED: return head->count;
    default: return 0;
    }
}

/* 1 if the value tells of the exception, 0 if not; -1 where that can't be said. Goes past the value. */
static int
look_into(const struct search *search, struct value *value, unsigned depth)
{
    struct value_head head;
    if (depth > VALUE_DEPTH_MAX || !*search->work || value_read(search->reader, value, &head) < 0)
        return -1;
    --*search->work;
    if (names_it(search, &head))
        return 1;
    uint64_t count = children_of(&head);
    for (uint64_t i = 0; i < count; i++) {
        struct slice name;
        if (head.tag == FLOW_VALUE_FIELDS && value_read_name(search->reader, &head, value, &name) < 0)
            return -1;
        int found = look_into(search, value, depth + 1);
        if (found)
            return found;
    }
    return 0;
}

static bool
was_given(const struct search *search, const struct model *model, const struct call *call)
{
    struct value value = call_arguments(model, call);
    bool found = false;
    for (uint32_t i = 0; value.data && i < call->code->parameter_count; i++) {
        int told = look_into(search, &value, 0);
        if (told < 0)
            break;
        found |= told > 0;
        if (told)
            break;
    }
    return found;
}

/* --- the calls that follow ---------------------------------------------- */

/* The call that `by` made first after the exception had come in; *known is false where it can't be told. */
static uint32_t
call_after(const struct model *model, const struct child_lists *lists, const struct exception *exception, uint32_t by,
           bool *known)
{
    const struct call *calls = model->calls;
    const struct call *left = exception->calls_left ? &calls[exception->last_call] : NULL;
    *known = true;
    if (left && left->parent == by)
        return lists->next[exception->last_call];
    uint32_t child = lists->first[by];
    for (unsigned i = 0; child != MODEL_NONE && i < SIBLINGS_MAX; i++, child = lists->next[child])
        if (!left || calls[child].start_ns >= left->end_ns)
            return child;
    *known = child == MODEL_NONE;
    return MODEL_NONE;
}

/* In what `root` called: the next call after `call`, or MODEL_NONE. */
static uint32_t
next_within(const struct model *model, const struct child_lists *lists, uint32_t root, uint32_t call)
{
    if (lists->first[call] != MODEL_NONE)
        return lists->first[call];
    while (call != root && lists->next[call] == MODEL_NONE)
        call = model->calls[call].parent;
    return call == root ? MODEL_NONE : lists->next[call];
}

static struct fate
fate_after(const struct search *search, const struct model *model, const struct child_lists *lists, uint32_t first)
{
    uint32_t child = first;
    for (unsigned i = 0; child != MODEL_NONE && i < CHILDREN_MAX; i++, child = lists->next[child]) {
        uint32_t call = child;
        for (unsigned k = 0; call != MODEL_NONE && k < WITHIN_MAX; k++, call = next_within(model, lists, child, call)) {
            if (fate_tells(model->calls[call].code))
                return (struct fate){.kind = FATE_TOLD, .other = call};
            if (was_given(search, model, &model->calls[call]))
                return (struct fate){.kind = FATE_HANDED, .other = call};
        }
    }
    return (struct fate){.kind = *search->work ? FATE_SWALLOWED : FATE_UNKNOWN, .other = MODEL_NONE, .next = first};
}

/* Was the exception that left the catcher raised for this one? */
static bool
is_for(const struct model *model, uint32_t effect, uint32_t exception, uint32_t by, bool *linked)
{
    uint32_t at = effect;
    for (unsigned i = 0; at != MODEL_NONE && i < CAUSES_MAX; i++) {
        const struct exception *cause = &model->exceptions[at];
        if (cause->cause_exception == exception || cause->split_from == exception) {
            *linked = true;
            return true;
        }
        if (cause->cause_exception == MODEL_NONE && cause->cause.length
            && slice_equals(cause->cause, model->exceptions[exception].type))
            return true;
        at = cause->cause_exception;
    }
    return model->exceptions[effect].first_call == by && effect > exception && !model->exceptions[effect].benign;
}

struct fate
fate_of(const struct model *model, const struct child_lists *lists, uint32_t number, uint64_t *work)
{
    const struct exception *exception = &model->exceptions[number];
    bool kept = exception_is_cancellation(exception) && exception->landed_in != MODEL_NONE && !exception->calls_left;
    uint32_t by = kept ? exception->landed_in : exception->caught_by;
    struct fate fate = {.kind = FATE_LOST, .other = MODEL_NONE, .next = MODEL_NONE};
    if (by == MODEL_NONE) {
        fate.kind = exception_is_caught(exception) ? FATE_UNKNOWN : FATE_LOST; /* a filter left out who caught it */
        return fate;
    }
    const struct call *call = &model->calls[by];
    fate.kind = FATE_TURNED;
    uint32_t effect = call_exception(model, call);
    if (effect != MODEL_NONE && effect != number && is_for(model, effect, number, by, &fate.linked)) {
        fate.other = effect;
        return fate;
    }
    fate.kind = FATE_UNKNOWN;
    bool known;
    uint32_t after = call_after(model, lists, exception, by, &known);
    if (exception->caught_below || call->code->flags & FLOW_CODE_LIBRARY || !known
        || (exception_is_cancellation(exception) && !kept))
        return fate;
    struct search search = {model->reader, exception->type, message_of(model, exception), work};
    fate = fate_after(&search, model, lists, after);
    struct value result = call_result(model, call);
    if (fate.kind == FATE_SWALLOWED && result.data && call->outcome == OUTCOME_RETURNED
        && look_into(&search, &result, 0) > 0)
        fate.kind = FATE_RETURNED;
    return fate;
}
