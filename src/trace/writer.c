#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "chunk.h"

#define STRING_SLOTS 8
#define STRING_INTERNED_MAX 255 /* longer ones are rarely repeated */
#define UNPLACED_MAX 4096       /* bytes until a thread without a slot asks for one again */

/* --- a thread's writer -------------------------------------------------- */

/* Makes the next writer_begin() take the slow way. */
static void
detach(struct writer *writer)
{
    writer->chunk = NULL;
    writer->base = NULL;
    writer->limit = (uint8_t *)0;
    writer->p = (uint8_t *)1;
}

int
writer_init(struct writer *writer, struct trace_file *file, uint32_t process, uint32_t pid, uint32_t thread)
{
    *writer = (struct writer){
        .file = file, .clock = file->header->clock, .process = process, .pid = pid, .thread = thread};
    detach(writer);
    writer->strings = calloc(WRITER_STRINGS, sizeof *writer->strings);
    writer->error = writer->strings ? 0 : ENOMEM;
    return -writer->error;
}

/* A record was longer than WRITER_RECORD_MAX: a fault of ours. */
static bool
overran(const struct writer *writer)
{
    return writer->chunk && writer->p > writer->limit + WRITER_RECORD_MAX;
}

static void
seal(struct writer *writer, uint32_t flags)
{
    struct flow_chunk_header *chunk = writer->chunk;
    if (!chunk)
        return;
    writer_tie(writer, 0);
    atomic_store_explicit(&chunk->flags, FLOW_CHUNK_SEALED | flags, memory_order_release);
    size_t used = (size_t)(writer->p - writer->base);
    size_t size = (size_t)writer->place.units * FLOW_UNIT_SIZE;
    if (!writer->place.slot || used < size / 2) /* the blocks of a slot that is full will be needed again soon */
        chunk_give_back_tail(chunk, writer->place.units, used);
    if (writer->unplaced)
        bound_count_unplaced(writer->file, writer->calls - chunk->calls_before);
    chunk_unmap(chunk, &writer->place);
    bound_seal(writer->file, &writer->place);
    detach(writer);
}

/* Each chunk keeps room for this at its end: on a full disk there is no other place to say it. */
int
writer_lose(struct writer *writer, int error, const char *reason)
{
    bool said = writer->chunk && !overran(writer);
    if (said) {
        writer_commit(writer, chunk_put_lost(writer->p, reason));
        said = !chunk_is_gone(writer->chunk);
    }
    seal(writer, 0);
    writer->error = error;
    return said ? 0 : -ENOENT;
}

void
writer_close(struct writer *writer)
{
    seal(writer, FLOW_CHUNK_LAST);
    free(writer->strings);
    free(writer->codes);
    writer->strings = NULL;
    writer->codes = NULL;
    writer->code_room = 0;
    writer->error = EBADF;
}

void
writer_forget(struct writer *writer)
{
    if (writer->chunk)
        chunk_unmap(writer->chunk, &writer->place);
    free(writer->strings);
    free(writer->codes);
    *writer = (struct writer){.error = EBADF};
    detach(writer);
}

void
writer_tie(struct writer *writer, uint64_t ticks)
{
    struct clock_reading now = clock_read(writer->clock);
    writer->tie_due = (ticks > now.ticks ? ticks : now.ticks) + WRITER_TIE_TICKS;
    atomic_store_explicit(&writer->chunk->last_ticks, now.ticks, memory_order_relaxed);
    atomic_store_explicit(&writer->chunk->last_ns, now.mono_ns, memory_order_release);
    atomic_store_explicit(&writer->chunk->calls, writer->calls - writer->chunk->calls_before, memory_order_relaxed);
}

static void
write_thread(struct writer *writer)
{
    uint8_t payload[2 * VARINT_MAX + VARINT_MAX + sizeof writer->name];
    uint8_t *p = varint_put(payload, writer->native_id);
    p = varint_put(p, writer->is_main);
    p = writer_name(p, writer->name);
    writer_extended(writer, FLOW_EXTENDED_THREAD, payload, (size_t)(p - payload));
}

static size_t
size_when_defined(const struct writer_code *code)
{
    size_t size = 64 + strlen(code->qualname) + strlen(code->module) + strlen(code->file);
    for (uint32_t i = 0; i < code->parameter_count; i++)
        size += 3 + strlen(code->parameters[i].name);
    return size;
}

