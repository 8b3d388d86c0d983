/* stress.c - threads that write to one trace, bounded or not, while others read it: for ThreadSanitizer.
 *
 * stress FILE BYTES THREADS RECORDS: BYTES 0 for no bound. Every thread numbers its records; readers check that a
 * thread's records have no hole but where chunks were let go, and that nothing is damaged.
 *
 * ThreadSanitizer tells places apart by their address. So the file is mapped once, and each mmap() of a part of it is
 * given that part (ld --wrap): else two owners of a slot would write to two places, as it sees them.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../src/trace/reader.h"
#include "../../src/trace/writer.h"

#define WHOLE ((size_t)4 << 30)
#define RECORDS_PER_WRITER 3000
#define READERS 2

/* --- one mapping ----------------------------------------------------------- */

void *__real_mmap(void *, size_t, int, int, int, off_t);
int __real_munmap(void *, size_t);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *address, size_t size);

static char *whole;

void *
__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (!(flags & MAP_SHARED) || fd < 0)
        return __real_mmap(address, size, protection, flags, fd, offset);
    if (!whole) /* trace_file_create(), before there are threads */
        whole = __real_mmap(NULL, WHOLE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (whole == MAP_FAILED || (size_t)offset + size > WHOLE) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return whole + offset;
}

int
__wrap_munmap(void *address, size_t size)
{
    bool part = whole && (char *)address >= whole && (char *)address < whole + WHOLE;
    return part ? 0 : __real_munmap(address, size);
}

/* --- writers ---------------------------------------------------------------- */

static struct trace_file *file;
static const char *path;
static unsigned records_wanted;
static _Atomic uint32_t next_thread;
static _Atomic unsigned writing;
static _Atomic uint64_t reads, records_read;

static void
fail(const char *what, uint64_t number)
{
    printf("%s: %" PRIu64 "\n", what, number);
    exit(1);
}

static void
write_record(struct writer *writer, const struct writer_code *code, uint64_t number)
{
    uint8_t *p = writer_begin(writer, FLOW_CALL);
    if (!p)
        fail("no room for a record", (uint64_t)writer->error);
    p = writer_code(writer, p, code);
    writer->calls++;
    writer_commit(writer, p);
    p = writer_begin(writer, FLOW_RETURN_VALUE);
    *p++ = FLOW_VALUE_INT;
    p = varint_put(p, number << 1);
    writer_commit(writer, p);
}

static void *
write_all(void *name)
{
    struct writer_code code = {.number = 0, .first_line = 1, .qualname = name, .module = "stress", .file = "stress.c"};
    struct writer writer;
    for (unsigned i = 0; i < records_wanted; i++) {
        if (i % RECORDS_PER_WRITER == 0) {
            if (i)
                writer_close(&writer);
            if (writer_init(&writer, file, 1, (uint32_t)getpid(), 1 + atomic_fetch_add(&next_thread, 1)) < 0)
                fail("no writer", i);
        }
        write_record(&writer, &code, i);
    }
    writer_close(&writer);
    atomic_fetch_sub(&writing, 1);
    return NULL;
}

/* --- readers ----------------------------------------------------------------- */

static void
read_stream(struct reader *reader, uint32_t stream)
{
    struct cursor cursor;
    struct record record;
    bool first = true;
    uint64_t last = 0;
    cursor_open(&cursor, reader, stream);
    for (;;) {
        if (cursor_next(&cursor, &record) != 1)
            break;
        first |= cursor.gap;
        if (record.type == FLOW_CALL
            && (record.code->qualname.length < 7 || memcmp(record.code->qualname.data, "thread", 6)))
            fail("a function is torn", record.code->number);
        if (record.type != FLOW_RETURN_VALUE)
            continue;
        struct value_head head;
        if (value_read(reader, &record.values, &head) < 0 || head.tag != FLOW_VALUE_INT)
            fail("a value is torn", last);
        if (!first && (uint64_t)head.integer != last + 1)
            fail("a hole after", last);
        last = (uint64_t)head.integer;
        first = false;
        atomic_fetch_add_explicit(&records_read, 1, memory_order_relaxed);
    }
}

static void
read_once(void)
{
    struct reader reader;
    char message[256] = "";
    if (reader_open(&reader, path, message, sizeof message) < 0)
        fail(message, 0);
    for (uint32_t i = 0; i < reader.stream_count; i++)
        read_stream(&reader, i);
    if (reader.damaged > reader.cut_off)
        fail("chunks are damaged", reader.damaged);
    reader_close(&reader);
    atomic_fetch_add(&reads, 1);
}

static void *
read_all(void *context)
{
    while (atomic_load(&writing))
        read_once();
    return context;
}

int
main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    path = argv[1];
    struct trace_settings settings = {.values = true, .time = true, .last = strtoull(argv[2], NULL, 10)};
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    records_wanted = (unsigned)strtoul(argv[4], NULL, 10);
    if (trace_file_create(&file, path, &settings) < 0 || count > 1000)
        fail("can't create the file", (uint64_t)errno);
    pthread_t threads[1000 + READERS];
    static char names[1000][16];
    atomic_store(&writing, count);
    for (unsigned i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "thread%u", i);
        pthread_create(&threads[i], NULL, write_all, names[i]);
    }
    for (unsigned i = 0; i < READERS; i++)
        pthread_create(&threads[count + i], NULL, read_all, NULL);
    for (unsigned i = 0; i < count + READERS; i++)
        pthread_join(threads[i], NULL);
    read_once();
    const struct flow_bound *bound = file->bound;
    printf("%u threads, %u records each: read %" PRIu64 " times, %" PRIu64 " records; let go %" PRIu64
           " chunks, %" PRIu64 " calls without a place\n",
           count, records_wanted, atomic_load(&reads), atomic_load(&records_read),
           bound ? atomic_load(&bound->chunks_let_go) : 0, bound ? atomic_load(&bound->calls_unplaced) : 0);
    trace_file_close(file);
    return 0;
}
