#include <errno.h>
#include <string.h>

#include "recorder.h"

const char *
fault_reason(int error)
{
    switch (error) {
    case ENOMEM: return "out of memory";
    case EOVERFLOW: return "a fault of FlowTrace's: a record was too long";
    case EINVAL: return "something else wrote to the trace";
    case ENOBUFS: return "the trace is as long as --limit allows";
    case ENODATA: return "the trace was cut off while it was recorded";
    case ENOENT:
    case EBADF: return "the trace was closed and is no longer at its place";
    default: return strerror(error);
    }
}

void
recorder_fault(struct recorder *recorder, struct thread *thread, int error)
{
    if (recorder->failed || !recorder->file)
        return;
    recorder->failed = true;
    recorder->recording = false;
    const char *reason = fault_reason(error);
    bool said = (thread && writer_lose(&thread->writer, error, reason) == 0)
                || trace_file_lose(recorder->file, reason) == 0;
    recorder->unsaid = said ? 0 : error;
}
