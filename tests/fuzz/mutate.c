#include "mutate.h"

#include <stdlib.h>
#include <string.h>

#include "../../src/trace/varint.h"
#include "seed.h"

struct maker {
    uint64_t state;
    uint8_t *p, *end; /* where records are made */
};

static uint32_t
below(struct maker *m, uint32_t limit)
{
    m->state ^= m->state << 13;
    m->state ^= m->state >> 7;
    m->state ^= m->state << 17;
    return (uint32_t)(m->state >> 32) % limit;
}

/* --- records ------------------------------------------------------------ */

static void
put_byte(struct maker *m, uint32_t byte)
{
    if (m->p < m->end)
        *m->p++ = (uint8_t)byte;
}

static void
put_number(struct maker *m, uint64_t number)
{
    if (m->end - m->p >= VARINT_MAX)
        m->p = varint_put(m->p, number);
}

/* Mostly small, as numbers of strings and code are; now and then where they end. */
static uint64_t
some_number(struct maker *m)
{
    static const uint64_t strange[] = {
        0x7f,      0x80,       0x3fff,        0xffff, 0x7fffffff, UINT32_MAX, (uint64_t)UINT32_MAX + 1,
        INT64_MAX, UINT64_MAX, UINT64_MAX - 1};
    uint32_t kind = below(m, 40);
    if (kind == 0)
        return strange[below(m, sizeof strange / sizeof *strange)];
    return kind == 1 ? (uint64_t)1 << below(m, 64) : kind < 6 ? below(m, 300) : below(m, 6);
}

static void
put_some(struct maker *m)
{
    put_number(m, some_number(m));
}

static void
put_text(struct maker *m)
{
    static const char letters[] = "abcdef.<>_ \x1b\n\xd0\xb0\xf0\x9f\x90\x8d\xff\xed\xa0\x80'\"\\";
    uint32_t length = below(m, 30) ? below(m, 8) : below(m, 200);
    put_number(m, below(m, 60) ? length : some_number(m));
    for (uint32_t i = 0; i < length; i++)
        put_byte(m, (uint8_t)letters[below(m, sizeof letters - 1)]);
}

static void
put_string(struct maker *m)
{
    uint32_t number = below(m, 4) ? 1 + below(m, 8) : 0;
    put_number(m, number);
    if (!number)
        put_text(m);
}

static void
put_value(struct maker *m, unsigned depth)
{
    uint32_t tag = below(m, 3) ? 0xa0 + below(m, 0x20) : below(m, 12) ? below(m, 0xa0) : 0xc0 + below(m, 0x40);
    uint32_t count = depth < 20 ? below(m, 4) : 0;
    put_byte(m, tag);
    switch (tag) {
    case FLOW_VALUE_INT: put_some(m); break;
    case FLOW_VALUE_BIG_INT:
        put_byte(m, below(m, 2));
        put_some(m);
        put_text(m);
        break;
    case FLOW_VALUE_COMPLEX: put_some(m); put_some(m); /* fall through */
    case FLOW_VALUE_FLOAT:
        for (int i = 0; i < 8; i++)
            put_byte(m, below(m, 256));
        break;
    case FLOW_VALUE_STR:
    case FLOW_VALUE_BYTES:
    case FLOW_VALUE_BYTEARRAY:
    case FLOW_VALUE_EXTENDED:
        put_some(m);
        put_text(m);
        break;
    case FLOW_VALUE_STR_WHOLE:
    case FLOW_VALUE_OBJECT: put_string(m); break;
    case FLOW_VALUE_TEXT:
        put_string(m);
        put_text(m);
        break;
    case FLOW_VALUE_WRAPPED:
        put_string(m);
        put_value(m, depth + 1);
        break;
    case FLOW_VALUE_IDENTITY:
        put_some(m);
        put_value(m, depth + 1);
        break;
    case FLOW_VALUE_SHAPED: {
        uint32_t number = below(m, 3);
        put_number(m, number);
        if (!number) {
            put_string(m);
            put_number(m, count + below(m, 2));
            put_number(m, count);
            for (uint32_t i = 0; i < count; i++)
                put_string(m);
        }
        for (uint32_t i = 0; i < count; i++)
            put_value(m, depth + 1);
        break;
    }
    case FLOW_VALUE_FIELDS:
    case FLOW_VALUE_ARGS: put_string(m); /* fall through */
    case FLOW_VALUE_LIST:
    case FLOW_VALUE_TUPLE:
    case FLOW_VALUE_SET:
    case FLOW_VALUE_FROZENSET:
    case FLOW_VALUE_DICT:
        put_number(m, count + below(m, 3));
        put_number(m, below(m, 50) ? count : some_number(m));
        for (uint32_t i = 0; i < count << (tag == FLOW_VALUE_DICT); i++) {
            if (tag == FLOW_VALUE_FIELDS)
                put_string(m);
            put_value(m, depth + 1);
        }
        break;
    default: break;
    }
}

