/* interpreter.c - what runs in a sub-interpreter has been called from another one, in the same thread. */
#include <string.h>

#include "recorder.h"

/* Does this state tell, in the same trace, where the thread comes from? With recorders_lock(): what its recorder
 * has closed by then is not looked at, and it can't close what is looked at. */
static bool
is_host(const struct thread *host, const struct thread *thread)
{
    const struct recorder *recorder = host->recorder;
    if (!recorder || !host->writer.strings || host->session != recorder->session || !(host->depth || host->origin))
        return false;
    return memcmp(host->writer.file->header->trace_id, thread->writer.file->header->trace_id,
                  sizeof thread->writer.file->header->trace_id)
           == 0;
}

/* The recorder that this thread was last in is the first behind ours. */
static bool
find_host(const struct thread *thread, struct link_record *out)
{
    recorders_lock();
    const struct thread *host = thread->sibling;
    while (host && !is_host(host, thread))
        host = host->sibling;
    if (host)
        *out = (struct link_record){
            .subtype = FLOW_EXTENDED_ORIGIN,
            .kind = host->depth ? FLOW_SPAWN_INTERPRETER : host->origin_kind,
            .id = host->depth ? host->writer.thread : host->origin,
            .via = host->writer.process,
        };
    recorders_unlock();
    return host != NULL;
}

void
interpreter_begin_root(struct thread *thread)
{
    struct link_record link = {.subtype = FLOW_EXTENDED_ORIGIN, .kind = FLOW_SPAWN_INTERPRETER};
    if (thread->origin)
        return;
    bool found = find_host(thread, &link);
    if (found || thread->hosted)
        link_write(thread, link, "");
    thread->hosted = found;
}
