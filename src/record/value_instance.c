/* value_instance.c - what the user's own objects hold. Those of a library show their type:
 * what they hold tells of the library. */
#include <string.h>

#include "instance.h"
#include "recorder.h"
#include "secret.h"
#include "value_parts.h"

#define FIELDS_MAX 32
#define MODULE_BYTES 255

/* A thread's own names borrow what the recorder's own. */
void
value_names_keep(struct value_names *names, PyObject **slot, PyObject *type)
{
#ifdef Py_GIL_DISABLED
    struct recorder *recorder = names->recorder;
    PyObject **shared = (PyObject **)((char *)&recorder->names + ((char *)slot - (char *)names));
    compat_lock(&recorder->names_lock);
    PyObject *surplus = *shared ? type : NULL;
    if (!*shared)
        *shared = type;
    *slot = *shared;
    compat_unlock(&recorder->names_lock);
    Py_XDECREF(surplus);
#else
    (void)names;
    *slot = type;
#endif
}

/* The file of a module that the program has imported: "" if it has none, NULL if there is no such module. */
static const char *
module_file(PyObject *name, char *out, size_t room)
{
    PyObject *module = compat_module(name); /* Borrowed */
    if (!module)
        return NULL;
    PyObject *file = compat_module_find(module, "__file__"); /* Borrowed */
    bool complete;
    out[file && PyUnicode_CheckExact(file) ? value_utf8(file, out, room - 1, &complete) : 0] = '\0';
    return out;
}

/* A module that is not to be found was made by the program as it ran. */
static bool
decide_module(struct recorder *recorder, PyObject *name)
{
    char module[MODULE_BYTES + 1];
    char path[4096];
    bool complete;
    module[value_utf8(name, module, MODULE_BYTES, &complete)] = '\0';
    if (strncmp(module, "flowtrace", 9) == 0 && (module[9] == '.' || module[9] == '\0'))
        return false;
    const char *file = module_file(name, path, sizeof path);
    return !file || scope_decide(&recorder->scope, file, module, file).in;
}

static bool
is_users_module(struct value_names *names, PyObject *name)
{
    struct recorder *recorder = names->recorder;
    Py_hash_t hash = PyObject_Hash(name);
    struct module_verdict *verdict = &names->modules[(size_t)hash % MODULE_VERDICTS];
    if (verdict->name != name || verdict->hash != hash || verdict->generation != recorder->generation)
        *verdict = (struct module_verdict){name, hash, recorder->generation, decide_module(recorder, name)};
    return verdict->user;
}

bool
value_is_users_type(struct value_names *names, PyTypeObject *type)
{
    if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || (type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE))
        return false;
    PyObject *module = compat_dict_find(type->tp_dict, names->module); /* Borrowed */
    PyErr_Clear();
    return module && PyUnicode_CheckExact(module) && is_users_module(names, module);
}

/* With a base class of a library's (Thread, Handler, TestCase) what begins with _ is mostly that class's. */
static bool
is_users_throughout(struct value_names *names, PyTypeObject *type)
{
    PyObject *mro = type->tp_mro; /* Borrowed */
    for (Py_ssize_t i = 1; mro && i + 1 < PyTuple_GET_SIZE(mro); i++)
        if (!value_is_users_type(names, (PyTypeObject *)PyTuple_GET_ITEM(mro, i)))
            return false;
    return true;
}

static bool
is_pydantic(struct value_names *names, PyTypeObject *type)
{
    PyObject *slot = compat_type_lookup(type, names->pydantic_private); /* Borrowed */
    return slot && Py_IS_TYPE(slot, &PyMemberDescr_Type);
}

static bool
knows_instances(const struct value_names *names, const PyTypeObject *type)
{
    const struct type_verdict *verdict = &names->types[type->tp_version_tag % TYPE_VERDICTS];
    return type->tp_version_tag && verdict->version == type->tp_version_tag
           && verdict->generation == names->recorder->generation;
}

