#include "likeness.h"

#include "value_text.h"

#define LONG_TEXT 48 /* bytes from which on a text's hash is kept */
#define KEYS_MAX 64  /* of a dict, that are searched for in any order */

static const uint64_t CUT = 0xc07; /* what stands for a value that was not recorded */

int
likeness_open(struct likeness *out, const struct model *model, const struct names *ignored)
{
    *out = (struct likeness){.reader = model->reader,
                             .ignored = *ignored,
                             .budget = 16 * (uint64_t)model->reader->size + ((uint64_t)16 << 20)};
    return varying_open(&out->varying, model);
}

void
likeness_close(struct likeness *match)
{
    varying_close(&match->varying);
}

/* --- texts -------------------------------------------------------------- */

static uint64_t
hash_bytes(uint64_t hash, const char *data, size_t length)
{
    for (; length >= 8; data += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        hash = hash_mix(hash, word);
    }
    uint64_t word = length;
    for (size_t i = 0; i < length; i++)
        word = word << 8 | (uint8_t)data[i];
    return hash_mix(hash, word);
}

/* What lies between the parts that vary, and of which kind those are. */
static uint64_t
hash_parts(struct likeness *match, struct slice text, bool named)
{
    uint64_t hash = 7;
    size_t from = 0;
    struct varying_part part;
    while (!match->plain && varying_find(&match->varying, text, from, named, &part)) {
        hash = hash_bytes(hash, text.data + from, part.begin - from);
        hash = hash_mix(hash, part.kind);
        from = part.end;
    }
    return from < text.length ? hash_bytes(hash, text.data + from, text.length - from) : hash_bytes(hash, "", 0);
}

static void
spend(struct likeness *match, uint64_t bytes)
{
    match->budget = match->budget > bytes ? match->budget - bytes : 0;
}

uint64_t
likeness_hash_text(struct likeness *match, struct slice text, bool named)
{
    if (text.length < LONG_TEXT) {
        spend(match, text.length);
        return hash_parts(match, text, named);
    }
    struct value_cache *cached = &match->cache[((uintptr_t)text.data * 0x9e3779b97f4a7c15u) >> 56];
    if (cached->data != text.data || cached->length != text.length || cached->named != named
        || cached->plain != match->plain) {
        spend(match, text.length);
        *cached = (struct value_cache){text.data, text.length, hash_parts(match, text, named), named, match->plain};
    }
    spend(match, text.length / 8); /* the reader counts its characters again */
    return cached->hash;
}

/* --- hashes ------------------------------------------------------------- */

static uint64_t hash_value(struct likeness *match, struct value *value, unsigned depth);

static uint64_t
give_up(struct value *value)
{
    value->data = value->end;
    return CUT;
}

static bool
is_text(int tag)
{
    return tag == FLOW_VALUE_STR || tag == FLOW_VALUE_STR_WHOLE;
}

static bool
is_ignored_key(const struct likeness *match, struct value key)
{
    struct value_head head;
    return match->ignored.count && value_read(match->reader, &key, &head) == 0 && is_text(head.tag)
           && names_hold(&match->ignored, head.bytes);
}

/* The next child, with what it goes by in an object or a dict; false if it is ignored. */
static bool
hash_child(struct likeness *match, struct value *value, struct value_head *head, unsigned depth, uint64_t *out)
{
    struct slice name = {"", 0};
    bool ignored = false;
    if (head->tag == FLOW_VALUE_FIELDS) {
        if (value_read_name(match->reader, head, value, &name) < 0) {
            *out = give_up(value);
            return true;
        }
        ignored = match->ignored.count && names_hold(&match->ignored, name);
    }
    if (head->tag == FLOW_VALUE_DICT)
        ignored = is_ignored_key(match, *value);
    uint64_t hash = head->tag == FLOW_VALUE_DICT ? hash_value(match, value, depth + 1) : 0;
    hash = hash_mix(hash, hash_value(match, value, depth + 1));
    *out = name.length ? hash_mix(hash, likeness_hash_text(match, name, false)) : hash;
    return !ignored;
}

static bool
is_unordered(int tag)
{
    return tag == FLOW_VALUE_SET || tag == FLOW_VALUE_FROZENSET || tag == FLOW_VALUE_DICT;
}

