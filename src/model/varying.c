#include "varying.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND 1000000000u
#define DAY (86400ull * SECOND)
#define UNTIMED (3600ull * SECOND) /* that a run without times may have taken */
#define ZONES (15 * 3600ull * SECOND) /* that local time may be away from UTC */

/* --- the run ------------------------------------------------------------ */

static int
compare_ids(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static uint64_t
minus(uint64_t time, uint64_t less)
{
    return time > less ? time - less : 0;
}

static uint64_t
plus(uint64_t time, uint64_t more)
{
    return time < UINT64_MAX - more ? time + more : UINT64_MAX;
}

int
varying_open(struct varying *out, const struct model *model)
{
    const struct flow_file_header *header = model->reader->header;
    uint64_t lasted = header->clock == FLOW_CLOCK_NONE ? UNTIMED : 0;
    *out = (struct varying){.ids = malloc((model->process_count + model->track_count + (size_t)1) * sizeof *out->ids)};
    if (!out->ids)
        return -ENOMEM;
    for (uint32_t i = 0; i < model->process_count; i++)
        out->ids[out->id_count++] = model->processes[i].pid;
    for (uint32_t i = 0; i < model->track_count; i++) {
        const struct track *track = &model->tracks[i];
        lasted = track->last_ns > lasted ? track->last_ns : lasted;
        if (track->kind == TRACK_MAIN || track->kind == TRACK_THREAD)
            out->ids[out->id_count++] = track->native_id;
    }
    for (uint32_t i = 0; i < model->process_count; i++) {
        struct slice mode = process_info(&model->processes[i], "mode");
        out->free_threaded |= mode.length && memmem(mode.data, mode.length, "free-threaded", 13);
    }
    qsort(out->ids, out->id_count, sizeof *out->ids, compare_ids);
    out->unix_from = minus(header->start_unix_ns, SECOND);
    out->unix_to = plus(header->start_unix_ns, plus(lasted, SECOND));
    out->mono_from = minus(header->start_mono_ns, SECOND);
    out->mono_to = plus(header->start_mono_ns, plus(lasted, SECOND));
    return 0;
}

void
varying_close(struct varying *varying)
{
    free(varying->ids);
    *varying = (struct varying){0};
}

/* --- numbers ------------------------------------------------------------ */

#define LEAST_ID 100       /* smaller numbers are more likely to count something */
#define LEAST_CLOCK SECOND /* a run that began when the machine did tells nothing */

static bool
is_unix(const struct varying *varying, uint64_t ns)
{
    return ns >= varying->unix_from && ns <= varying->unix_to && varying->unix_from > LEAST_CLOCK;
}

static bool
is_mono(const struct varying *varying, uint64_t ns)
{
    return ns >= varying->mono_from && ns <= varying->mono_to && varying->mono_from > LEAST_CLOCK;
}

/* Where Linux puts heaps and mappings, on x86-64 and on ARM. Objects lie at multiples of 16, threads too. */
static bool
is_address(const struct varying *varying, uint64_t n)
{
    if (n % 16)
        return false;
    if (varying->free_threaded && n >= 0x20000000000 && n < 0x200000000000)
        return true; /* where mimalloc asks for memory */
    return (n >= 0x550000000000 && n < 0x570000000000) || (n >= 0x7e0000000000 && n < 0x800000000000)
           || (n >= 0xaaaa00000000 && n < 0xaaac00000000) || (n >= 0xfff000000000 && n < 0x1000000000000);
}

static bool
is_unit_of(const struct varying *varying, uint64_t number, uint64_t ns)
{
    return number < UINT64_MAX / ns && is_unix(varying, number * ns);
}

enum varying_kind
varying_int(const struct varying *varying, int64_t number)
{
    uint64_t n = (uint64_t)number;
    if (number < LEAST_ID)
        return VARYING_NONE;
    if (bsearch(&n, varying->ids, varying->id_count, sizeof n, compare_ids))
        return VARYING_ID;
    if (is_address(varying, n))
        return VARYING_ADDRESS;
    bool clock = is_mono(varying, n) || is_unix(varying, n) || is_unit_of(varying, n, 1000)
                 || is_unit_of(varying, n, 1000000) || is_unit_of(varying, n, SECOND);
    return clock ? VARYING_CLOCK : VARYING_NONE;
}

enum varying_kind
varying_float(const struct varying *varying, double number)
{
    if (!(number > 1 && number < 1.6e10)) /* NaN too */
        return VARYING_NONE;
    uint64_t ns = (uint64_t)(number * 1e9);
    return is_unix(varying, ns) || is_mono(varying, ns) ? VARYING_CLOCK : VARYING_NONE;
}

/* --- texts -------------------------------------------------------------- */

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
    return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool
is_hex(char c)
{
    return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* As tempfile chooses them. */
static bool
is_random(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_';
}

static size_t
run_of(bool (*is)(char), struct slice text, size_t from)
{
    size_t i = from;
    while (i < text.length && is(text.data[i]))
        i++;
    return i - from;
}

static bool
begins(struct slice text, size_t at, const char *with)
{
    size_t n = strlen(with);
    return at <= text.length && text.length - at >= n && memcmp(text.data + at, with, n) == 0;
}

/* Versions that are made of random numbers or the time, not of a name. */
static bool
is_random_uuid(char version, char variant)
{
    return version && strchr("1467", version) && variant && strchr("89abAB", variant);
}

static size_t
match_uuid(struct slice text, size_t at)
{
    static const uint8_t groups[] = {8, 4, 4, 4, 12};
    size_t i = at;
    size_t digits = run_of(is_hex, text, at);
    if (digits == 32 && text.data[at + 12] == '4' && is_random_uuid('4', text.data[at + 16]))
        return 32;
    for (size_t group = 0; group < sizeof groups; group++) {
        if (run_of(is_hex, text, i) != groups[group])
            return 0;
        i += groups[group];
        if (group + 1 < sizeof groups && (i >= text.length || text.data[i++] != '-'))
            return 0;
    }
    return is_random_uuid(text.data[at + 14], text.data[at + 19]) ? i - at : 0;
}

static size_t
match_address(struct slice text, size_t at)
{
    if (!begins(text, at, "0x"))
        return 0;
    size_t digits = run_of(is_hex, text, at + 2);
    return digits >= 6 && digits <= 16 ? digits + 2 : 0;
}

/* Two digits, at most `most`, between what stands before and behind. */
static bool
two_digits(struct slice text, size_t at, int most, int *out)
{
    if (at > text.length || text.length - at < 2 || !is_digit(text.data[at]) || !is_digit(text.data[at + 1]))
        return false;
    *out = (text.data[at] - '0') * 10 + text.data[at + 1] - '0';
    return *out <= most;
}

static int64_t
days_since_1970(int year, int month, int day)
{
    year -= month <= 2;
    int era = year / 400;
    int of_era = year - era * 400;
    int of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097ll + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "+02:00" or "Z" */
static size_t
match_zone(struct slice text, size_t at)
{
    int part;
    if (begins(text, at, "Z"))
        return 1;
    bool offset = (begins(text, at, "+") || begins(text, at, "-")) && two_digits(text, at + 1, 23, &part)
                  && begins(text, at + 3, ":") && two_digits(text, at + 4, 59, &part);
    return offset ? 6 : 0;
}

/* " 22:19:55.506142+00:00" behind a date; `seconds` of the day. */
static size_t
match_time(struct slice text, size_t at, int *seconds)
{
    int hours, minutes;
    *seconds = 0;
    if (at >= text.length || !strchr(" T", text.data[at]) || !two_digits(text, at + 1, 23, &hours)
        || !begins(text, at + 3, ":") || !two_digits(text, at + 4, 59, &minutes) || !begins(text, at + 6, ":")
        || !two_digits(text, at + 7, 60, seconds))
        return 0;
    *seconds += hours * 3600 + minutes * 60;
    size_t length = 9;
    if (at + length < text.length && strchr(".,", text.data[at + length]))
        length += 1 + run_of(is_digit, text, at + length + 1);
    return length + match_zone(text, at + length);
}

/* A date, and perhaps a time, of the run; in which zone is not known. */
static size_t
match_date(const struct varying *varying, struct slice text, size_t at)
{
    int century, year, month, day, seconds;
    if (run_of(is_digit, text, at) != 4 || !two_digits(text, at, 99, &century) || !two_digits(text, at + 2, 99, &year)
        || !begins(text, at + 4, "-") || !two_digits(text, at + 5, 12, &month) || !begins(text, at + 7, "-")
        || !two_digits(text, at + 8, 31, &day) || century < 19 || century > 21)
        return 0;
    size_t time = match_time(text, at + 10, &seconds);
    uint64_t ns = (uint64_t)(days_since_1970(century * 100 + year, month, day) + 25567) * DAY;
    uint64_t base = 25567 * DAY; /* days from 1900 to 1970: what is earlier than that is no clock's */
    ns += (uint64_t)seconds * SECOND;
    uint64_t slack = ZONES + (time ? 0 : DAY);
    return ns >= base && ns - base + slack >= varying->unix_from && ns - base <= plus(varying->unix_to, slack)
                   && varying->unix_from > LEAST_CLOCK
               ? 10 + time
               : 0;
}

/* tmpobaidcc2 */
static size_t
match_temporary(struct slice text, size_t at)
{
    return begins(text, at, "tmp") && run_of(is_random, text, at) == 11 ? 11 : 0;
}

/* Of /tmp/build-obaidcc2/x the end of the name right under /tmp. */
static bool
find_in_temporary(struct slice text, size_t at, struct varying_part *out)
{
    if (!begins(text, at, "/tmp/"))
        return false;
    size_t begin = at + 5;
    size_t end = begin;
    while (end < text.length
           && (is_random(text.data[end]) || is_alnum(text.data[end]) || text.data[end] == '-' || text.data[end] == '.'))
        end++;
    size_t tail = 0;
    while (tail < 8 && tail < end - begin && is_random(text.data[end - tail - 1]))
        tail++;
    if (tail < 8)
        return false;
    *out = (struct varying_part){end - 8, end, VARYING_TEMPORARY};
    return true;
}

/* Task-12, Thread-3, ThreadPoolExecutor-0_1: as asyncio, threading and their like count. */
static size_t
match_turn(struct slice text, size_t at, size_t *digits)
{
    static const char *const names[] = {"Task-",
                                        "Thread-",
                                        "ThreadPoolExecutor-",
                                        "Process-",
                                        "Dummy-",
                                        "ForkProcess-",
                                        "SpawnProcess-",
                                        "ForkServerProcess-",
                                        "asyncio_",
                                        "ForkPoolWorker-",
                                        "SpawnPoolWorker-",
                                        "QueueFeederThread-",
                                        "ForkServerPoolWorker-"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (begins(text, at, names[i])) {
            *digits = at + strlen(names[i]);
            size_t end = *digits + run_of(is_digit, text, *digits);
            while (end > *digits && end + 1 < text.length && strchr("_:", text.data[end])
                   && is_digit(text.data[end + 1]))
                end += 1 + run_of(is_digit, text, end + 1);
            return end - *digits;
        }
    return 0;
}

/* pytest-12, below pytest-of-somebody */
static size_t
match_pytest(struct slice text, size_t at)
{
    if (at == 0 || text.data[at - 1] != '/' || !begins(text, at, "pytest-"))
        return 0;
    size_t digits = run_of(is_digit, text, at + 7);
    return digits ? 7 + digits : 0;
}

static bool
find_at(const struct varying *varying, struct slice text, size_t at, bool named, struct varying_part *out)
{
    char c = text.data[at];
    size_t length = 0;
    *out = (struct varying_part){.begin = at};
    if (c == '0' && (length = match_address(text, at)))
        out->kind = VARYING_ADDRESS;
    else if (is_hex(c) && (length = match_uuid(text, at)))
        out->kind = VARYING_ID;
    else if (is_digit(c) && (length = match_date(varying, text, at)))
        out->kind = VARYING_CLOCK;
    else if (c == 't' && (length = match_temporary(text, at)))
        out->kind = VARYING_TEMPORARY;
    else if (c == 'p' && (length = match_pytest(text, at)))
        out->kind = VARYING_TEMPORARY;
    else if (named && (length = match_turn(text, at, &out->begin)))
        out->kind = VARYING_TURN;
    out->end = out->begin + length;
    return length > 0;
}

bool
varying_find(const struct varying *varying, struct slice text, size_t from, bool named, struct varying_part *out)
{
    bool inside = from > 0; /* what has been found ends a word */
    for (size_t i = from; i < text.length; i++) {
        bool letter = is_alnum(text.data[i]);
        if (letter && !inside && find_at(varying, text, i, named, out))
            return true;
        if (text.data[i] == '/' && find_in_temporary(text, i, out) && out->begin >= from)
            return true;
        inside = letter;
    }
    return false;
}
