/* rewrite.c - traces that are written anew: recovered. */
#include <errno.h>

#include "../show/show.h"
#include "../trace/varint.h"
#include "binding.h"

#define DAMAGE_SHOWN 10

/* "recovered" and what is missing, as PROCESS has it. How many bytes; 0 if nothing is missing. */
static size_t
encode_losses(uint8_t *out, size_t room, const struct text *losses)
{
    static const char key[] = "recovered";
    size_t length = losses->length < room ? losses->length : room;
    if (!length)
        return 0;
    uint8_t *p = varint_put(out, sizeof key - 1);
    memcpy(p, key, sizeof key - 1);
    p = varint_put(p + sizeof key - 1, length);
    memcpy(p, losses->data, length);
    return (size_t)(p - out) + length;
}

/* 0 or -errno; -EINVAL with a message: nothing can be recovered. */
static int
recover(struct reader *reader, const struct repair *repair, const char *path, struct text *told, char *message,
        size_t message_size)
{
    struct losses losses;
    struct text missing = {0};
    uint8_t texts[RECOVER_TEXTS_MAX];
    bool sound;
    int ret = show_damage(told, reader, DAMAGE_SHOWN, &sound);
    if (ret >= 0)
        ret = recover_measure(reader, &losses);
    if (ret >= 0 && !losses.records) {
        snprintf(message, message_size, "no chunk of it can be read");
        ret = -EINVAL;
    }
    if (ret >= 0) {
        show_losses(&missing, reader, repair, &losses);
        size_t length = encode_losses(texts, sizeof texts - 64, &missing);
        ret = recover_write(reader, path, texts, length);
    }
    if (ret >= 0)
        show_recovered(told, reader, repair, &losses);
    text_free(&missing);
    return ret < 0 ? ret : told->failed ? -ENOMEM : 0;
}

PyObject *
binding_recover(PyObject *module, PyObject *args)
{
    PyObject *in, *out;
    struct reader reader;
    struct repair repair;
    struct text told = {0};
    char message[512] = "";
    if (!PyArg_ParseTuple(args, "O&O&:recover", PyUnicode_FSConverter, &in, PyUnicode_FSConverter, &out))
        return NULL;
    int ret;
    bool opened;
    Py_BEGIN_ALLOW_THREADS
    ret = repair_open(&reader, PyBytes_AS_STRING(in), &repair, message, sizeof message);
    opened = ret >= 0;
    if (opened) {
        message[0] = 0;
        ret = recover(&reader, &repair, PyBytes_AS_STRING(out), &told, message, sizeof message);
        reader_close(&reader);
    }
    Py_END_ALLOW_THREADS
    if (ret == -ENOMEM)
        PyErr_NoMemory();
    else if (ret < 0 && (!opened || ret == -EINVAL || ret == -ENODATA))
        PyErr_Format(binding_types_of(module)->error, "nothing in %s can be recovered: %s", PyBytes_AS_STRING(in),
                     message[0] ? message : "it was cut off meanwhile; try again");
    else if (ret < 0) {
        errno = -ret;
        PyErr_SetFromErrnoWithFilename(PyExc_OSError, PyBytes_AS_STRING(out));
    }
    Py_DECREF(in);
    Py_DECREF(out);
    if (ret < 0)
        text_free(&told);
    return ret < 0 ? NULL : binding_text_bytes(&told);
}