static uint64_t
hash_children(struct likeness *match, struct value *value, struct value_head *head, unsigned depth)
{
    uint64_t hash = 0;
    /* Of a set that was cut off, other members may have been recorded in the other run. */
    bool chance = (head->tag == FLOW_VALUE_SET || head->tag == FLOW_VALUE_FROZENSET) && head->total > head->count;
    for (uint64_t i = 0; i < head->count && value->data < value->end; i++) {
        uint64_t child;
        if (!hash_child(match, value, head, depth, &child) || chance)
            continue;
        hash = is_unordered(head->tag) ? hash + hash_mix(11, child) : hash_mix(hash, child);
    }
    return hash;
}

/* How many characters the original had, if not all are here; else 0. */
static uint64_t
cut_length(const struct value_head *head)
{
    uint64_t characters = 0;
    if (head->tag != FLOW_VALUE_STR)
        return head->total > head->bytes.length && head->tag != FLOW_VALUE_STR_WHOLE ? head->total : 0;
    for (size_t i = 0; i < head->bytes.length; i++)
        characters += ((uint8_t)head->bytes.data[i] & 0xc0) != 0x80;
    return characters < head->total ? head->total : 0;
}

static uint64_t
hash_scalar(struct likeness *match, const struct value_head *head)
{
    enum varying_kind varies;
    uint64_t bits[2];
    switch (head->tag) {
    case FLOW_VALUE_INT:
        varies = match->plain ? VARYING_NONE : varying_int(&match->varying, head->integer);
        return varies ? (uint64_t)varies << 32 : hash_mix(1, (uint64_t)head->integer);
    case FLOW_VALUE_FLOAT:
    case FLOW_VALUE_COMPLEX:
        varies = head->tag == FLOW_VALUE_FLOAT && !match->plain ? varying_float(&match->varying, head->real)
                                                                : VARYING_NONE;
        memcpy(bits, &head->real, sizeof *bits);
        memcpy(bits + 1, &head->imaginary, sizeof *bits);
        return varies ? (uint64_t)varies << 32 : hash_mix(bits[0], bits[1]);
    case FLOW_VALUE_STR:
    case FLOW_VALUE_STR_WHOLE: return hash_mix(likeness_hash_text(match, head->bytes, false), cut_length(head));
    case FLOW_VALUE_TEXT: return likeness_hash_text(match, head->bytes, true);
    default:
        spend(match, head->bytes.length);
        return hash_mix(hash_bytes(head->negative, head->bytes.data, head->bytes.length), head->total);
    }
}

/* A str is the same whether its text is the chunk's or its own. */
static int
tag_of(const struct value_head *head)
{
    return head->tag == FLOW_VALUE_STR_WHOLE ? FLOW_VALUE_STR : head->tag;
}

static bool
has_children(int tag)
{
    return tag == FLOW_VALUE_LIST || tag == FLOW_VALUE_TUPLE || tag == FLOW_VALUE_SET || tag == FLOW_VALUE_FROZENSET
           || tag == FLOW_VALUE_DICT || tag == FLOW_VALUE_FIELDS || tag == FLOW_VALUE_ARGS || tag == FLOW_VALUE_WRAPPED;
}

static uint64_t
hash_value(struct likeness *match, struct value *value, unsigned depth)
{
    struct value_head head;
    if (!match->budget || depth > FLOW_VALUE_DEPTH_MAX || value_read(match->reader, value, &head) < 0)
        return give_up(value);
    spend(match, 1);
    uint64_t hash = (uint64_t)tag_of(&head);
    if (head.type.length)
        hash = hash_mix(hash, likeness_hash_text(match, head.type, true));
    if (!has_children(head.tag))
        return hash_mix(hash, hash_scalar(match, &head));
    return hash_mix(hash_mix(hash, head.total), hash_children(match, value, &head, depth));
}

uint64_t
likeness_hash(struct likeness *match, struct value *value)
{
    return value->data ? hash_value(match, value, 0) : CUT;
}

/* --- differences -------------------------------------------------------- */

struct differ {
    struct likeness *a, *b;
    struct value_changes *out;
    struct text path;
};

static bool differ(struct differ *d, struct value *a, struct value *b, unsigned depth);

static bool
note(struct differ *d, struct value a, struct value b)
{
    struct value_changes *out = d->out;
    if (out && out->count < VALUE_CHANGES_MAX) {
        struct value_change *place = &out->items[out->count];
        *place = (struct value_change){.path = {.ascii = out->ascii}, .a = a, .b = b};
        text_bytes(&place->path, d->path.data, d->path.length);
    }
    if (out)
        out->count++;
    return true;
}

