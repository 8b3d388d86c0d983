/* tell.c - what every view of one trace does: open, filter, tell, close. */
#include "tell.h"

#include <errno.h>

PyObject *
binding_tell(PyObject *module, PyObject *path, uint64_t newest, PyObject *filters, const struct binding_view *view)
{
    const struct binding_types *types = binding_types_of(module);
    struct reader reader;
    struct model model;
    struct text text = {0};
    if (binding_load_filtered(types, &reader, &model, PyBytes_AS_STRING(path), newest, filters) < 0)
        return NULL;
    int ret = 0;
    int prepared = view->prepare ? view->prepare(types, &reader, &model, &text, view->context) : 0;
    Py_BEGIN_ALLOW_THREADS
    if (prepared == 0 && (view->tells_nothing || !binding_nothing_left(&model, &text)))
        ret = view->tell(&text, &model, view->context);
    text.failed |= ret < 0 && ret != -ERANGE;
    model_free(&model);
    reader_close(&reader);
    Py_END_ALLOW_THREADS
    if (prepared < 0) {
        text_free(&text);
        return NULL;
    }
    if (ret != -ERANGE)
        return binding_text_bytes(&text);
    PyObject *message = binding_text_str(&text);
    if (message)
        PyErr_SetObject(types->error, message);
    Py_XDECREF(message);
    return NULL;
}