static void
put_code(struct maker *m)
{
    uint32_t number = below(m, 3) ? 1 + below(m, 6) : 0;
    put_number(m, number);
    if (number)
        return;
    uint32_t parameters = below(m, 3);
    put_number(m, below(m, 64));
    put_some(m);
    put_string(m);
    put_string(m);
    put_string(m);
    put_some(m);
    put_number(m, below(m, 40) ? parameters : some_number(m));
    for (uint32_t i = 0; i < parameters; i++) {
        put_string(m);
        put_byte(m, below(m, 6));
    }
}

static void
put_exception(struct maker *m)
{
    bool defines = below(m, 2);
    put_some(m);
    put_byte(m, defines);
    if (!defines)
        return;
    put_string(m);
    put_value(m, 0);
    put_string(m);
    put_string(m);
    put_some(m);
    put_string(m);
}

/* What EXTENDED records hold: numbers and texts in turn. */
static void
put_payload(struct maker *m, uint32_t subtype)
{
    static const char *const kinds[] = {
        "",     "tttttttt", "nnn", "nnt",   "nntn", "nntn", "t",    "nntn", "nnnnt", "nnttnnnnntnntnnntt",
        "nntt", "nntt",     "nt",  "ttnnt", "nntt", "nnnn", "nnnn", "nnnn"};
    uint8_t bytes[512];
    struct maker inner = {m->state, bytes, bytes + sizeof bytes};
    const char *kind = kinds[subtype % (sizeof kinds / sizeof *kinds)];
    for (; *kind && below(&inner, 30); kind++)
        *kind == 'n' ? put_some(&inner) : put_text(&inner);
    m->state = inner.state;
    size_t length = (size_t)(inner.p - bytes);
    put_number(m, below(m, 40) ? length : some_number(m));
    for (size_t i = 0; i < length; i++)
        put_byte(m, bytes[i]);
}

static void
put_record(struct maker *m)
{
    static const uint8_t types[] = {1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 8, 9, 10, 13, 14, 15, 15, 15, 15, 11};
    uint32_t type = types[below(m, sizeof types)];
    uint64_t dt = below(m, 20) ? below(m, 100) : some_number(m);
    put_number(m, dt << 4 | type);
    switch (type) {
    case FLOW_CALL: put_code(m); break;
    case FLOW_CALL_VALUES:
        put_code(m);
        put_value(m, 0);
        break;
    case FLOW_RETURN_VALUE: put_value(m, 0); break;
    case FLOW_YIELD:
        put_number(m, below(m, 4));
        put_value(m, 0);
        break;
    case FLOW_RESUME:
        put_some(m);
        put_code(m);
        break;
    case FLOW_THROW:
        put_some(m);
        put_code(m);
        put_exception(m);
        break;
    case FLOW_UNWIND:
    case FLOW_RAISE:
        put_exception(m);
        put_some(m);
        put_some(m);
        break;
    case FLOW_HANDLED:
        put_exception(m);
        put_some(m);
        break;
    case FLOW_DROP: put_some(m); break;
    case FLOW_OPEN:
        put_code(m);
        put_some(m);
        put_some(m);
        break;
    case FLOW_EXTENDED: {
        uint32_t subtype = below(m, 20) ? 1 + below(m, 17) : (uint32_t)some_number(m);
        put_number(m, subtype);
        put_payload(m, subtype);
        break;
    }
    default: break;
    }
}

/* --- changes ------------------------------------------------------------ */

static uint8_t pool[SEED_CHUNKS_MAX][SEED_RECORDS_MAX]; /* records that have changed */

/* The chunk's own records, which may be written to. */
static uint8_t *
own(struct seed *seed, uint32_t index)
{
    struct seed_chunk *chunk = &seed->chunks[index];
    if (chunk->records != pool[index])
        memmove(pool[index], chunk->records, chunk->length);
    chunk->records = pool[index];
    return chunk->records;
}

/* `length` bytes for `taken` bytes at `at`. */
static void
replace(struct seed *seed, uint32_t index, size_t at, size_t taken, const uint8_t *bytes, size_t length)
{
    struct seed_chunk *chunk = &seed->chunks[index];
    uint8_t *records = own(seed, index);
    size_t after = at + taken;
    if (chunk->length - taken + length > SEED_RECORDS_MAX)
        return;
    memmove(records + at + length, records + after, chunk->length - after);
    memcpy(records + at, bytes, length);
    chunk->length = (uint16_t)(chunk->length - taken + length);
}