static const struct type_verdict *
judge(struct value_names *names, PyTypeObject *type)
{
    struct type_verdict *verdict = &names->types[type->tp_version_tag % TYPE_VERDICTS];
    if (!knows_instances(names, type)) {
        bool user = value_is_users_type(names, type);
        *verdict = (struct type_verdict){.version = type->tp_version_tag,
                                         .generation = names->recorder->generation,
                                         .user = user,
                                         .with_private = user && is_users_throughout(names, type),
                                         .pydantic = user && is_pydantic(names, type),
                                         .like = value_find_class(names, type, user)};
    }
    return verdict;
}

uint8_t *
value_put_instance_field(struct value_encoder *encoder, uint8_t *p, const struct instance_field *field)
{
    bool secret = field->name ? secret_is_key(encoder->names, field->name)
                              : secret_is_slot(encoder->names, field->slot);
    p = value_put_field_name(encoder, p, field);
    return secret ? secret_put(encoder, p, field->value) : value_put(encoder, p, field->value);
}

/* What a pydantic model keeps in dictionaries of its own. */
static size_t
add_kept(PyObject *object, PyObject *slot, struct instance_field *fields, size_t total, size_t room)
{
    PyObject *kept = value_read_field(object, slot);
    Py_ssize_t position = 0;
    PyObject *name, *value;
    if (!kept || !PyDict_CheckExact(kept)) {
        Py_XDECREF(kept);
        return total;
    }
    COMPAT_LOCK_OBJECT(kept);
    while (PyDict_Next(kept, &position, &name, &value))
        if (PyUnicode_CheckExact(name) && total++ < room)
            fields[total - 1] = (struct instance_field){.name = compat_hold(name), .value = compat_hold(value)};
    COMPAT_UNLOCK_OBJECT();
    Py_DECREF(kept); /* the object holds it, and it what was found */
    return total;
}

static uint8_t *
put_fields(struct value_encoder *encoder, uint8_t *p, PyObject *object, const struct type_verdict *verdict)
{
    struct instance_field fields[FIELDS_MAX];
    size_t room = encoder->settings.items < FIELDS_MAX ? encoder->settings.items : FIELDS_MAX;
    size_t total = instance_fields(object, verdict->with_private, fields, room);
    if (verdict->pydantic) {
        total = add_kept(object, encoder->names->pydantic_extra, fields, total, room);
        total = add_kept(object, encoder->names->pydantic_private, fields, total, room);
    }
    if (total == 0 || !value_enter(encoder, object))
        return value_put_type(encoder, p, object);
    p = value_put_typed(encoder, p, FLOW_VALUE_FIELDS, Py_TYPE(object));
    p = varint_put(p, total);
    uint8_t *count = p;
    *p++ = 0;
    for (size_t i = 0; i < total && i < room && p < encoder->end; i++, ++*count)
        p = value_put_instance_field(encoder, p, &fields[i]);
    encoder->depth--;
    if (verdict->user && !verdict->pydantic && total <= room)
        value_learn_shape(encoder, object, fields, total, VALUE_SHAPE_ATTRIBUTES);
    return p;
}

size_t
value_users_fields(struct value_encoder *encoder, PyObject *object, struct instance_field *out, size_t room)
{
    return judge(encoder->names, Py_TYPE(object))->user ? instance_fields(object, false, out, room) : 0;
}

uint8_t *
value_put_fields(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    static const struct type_verdict everything = {.with_private = true};
    return put_fields(encoder, p, object, &everything);
}

uint8_t *
value_put_instance(struct value_encoder *encoder, uint8_t *p, PyObject *object)
{
    const struct type_verdict *verdict = judge(encoder->names, Py_TYPE(object));
    if (verdict->user || !verdict->like)
        p = identity_put_of(encoder, p, object);
    if (verdict->like)
        return value_put_class(encoder, p, object, verdict->like);
    if (encoder->depth < VALUE_NESTED_MAX && verdict->user)
        return put_fields(encoder, p, object, verdict);
    return value_put_type(encoder, p, object);
}
