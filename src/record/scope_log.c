#include "scope_log.h"

#include <stdlib.h>
#include <string.h>

#include "../trace/array.h"
#include "recorder.h"

#define TEXT_MAX 1024
#define FINDING_MAX (2 * TEXT_MAX + 4 * VARINT_MAX)

static uint32_t
hash_of(const char *text, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static bool
is_known(const struct scope_log *log, const char *module, size_t length, uint32_t hash, bool in)
{
    for (size_t i = log->count; i-- > 0;) {
        const struct scope_finding *finding = &log->findings[i];
        if (finding->hash == hash && finding->verdict.in == in && strncmp(finding->module, module, length) == 0
            && finding->module[length] == '\0')
            return true;
    }
    return false;
}

static bool
make_room(struct scope_log *log)
{
    void *findings = log->findings;
    bool made = array_make_room(&findings, log->count, &log->room, sizeof *log->findings);
    log->findings = findings;
    return made;
}

void
scope_log_add(struct scope_log *log, const char *module, struct scope_verdict verdict)
{
    size_t length = strcspn(module, ".");
    uint32_t hash = hash_of(module, length);
    if (!length || log->count >= SCOPE_LOG_MAX || is_known(log, module, length, hash, verdict.in) || !make_room(log))
        return;
    char *copy = strndup(module, length);
    if (copy)
        log->findings[log->count++] = (struct scope_finding){copy, hash, verdict};
}

static uint8_t *
put_text(uint8_t *p, const char *text)
{
    return writer_name(p, strlen(text) < TEXT_MAX ? text : ""); /* half a name would name another */
}

static uint8_t *
put_finding(uint8_t *p, const struct scope_finding *finding)
{
    p = varint_put(p, finding->verdict.in);
    p = varint_put(p, finding->verdict.why);
    p = put_text(p, finding->module);
    return put_text(p, finding->verdict.what);
}

void
scope_log_write(struct recorder *recorder, bool in_use)
{
    struct scope_log *log = &recorder->scope_log;
    if (log->written == log->count || !recorder->recording || recorder->forked)
        return;
    struct thread *thread = in_use ? thread_get(recorder) : thread_known(recorder);
    if (!thread || thread->busy || (!COMPAT_FREE_THREADED && thread->session != recorder->session))
        return;
    __atomic_store_n(&thread->busy, true, __ATOMIC_RELAXED); /* whoever stops the recording waits for us */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (recorder->recording && thread->session != recorder->session)
        thread_renew(thread);
    for (; recorder->recording && log->written < log->count; log->written++) {
        uint8_t payload[FINDING_MAX];
        uint8_t *end = put_finding(payload, &log->findings[log->written]);
        if (writer_extended(&thread->writer, FLOW_EXTENDED_SCOPE, payload, (size_t)(end - payload)) < 0)
            break;
    }
    __atomic_store_n(&thread->busy, false, __ATOMIC_RELEASE);
}

uint8_t *
scope_log_put(struct scope_log *log, uint8_t *p, const uint8_t *end)
{
    for (; log->written < log->count && end - p > FINDING_MAX + 3 * VARINT_MAX; log->written++) {
        uint8_t payload[FINDING_MAX];
        size_t length = (size_t)(put_finding(payload, &log->findings[log->written]) - payload);
        p = writer_put_extended(p, FLOW_EXTENDED_SCOPE, payload, length);
    }
    return p;
}

void
scope_log_clear(struct scope_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        free(log->findings[i].module);
    free(log->findings);
    *log = (struct scope_log){0};
}