/* The innermost running calls that fit in half the chunk, outermost first. */
static void
write_open_calls(struct writer *writer, const struct writer_open_call *calls, size_t count)
{
    size_t room = writer->limit > writer->p ? (size_t)(writer->limit - writer->p) / 2 : 0;
    size_t first = count;
    while (first > 0 && count - first < FLOW_OPEN_MAX) {
        size_t size = size_when_defined(calls[first - 1].code);
        if (size > room)
            break;
        room -= size;
        first--;
    }
    for (size_t i = first; i < count; i++) {
        const struct writer_open_call *call = &calls[i];
        uint8_t *p = varint_put(writer->p, FLOW_OPEN);
        p = writer_code(writer, p, call->code);
        if (call->code->flags & FLOW_CODE_SUSPENDS)
            p = varint_put(p, call->generator);
        uint64_t first_ticks = writer->chunk->first_ticks;
        p = varint_put(p, first_ticks > call->start_ticks ? first_ticks - call->start_ticks : 0);
        p = varint_put(p, call->ordinal);
        writer_commit(writer, p);
    }
}

static void
enter_chunk(struct writer *writer, struct flow_chunk_header *chunk, const struct place *place)
{
    const struct writer_open_call *open = NULL;
    size_t open_count = writer->open_calls ? writer->open_calls(writer->context, &open) : 0;
    struct clock_reading now = clock_read(writer->clock);
    /* Time must not run backwards from one chunk to the next. */
    if (now.ticks < writer->last_ticks)
        now.ticks = writer->last_ticks;
    chunk->process = writer->process;
    chunk->pid = writer->pid;
    chunk->thread = writer->thread;
    chunk->sequence = writer->sequence++;
    chunk->calls_before = writer->calls;
    chunk->open_calls = (uint32_t)open_count;
    chunk->lost_before = (uint32_t)writer->lost;
    chunk_begin(chunk, FLOW_CHUNK_EVENTS, place, &now);
    writer->chunk = chunk;
    writer->place = *place;
    writer->base = (uint8_t *)chunk;
    writer->p = writer->base + sizeof *chunk;
    writer->limit = writer->base + (size_t)place->units * FLOW_UNIT_SIZE - WRITER_RECORD_MAX - CHUNK_LOST_MAX;
    if (writer->unplaced && writer->limit > writer->p + UNPLACED_MAX)
        writer->limit = writer->p + UNPLACED_MAX;
    writer->last_ticks = now.ticks;
    writer->tie_due = now.ticks + WRITER_TIE_TICKS;
    writer->epoch++;
    writer->string_count = writer->code_count = writer->shape_count = 0;
    write_thread(writer);
    if (writer->greenlet)
        writer_greenlet(writer, writer->greenlet, 0, NULL, false);
    if (writer->begun)
        writer->begun(writer->context);
    write_open_calls(writer, open, open_count);
}

/* Where living owners hold all slots, the one that is full may go first: what runs is told again in the next. A thread
 * that has none writes for nobody, and asks again after a while. */
static int
claim(struct writer *writer, struct flow_chunk_header **out, struct place *place)
{
    uint32_t units = writer->sequence == 0 ? 1 : writer->sequence == 1 ? 2 : WRITER_UNITS_MAX;
    if (writer->file->slot_units)
        units = writer->file->slot_units;
    int ret = chunk_claim(writer->file, FLOW_CHUNK_EVENTS, units, false, out, place);
    if (ret == -EAGAIN && writer->chunk && !writer->unplaced) {
        seal(writer, 0);
        ret = chunk_claim(writer->file, FLOW_CHUNK_EVENTS, units, false, out, place);
    }
    bool unplaced = ret == -EAGAIN;
    if (unplaced)
        ret = chunk_unplaced(out, place);
    if (ret == 0) {
        seal(writer, 0);
        writer->unplaced = unplaced;
    }
    return ret;
}

/* errno is the program's. */
int
writer_next_chunk(struct writer *writer)
{
    if (writer->error)
        return -writer->error;
    int before = errno;
    struct flow_chunk_header *chunk;
    struct place place;
    int ret = 0;
    if (overran(writer))
        ret = -EOVERFLOW;
    else if (writer->chunk && chunk_is_gone(writer->chunk))
        ret = -ENODATA;
    else
        ret = claim(writer, &chunk, &place);
    if (ret == 0)
        enter_chunk(writer, chunk, &place);
    else if (writer->failed)
        writer->failed(writer->context, -ret);
    if (ret < 0 && !writer->error)
        writer_lose(writer, -ret, strerror(-ret));
    errno = before;
    return ret;
}

