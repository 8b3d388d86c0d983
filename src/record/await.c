/* await.c - what a suspended coroutine waits for. */
#include <string.h>

#include "recorder.h"

/* A function has few awaits, and often waits in one of them again and again. */
static uint64_t
line_of(struct function *function, PyCodeObject *code, int offset)
{
    uint64_t place = function->await_place;
    if (place >> 32 != (uint64_t)offset) {
        int line = PyCode_Addr2Line(code, offset);
        place = (uint64_t)offset << 32 | (line > 0 ? (uint32_t)line : 0);
        function->await_place = place;
    }
    return (uint32_t)place;
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
