/* value_container.c - lists, tuples, sets, dicts: a bounded number of what they hold. */
#include "secret.h"
#include "value_parts.h"

#define ITEMS_MAX 0x7f /* their number takes one byte */

Py_ssize_t
value_count_shown(const struct value_encoder *encoder, const uint8_t *p, Py_ssize_t length)
{
    Py_ssize_t most = encoder->settings.items < ITEMS_MAX ? (Py_ssize_t)encoder->settings.items : ITEMS_MAX;
    if (p >= encoder->end)
        return 0;
    return length < most ? length : most;
}

/* ["--token", "hunter2"]: what a command is started with. */
static inline bool
is_secret_option(struct value_encoder *encoder, PyObject *item)
{
    return PyUnicode_CheckExact(item) && PyUnicode_GET_LENGTH(item) > 1 && PyUnicode_READ_CHAR(item, 0) == '-'
           && secret_is_key(encoder->names, item);
}

/* Past the depth limit a container keeps its length and shows nothing. */
uint8_t *
value_put_items(struct value_encoder *encoder, uint8_t *p, PyObject *owner, PyObject *const *items, Py_ssize_t length)
{
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (length == 0 || !value_enter(encoder, owner))
        return p;
    Py_ssize_t n = value_count_shown(encoder, p, length);
    bool secret = false;
    for (; *count < n && p < encoder->end; ++*count) {
        PyObject *item = items[*count];
        p = secret ? secret_put(encoder, p, item) : value_put(encoder, p, item);
        secret = is_secret_option(encoder, item);
    }
    encoder->depth--;
    return p;
}

uint8_t *
value_put_list(struct value_encoder *encoder, uint8_t *p, PyObject *list)
{
    *p++ = FLOW_VALUE_LIST;
    struct list_walk walk;
    list_walk_begin(&walk, list, value_count_shown(encoder, p, WALK_MAX));
    p = value_put_items(encoder, p, list, walk.items, walk.length);
    list_walk_end(&walk);
    return p;
}

/* ("password", "hunter2"): items of a dict, headers. */
static uint8_t *
put_secret_pair(struct value_encoder *encoder, uint8_t *p, PyObject *pair)
{
    *p++ = 2;
    bool shown = encoder->settings.items >= 2 && value_enter(encoder, pair);
    *p++ = shown ? 2 : 0;
    if (!shown)
        return p;
    p = value_put(encoder, p, PyTuple_GET_ITEM(pair, 0));
    p = secret_put(encoder, p, PyTuple_GET_ITEM(pair, 1));
    encoder->depth--;
    return p;
}

uint8_t *
value_put_tuple(struct value_encoder *encoder, uint8_t *p, PyObject *tuple)
{
    *p++ = FLOW_VALUE_TUPLE;
    if (PyTuple_GET_SIZE(tuple) == 2 && secret_is_key(encoder->names, PyTuple_GET_ITEM(tuple, 0)))
        return put_secret_pair(encoder, p, tuple);
    return value_put_items(encoder, p, tuple, ((PyTupleObject *)tuple)->ob_item, PyTuple_GET_SIZE(tuple));
}

uint8_t *
value_put_iterated(struct value_encoder *encoder, uint8_t *p, enum flow_value tag, PyObject *container,
                   Py_ssize_t length, getiterfunc iterate)
{
    *p++ = (uint8_t)tag;
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (length == 0 || !value_enter(encoder, container))
        return p;
    PyObject *iterator = iterate(container);
    Py_ssize_t n = value_count_shown(encoder, p, length);
    PyObject *item;
    while (iterator && *count < n && p < encoder->end && (item = Py_TYPE(iterator)->tp_iternext(iterator))) {
        p = value_put(encoder, p, item);
        Py_DECREF(item);
        ++*count;
    }
    Py_XDECREF(iterator);
    PyErr_Clear();
    encoder->depth--;
    return p;
}

uint8_t *
value_put_set(struct value_encoder *encoder, uint8_t *p, PyObject *set, enum flow_value tag)
{
    return value_put_iterated(encoder, p, tag, set, PySet_GET_SIZE(set), PySet_Type.tp_iter);
}

enum dict_part { KEYS = 1, VALUES = 2 };

static uint8_t *
put_entry(struct value_encoder *encoder, uint8_t *p, PyObject *key, PyObject *value)
{
    p = value_put(encoder, p, key);
    return secret_is_key(encoder->names, key) ? secret_put(encoder, p, value) : value_put(encoder, p, value);
}

static uint8_t *
put_part(struct value_encoder *encoder, uint8_t *p, PyObject *key, PyObject *value, unsigned parts)
{
    if (parts == (KEYS | VALUES))
        return put_entry(encoder, p, key, value);
    if (parts & KEYS)
        return value_put(encoder, p, key);
    return secret_is_key(encoder->names, key) ? secret_put(encoder, p, value) : value_put(encoder, p, value);
}

static uint8_t *
put_entries(struct value_encoder *encoder, uint8_t *p, PyObject *dict, unsigned parts)
{
    Py_ssize_t length = compat_dict_length(dict);
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (length == 0 || !value_enter(encoder, dict))
        return p;
    Py_ssize_t n = value_count_shown(encoder, p, length);
    struct dict_walk walk;
    PyObject *key, *value;
    dict_walk_begin(&walk, dict, n);
    for (; p < encoder->end && dict_walk_next(&walk, &key, &value); ++*count)
        p = put_part(encoder, p, key, value, parts);
    dict_walk_end(&walk);
    encoder->depth--;
    return p;
}

uint8_t *
value_put_dict(struct value_encoder *encoder, uint8_t *p, PyObject *dict)
{
    *p++ = FLOW_VALUE_DICT;
    return put_entries(encoder, p, dict, KEYS | VALUES);
}

uint8_t *
value_put_dict_by(struct value_encoder *encoder, uint8_t *p, PyObject *dict, getiterfunc iterate)
{
    Py_ssize_t length = compat_dict_length(dict);
    *p++ = FLOW_VALUE_DICT;
    p = varint_put(p, (uint64_t)length);
    uint8_t *count = p;
    *p++ = 0;
    if (length == 0 || !value_enter(encoder, dict))
        return p;
    PyObject *iterator = iterate(dict);
    Py_ssize_t n = value_count_shown(encoder, p, length);
    PyObject *key;
    while (iterator && *count < n && p < encoder->end && (key = Py_TYPE(iterator)->tp_iternext(iterator))) {
        PyObject *value = PyDict_GetItemWithError(dict, key); /* Borrowed */
        if (value) {
            p = put_entry(encoder, p, key, value);
            ++*count;
        }
        Py_DECREF(key);
    }
    Py_XDECREF(iterator);
    PyErr_Clear();
    encoder->depth--;
    return p;
}

uint8_t *
value_put_dict_part(struct value_encoder *encoder, uint8_t *p, PyObject *dict, bool keys)
{
    *p++ = FLOW_VALUE_LIST;
    return put_entries(encoder, p, dict, keys ? KEYS : VALUES);
}