static void
change_records(struct maker *m, struct seed *seed)
{
    uint32_t index = below(m, seed->chunk_count);
    struct seed_chunk *chunk = &seed->chunks[index];
    size_t length = chunk->length;
    size_t at = below(m, (uint32_t)length + 1);
    size_t left = length - at;
    size_t some = left ? below(m, (uint32_t)(left < 24 ? left : 24)) + 1 : 0;
    uint8_t bytes[1024] = {0};
    struct maker inner = {m->state, bytes, bytes + sizeof bytes};
    uint32_t kind = below(&inner, 12);
    m->state = inner.state ^ 0x5851f42d4c957f2du;
    switch (kind) {
    case 0:
    case 1: /* a record, here or at the end, or several */
        for (uint32_t i = 1 + below(&inner, 3); i > 0; i--)
            put_record(&inner);
        replace(seed, index, kind ? at : length, 0, bytes, (size_t)(inner.p - bytes));
        break;
    case 2:
        put_value(&inner, 0);
        replace(seed, index, at, 0, bytes, (size_t)(inner.p - bytes));
        break;
    case 3:
        put_some(&inner);
        replace(seed, index, at, below(&inner, 2) && some, bytes, (size_t)(inner.p - bytes));
        break;
    case 4: replace(seed, index, at, some, bytes, 0); break;
    case 5: /* the same again */
        memcpy(bytes, chunk->records + at, some);
        replace(seed, index, at, 0, bytes, some);
        break;
    case 6: { /* from another chunk */
        const struct seed_chunk *other = &seed->chunks[below(&inner, seed->chunk_count)];
        size_t from = below(&inner, other->length + 1u);
        size_t size = other->length - from < sizeof bytes ? other->length - from : sizeof bytes;
        size = size ? 1 + below(&inner, (uint32_t)size) : 0;
        memcpy(bytes, other->records + from, size);
        replace(seed, index, at, 0, bytes, size);
        break;
    }
    case 7: chunk->length = (uint16_t)at; break;
    default:
        if (!left)
            break;
        uint8_t *p = own(seed, index) + at;
        static const uint8_t tags[] = {0x00, 0xff, 0x80, 0x7f, 0xba, 0xbb, 0xb5, 0xb6, 0xb4, 0x0f, 0x0a, 0x01, 0x08};
        switch (below(&inner, 4)) {
        case 0: *p ^= (uint8_t)(1u << below(&inner, 8)); break;
        case 1: *p = (uint8_t)below(&inner, 256); break;
        case 2: *p = (uint8_t)(*p + 1 - 2 * below(&inner, 2)); break;
        default: *p = tags[below(&inner, sizeof tags)];
        }
    }
}

static void
change_number(struct maker *m, uint8_t *p, size_t size)
{
    uint64_t number = below(m, 3) ? below(m, 5) : some_number(m);
    if (below(m, 4) == 0)
        p[below(m, (uint32_t)size)] ^= (uint8_t)(1u << below(m, 8));
    else
        memcpy(p, &number, size);
}

static void
change_chunk_header(struct maker *m, struct seed *seed)
{
    static const uint8_t fields[][2] = {{0, 4},  {4, 2},  {6, 2},  {8, 4},  {8, 4},  {12, 4}, {16, 4},
                                        {16, 4}, {20, 4}, {20, 4}, {24, 8}, {32, 8}, {40, 8}, {48, 8},
                                        {56, 8}, {64, 4}, {68, 4}, {72, 4}, {76, 8}, {84, 8}};
    const uint8_t *field = fields[below(m, sizeof fields / sizeof *fields)];
    change_number(m, seed->chunks[below(m, seed->chunk_count)].header + field[0], field[1]);
}

static void
change_file_header(struct maker *m, struct seed *seed)
{
    static const uint8_t fields[][2] = {{0, 8},  {8, 2},  {10, 2}, {12, 4}, {16, 4}, {20, 4}, {24, 4}, {28, 4},
                                        {32, 8}, {40, 8}, {48, 8}, {56, 8}, {72, 8}, {80, 4}, {84, 4}, {88, 8}};
    const uint8_t *field = fields[below(m, 4) ? 5 + below(m, 11) : below(m, 16)];
    change_number(m, seed->header + field[0], field[1]);
}

/* How the file is cut into slots, and whose they are. */
static void
change_bound(struct maker *m, struct seed *seed)
{
    if (seed->bound_length < 16) {
        change_file_header(m, seed);
        return;
    }
    uint32_t size = below(m, 2) ? 4 : 8;
    change_number(m, seed->bound + below(m, seed->bound_length / size) * size, size);
}