static void
skip(const struct likeness *match, struct value *value)
{
    if (value_skip(match->reader, value) < 0)
        value->data = value->end;
}

static bool
is_missing(int tag)
{
    return tag == FLOW_VALUE_ABSENT || tag == FLOW_VALUE_TRUNCATED;
}

/* Texts of one length of which not all was recorded: as far as both go. */
static bool
scalars_differ(struct differ *d, const struct value_head *a, const struct value_head *b)
{
    bool text = tag_of(a) == FLOW_VALUE_STR;
    bool bytes = a->tag == FLOW_VALUE_BYTES || a->tag == FLOW_VALUE_BYTEARRAY || a->tag == FLOW_VALUE_BIG_INT;
    if ((!text && !bytes) || a->total != b->total || a->negative != b->negative || (!cut_length(a) && !cut_length(b)))
        return true;
    size_t n = a->bytes.length < b->bytes.length ? a->bytes.length : b->bytes.length;
    struct slice start_a = {a->bytes.data, n};
    struct slice start_b = {b->bytes.data, n};
    if (a->tag == FLOW_VALUE_BIG_INT)
        return n > 0;
    return text ? likeness_hash_text(d->a, start_a, false) != likeness_hash_text(d->b, start_b, false)
                : !slice_equals(start_a, start_b);
}

static void
put_key(struct differ *d, struct value key)
{
    struct value_limits limits = {.width = 40, .depth = 1};
    text_string(&d->path, "[");
    value_text(&d->path, d->a->reader, &key, &limits);
    text_string(&d->path, "]");
}

/* Reads what a child goes by, of both. False if they go by other names. */
static bool
read_names(struct differ *d, struct value *a, struct value_head *head_a, struct value *b, struct value_head *head_b,
           uint64_t index, bool *ignored)
{
    struct slice name, other;
    *ignored = false;
    if (head_a->tag == FLOW_VALUE_FIELDS) {
        if (value_read_name(d->a->reader, head_a, a, &name) < 0 || value_read_name(d->b->reader, head_b, b, &other) < 0
            || !slice_equals(name, other))
            return false;
        *ignored = d->a->ignored.count && names_hold(&d->a->ignored, name);
        if (name.length) {
            text_string(&d->path, ".");
            text_name(&d->path, name);
            return true;
        }
    }
    if (head_a->tag == FLOW_VALUE_DICT) {
        struct value key = *a;
        *ignored = is_ignored_key(d->a, key);
        if (likeness_hash(d->a, a) != likeness_hash(d->b, b))
            return false;
        put_key(d, key);
    }
    else if (head_a->tag != FLOW_VALUE_WRAPPED) {
        text_format(&d->path, "[%llu]", (unsigned long long)index);
    }
    return true;
}

/* The value of the key of this hash, or one without data. */
static struct value
find_key(struct likeness *match, struct value entries, uint64_t count, uint64_t key)
{
    for (uint64_t i = 0; i < count && entries.data < entries.end; i++) {
        if (likeness_hash(match, &entries) == key)
            return entries;
        skip(match, &entries);
    }
    return (struct value){0};
}

/* The same keys in another order. */
static bool
dicts_differ(struct differ *d, struct value a, struct value b, uint64_t count, struct value whole_a,
             struct value whole_b, unsigned depth)
{
    bool any = false;
    size_t length = d->path.length;
    for (uint64_t i = 0; i < count && a.data < a.end; i++) {
        struct value key = a;
        bool ignored = is_ignored_key(d->a, key);
        struct value other = find_key(d->b, b, count, likeness_hash(d->a, &a));
        if (!other.data)
            return note(d, whole_a, whole_b);
        put_key(d, key);
        if (ignored)
            skip(d->a, &a);
        else
            any |= differ(d, &a, &other, depth + 1);
        text_truncate(&d->path, length);
    }
    return any;
}