void
writer_open_calls(struct writer *writer)
{
    const struct writer_open_call *open = NULL;
    size_t count = writer->open_calls && writer->chunk ? writer->open_calls(writer->context, &open) : 0;
    write_open_calls(writer, open, count);
}

/* --- fields ------------------------------------------------------------- */

static inline uint64_t
mix(uint64_t word)
{
    word *= 0x9e3779b97f4a7c15u;
    return word ^ word >> 32;
}

static inline uint64_t
load_8(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

static inline uint32_t
load_4(const char *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* All of fewer than 8 bytes; the loads of 4 may overlap. */
static inline uint64_t
load_short(const char *data, size_t length)
{
    if (length >= 4)
        return (uint64_t)load_4(data) << 32 | load_4(data + length - 4);
    if (length == 0)
        return 0;
    return (uint64_t)(uint8_t)data[0] << 16 | (uint64_t)(uint8_t)data[length / 2] << 8 | (uint8_t)data[length - 1];
}

static uint64_t
hash_bytes(const char *data, size_t length)
{
    if (length < 8)
        return mix(load_short(data, length) ^ length << 56);
    uint64_t hash = length;
    for (size_t i = 0; i + 8 < length; i += 8)
        hash = mix(hash ^ load_8(data + i));
    return mix(hash ^ load_8(data + length - 8));
}

uint8_t *
writer_text(uint8_t *p, const char *data, size_t length)
{
    p = varint_put(p, length);
    memcpy(p, data, length);
    return p + length;
}

uint8_t *
writer_put_extended(uint8_t *p, enum flow_extended subtype, const uint8_t *payload, size_t length)
{
    p = varint_put(varint_put(varint_put(p, FLOW_EXTENDED), subtype), length);
    memmove(p, payload, length);
    return p + length;
}

static uint8_t *
put_slice(uint8_t *p, struct slice slice)
{
    return writer_text(p, slice.length ? slice.data : "", slice.length);
}

/* No second copy of it on a stack that may be small. */
uint8_t *
writer_put_source(uint8_t *p, struct slice file, struct slice path, uint64_t size, int64_t mtime_ns, struct slice hash)
{
    uint8_t *payload = p + WRITER_EXTENDED_HEAD;
    uint8_t *end = put_slice(put_slice(payload, file), path);
    end = varint_put(varint_put(end, size), varint_zigzag(mtime_ns));
    end = put_slice(end, hash);
    return writer_put_extended(p, FLOW_EXTENDED_SOURCE, payload, (size_t)(end - payload));
}

/* A few slots in a row may hold it. NULL: none does. */
static struct writer_string *
slot_of_string(const struct writer *writer, uint64_t hash, const char *data, size_t length)
{
    for (uint64_t i = hash; i < hash + STRING_SLOTS; i++) {
        struct writer_string *slot = &writer->strings[i % WRITER_STRINGS];
        if (slot->epoch != writer->epoch)
            return NULL;
        if (slot->hash == hash && slot->length == length && memcmp(writer->base + slot->offset, data, length) == 0)
            return slot;
    }
    return NULL;
}

uint32_t
writer_find_string(const struct writer *writer, const char *data, size_t length)
{
    const struct writer_string *slot = slot_of_string(writer, hash_bytes(data, length), data, length);
    return slot ? slot->number : 0;
}

/* Takes over the first slot that does not hold, or the last: a string that loses its own is just defined again at its
 * next use. */
static void
remember_string(struct writer *writer, uint64_t hash, size_t length, const uint8_t *end)
{
    struct writer_string *slot = NULL;
    for (uint64_t i = hash; i < hash + STRING_SLOTS; i++) {
        slot = &writer->strings[i % WRITER_STRINGS];
        if (slot->epoch != writer->epoch)
            break;
    }
    *slot = (struct writer_string){hash, writer->epoch, (uint32_t)(end - length - writer->base), (uint32_t)length,
                                   writer->string_count};
}

uint8_t *
writer_string(struct writer *writer, uint8_t *p, const char *data, size_t length)
{
    uint64_t hash = hash_bytes(data, length);
    const struct writer_string *known = slot_of_string(writer, hash, data, length);
    if (known)
        return varint_put(p, known->number);
    *p++ = 0;
    p = writer_text(p, data, length);
    writer->string_count++;
    if (length <= STRING_INTERNED_MAX)
        remember_string(writer, hash, length, p);
    return p;
}

static bool
make_code_room(struct writer *writer, uint32_t slot)
{
    if (slot < writer->code_room)
        return true;
    uint32_t room = writer->code_room ? writer->code_room : 256;
    while (room <= slot)
        room *= 2;
    void *grown = realloc(writer->codes, room * sizeof *writer->codes);
    if (!grown)
        return false;
    writer->codes = grown;
    memset(writer->codes + writer->code_room, 0, (room - writer->code_room) * sizeof *writer->codes);
    writer->code_room = room;
    return true;
}

#define NAME_MAX_BYTES 2304 /* more than any that is recorded */

struct slice
writer_name_bytes(char *room, size_t size, const char *name)
{
    size_t length = strlen(name);
    if (!strstr(name, "\xc0\x80") || length > size)
        return (struct slice){name, length};
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        bool nul = (uint8_t)name[i] == 0xc0 && (uint8_t)name[i + 1] == 0x80;
        room[n++] = nul ? '\0' : name[i];
        i += nul;
    }
    return (struct slice){room, n};
}

uint8_t *
writer_name(uint8_t *p, const char *name)
{
    char room[NAME_MAX_BYTES];
    struct slice bytes = writer_name_bytes(room, sizeof room, name);
    return writer_text(p, bytes.data, bytes.length);
}

static uint8_t *
put_name(struct writer *writer, uint8_t *p, const char *name)
{
    char room[NAME_MAX_BYTES];
    struct slice bytes = writer_name_bytes(room, sizeof room, name);
    return writer_string(writer, p, bytes.data, bytes.length);
}

uint8_t *
writer_define_code(struct writer *writer, uint8_t *p, const struct writer_code *code)
{
    uint32_t slot = code->number & (WRITER_CODES - 1);
    writer->code_count++;
    if (make_code_room(writer, slot)) /* else it is defined again at its next use */
        writer->codes[slot] = (struct writer_defined){writer->epoch, code->number, writer->code_count};
    *p++ = 0;
    p = varint_put(p, code->flags);
    p = varint_put(p, code->number);
    p = put_name(writer, p, code->qualname);
    p = put_name(writer, p, code->module);
    p = put_name(writer, p, code->file);
    p = varint_put(p, code->first_line);
    p = varint_put(p, code->parameter_count);
    for (uint32_t i = 0; i < code->parameter_count; i++) {
        p = put_name(writer, p, code->parameters[i].name);
        *p++ = code->parameters[i].kind;
    }
    return p;
}

void
writer_code_free(struct writer_code *code)
{
    for (uint32_t i = 0; i < code->parameter_count; i++)
        free(code->parameters[i].name);
    free(code->parameters);
    free(code->qualname);
    free(code->module);
    free(code->file);
}

int
writer_extended(struct writer *writer, enum flow_extended subtype, const uint8_t *payload, size_t length)
{
    if (length > WRITER_RECORD_MAX - 4 * VARINT_MAX)
        return -E2BIG;
    uint8_t *p = writer_begin(writer, FLOW_EXTENDED);
    if (!p)
        return -writer->error;
    p = varint_put(p, subtype);
    p = writer_text(p, (const char *)payload, length);
    writer_commit(writer, p);
    return 0;
}

int
writer_greenlet(struct writer *writer, uint64_t greenlet, uint64_t by, const char *name, bool hub)
{
    uint8_t payload[4 * VARINT_MAX + sizeof writer->name];
    if (name)
        snprintf(writer->greenlet_name, sizeof writer->greenlet_name, "%s", name);
    name = by || writer->file->slot_units ? writer->greenlet_name : ""; /* else it has been told */
    uint8_t *p = varint_put(payload, greenlet);
    p = varint_put(p, by);
    p = writer_name(p, name);
    p = varint_put(p, hub);
    writer->greenlet = greenlet;
    return writer_extended(writer, FLOW_EXTENDED_GREENLET, payload, (size_t)(p - payload));
}