static void
change_chunks(struct maker *m, struct seed *seed)
{
    uint32_t a = below(m, seed->chunk_count);
    uint32_t b = below(m, seed->chunk_count);
    struct seed_chunk kept;
    switch (below(m, 8)) {
    case 0:
        for (uint32_t i = 0; i < seed->chunk_count; i++)
            own(seed, i);
        kept = seed->chunks[a];
        kept.records = NULL;
        uint8_t *bytes = malloc(SEED_RECORDS_MAX);
        memcpy(bytes, pool[a], SEED_RECORDS_MAX);
        seed->chunks[a] = seed->chunks[b];
        memcpy(pool[a], pool[b], SEED_RECORDS_MAX);
        seed->chunks[b] = kept;
        memcpy(pool[b], bytes, SEED_RECORDS_MAX);
        free(bytes);
        seed->chunks[a].records = pool[a];
        seed->chunks[b].records = pool[b];
        break;
    case 1:
    case 2:
        if (seed->chunk_count == SEED_CHUNKS_MAX)
            break;
        kept = seed->chunks[a]; /* its copy reads the same bytes until either changes */
        if (kept.records == pool[a]) {
            memcpy(pool[seed->chunk_count], pool[a], kept.length);
            kept.records = pool[seed->chunk_count];
        }
        seed->chunks[seed->chunk_count++] = kept;
        kept.header[20]++; /* the next of its thread, as one may think */
        if (below(m, 2))
            memcpy(seed->chunks[seed->chunk_count - 1].header, kept.header, sizeof kept.header);
        break;
    case 3:
        if (seed->chunk_count > 1)
            seed->chunks[a] = seed->chunks[--seed->chunk_count];
        if (a < seed->chunk_count && seed->chunks[a].records == pool[seed->chunk_count]) {
            memcpy(pool[a], pool[seed->chunk_count], seed->chunks[a].length);
            seed->chunks[a].records = pool[a];
        }
        break;
    case 4: seed->chunks[a].extra = (int16_t)(below(m, 2) ? 0 : some_number(m)); break;
    case 5: seed->chunks[a].place = (uint8_t)(below(m, 3) ? 0 : below(m, 16)); break;
    case 6: seed->chunks[a].times = (uint8_t)(below(m, 4) ? 0 : SEED_TIMES_MIN + below(m, below(m, 4) ? 5 : 12)); break;
    default: seed->cut = (uint8_t)(below(m, 2) ? 0 : below(m, 256));
    }
}

size_t
mutate(uint8_t *data, size_t size, size_t room, uint64_t random)
{
    static struct seed seed;
    static uint8_t bytes[SEED_MAX];
    struct maker m = {.state = random * 0x9e3779b97f4a7c15u | 1};
    if (!seed_read(&seed, data, size)) {
        memset(&seed, 0, sizeof seed);
        memcpy(seed.header, FLOW_MAGIC "\1\0\1\0\4\3\2\1\0\0\1\0\1", 8 + 4 + 4 + 4 + 1);
    }
    if (seed.chunk_count == 0) {
        seed.chunk_count = 1;
        seed.chunks[0] = (struct seed_chunk){.header = "CHNK\1\0\1\0\1\0\0\0\1\0\0\0\1", .records = pool[0]};
    }
    for (uint32_t i = 1 + below(&m, 4); i > 0; i--) {
        uint32_t kind = below(&m, 32);
        if (kind < 22)
            change_records(&m, &seed);
        else if (kind < 26)
            change_chunk_header(&m, &seed);
        else if (kind < 27)
            change_file_header(&m, &seed);
        else if (kind < 28)
            change_bound(&m, &seed);
        else if (kind < 31)
            change_chunks(&m, &seed);
        else
            change_number(&m, below(&m, 2) ? &seed.lines : &seed.flags, 1);
    }
    if (below(&m, 16) == 0)
        seed.flags ^= SEED_RECOVER;
    if (below(&m, 16) == 0)
        seed.flags ^= SEED_FILTER;
    size = seed_write(&seed, bytes, room < sizeof bytes ? room : sizeof bytes);
    memcpy(data, bytes, size);
    return size;
}

size_t
mutate_cross(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out, size_t room,
             uint64_t random)
{
    static struct seed a, b;
    struct maker m = {.state = random * 0x9e3779b97f4a7c15u | 1};
    if (!seed_read(&a, one, one_size) || !seed_read(&b, other, other_size))
        return 0;
    for (uint32_t i = 0; i < b.chunk_count && a.chunk_count < SEED_CHUNKS_MAX; i++)
        if (below(&m, 2))
            a.chunks[a.chunk_count++] = b.chunks[i];
    for (uint32_t i = a.chunk_count; i > 1; i--)
        if (below(&m, 3) == 0)
            a.chunks[i - 1] = a.chunks[--a.chunk_count];
    return seed_write(&a, out, room);
}