static bool
children_differ(struct differ *d, struct value *a, struct value_head head_a, struct value *b, struct value_head head_b,
                struct value whole_a, struct value whole_b, unsigned depth)
{
    size_t length = d->path.length;
    uint64_t count = head_a.count < head_b.count ? head_a.count : head_b.count;
    bool any = false;
    struct value begin_a = *a;
    struct value begin_b = *b;
    uint32_t noted = d->out ? d->out->count : 0;
    for (uint64_t i = 0; i < count; i++) {
        bool ignored;
        bool same = read_names(d, a, &head_a, b, &head_b, i, &ignored);
        if (same && ignored) {
            skip(d->a, a);
            skip(d->b, b);
        }
        else if (same) {
            any |= differ(d, a, b, depth + 1);
        }
        text_truncate(&d->path, length);
        if (same)
            continue;
        if (d->out)
            for (; d->out->count > noted; d->out->count--)
                if (d->out->count <= VALUE_CHANGES_MAX)
                    text_free(&d->out->items[d->out->count - 1].path);
        if (head_a.tag == FLOW_VALUE_DICT && head_a.count == head_b.count && count <= KEYS_MAX)
            return dicts_differ(d, begin_a, begin_b, count, whole_a, whole_b, depth);
        return note(d, whole_a, whole_b);
    }
    return any;
}

static int
tag_at(const struct likeness *match, struct value value)
{
    struct value_head head;
    return value_read(match->reader, &value, &head) < 0 ? FLOW_VALUE_UNREADABLE : head.tag;
}

/* Reads both; true if they differ. The caller goes on behind them, whatever has been read here. */
static bool
differ_inside(struct differ *d, struct value a, struct value b, unsigned depth)
{
    struct value whole_a = a;
    struct value whole_b = b;
    struct value_head head_a, head_b;
    int bad_a = value_read(d->a->reader, &a, &head_a);
    int bad_b = value_read(d->b->reader, &b, &head_b);
    if (bad_a || bad_b)
        return bad_a == 0 || bad_b == 0 ? note(d, whole_a, whole_b) : false;
    if (is_missing(head_a.tag) || is_missing(head_b.tag))
        return false;
    if (tag_of(&head_a) != tag_of(&head_b)
        || likeness_hash_text(d->a, head_a.type, true) != likeness_hash_text(d->b, head_b.type, true))
        return note(d, whole_a, whole_b);
    if (!has_children(head_a.tag))
        return scalars_differ(d, &head_a, &head_b) ? note(d, whole_a, whole_b) : false;
    if (head_a.total != head_b.total)
        return note(d, whole_a, whole_b);
    bool set = head_a.tag == FLOW_VALUE_SET || head_a.tag == FLOW_VALUE_FROZENSET;
    if (set)
        return head_a.total > head_a.count || head_b.total > head_b.count ? false : note(d, whole_a, whole_b);
    if (head_a.tag == FLOW_VALUE_WRAPPED && !has_children(tag_at(d->a, a))) { /* Decimal('1.5'), not '1.5' */
        struct differ within = {.a = d->a, .b = d->b};
        return differ(&within, &a, &b, depth + 1) && note(d, whole_a, whole_b);
    }
    return children_differ(d, &a, head_a, &b, head_b, whole_a, whole_b, depth);
}

/* A number that is a pid, or a date that is today's, in one run only is still the same in the other. */
static bool
is_literally_same(struct differ *d, struct value a, struct value b)
{
    d->a->plain = d->b->plain = true;
    bool same = likeness_hash(d->a, &a) == likeness_hash(d->b, &b);
    d->a->plain = d->b->plain = false;
    return same;
}

static bool
differ(struct differ *d, struct value *a, struct value *b, unsigned depth)
{
    struct value begin_a = *a;
    struct value begin_b = *b;
    uint64_t hash_a = likeness_hash(d->a, a);
    uint64_t hash_b = likeness_hash(d->b, b);
    if (hash_a == hash_b || depth > FLOW_VALUE_DEPTH_MAX || is_literally_same(d, begin_a, begin_b))
        return false;
    return differ_inside(d, begin_a, begin_b, depth);
}

bool
likeness_differ(struct likeness *a, struct likeness *b, struct value value_a, struct value value_b,
                struct value_changes *out)
{
    struct differ state = {.a = a, .b = b, .out = out, .path = {.ascii = out && out->ascii}};
    bool any = differ(&state, &value_a, &value_b, 0);
    text_free(&state.path);
    return any;
}

void
value_changes_free(struct value_changes *places)
{
    for (uint32_t i = 0; i < places->count && i < VALUE_CHANGES_MAX; i++)
        text_free(&places->items[i].path);
    *places = (struct value_changes){.ascii = places->ascii};
}
