/* await.c - what a suspended coroutine waits for. */
#include <string.h>

#include "recorder.h"

/* A function has few awaits, and often waits in one of them again and again. */
static uint64_t
line_of(struct function *function, PyCodeObject *code, int offset)
{
    if (function->await_offset != offset) {
        int line = PyCode_Addr2Line(code, offset);
        function->await_line = line > 0 ? (uint32_t)line : 0;
        function->await_offset = offset;
    }
    return function->await_line;
}

uint8_t *
await_put(struct thread *thread, uint8_t *p, struct function *function, PyObject *value, PyCodeObject *code, int offset)
{
    struct writer *writer = &thread->writer;
    *p++ = FLOW_VALUE_TUPLE;
    *p++ = 2;
    *p++ = 2;
    *p++ = FLOW_VALUE_INT;
    p = varint_put(p, line_of(function, code, offset) << 1);
    if (value == Py_None) {
        *p++ = FLOW_VALUE_NONE;
        return p;
    }
    char name[sizeof writer->name] = "";
    if (link_is_task(thread->recorder, value))
        link_task_name(thread->recorder, value, name, sizeof name);
    *p++ = name[0] ? FLOW_VALUE_TEXT : FLOW_VALUE_OBJECT;
    p = value_put_type_name(writer, p, Py_TYPE(value));
    return name[0] ? writer_text(p, name, strlen(name)) : p;
}
