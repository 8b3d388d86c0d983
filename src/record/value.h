/* value.h - a bounded binary snapshot of a Python object, taken without running any of its code.
 *
 * Invariants
 *   - No method of the object's class is called: exact builtin types are read
 *     through the C API, fields of other objects where they lie (instance.h) or
 *     where the generic lookup finds plain data (value_read_field).
 *   - No reference outlives the call.
 *   - No Python exception is left set, none is needed.
 *   - Once begun, a value is written to its end: strings that it defines count
 *     in the chunk, so there is no way back.
 */
#ifndef FLOW_VALUE_H
#define FLOW_VALUE_H

#include "../trace/writer.h"
#include "compat.h"
#include "layout.h"

#define VALUE_CALL_MAX 8192  /* bytes of all the values of one record, at most */
#define VALUE_BEYOND 1536    /* that the last of them may take beyond its end */

struct value_settings {
    unsigned depth;  /* containers within containers */
    unsigned items;  /* of one container */
    unsigned string; /* bytes of a str or bytes */
    unsigned call;   /* bytes of all the values of one record, about */
};

/* What a person wants to be taken for the name of a secret, or not: the last that fits wins. */
struct secret_rules {
    struct secret_rule {
        bool secret;
        char *pattern; /* Owned; a glob over words joined by _ */
    } *rules;          /* Owned */
    size_t count;
};

/* Verdicts on names, by the address and the hash of the str: one alone may be another's soon. */
struct secret_verdict {
    const void *name; /* compared only */
    Py_hash_t hash;
    bool secret;
};

#define SECRET_VERDICTS 256

/* Texts, longer than a chunk numbers them, in which no secret was found. */
struct clean_text {
    uint16_t length; /* 0: none */
    bool complete;
    char bytes[252];
};

#define CLEAN_TEXTS 16

/* Of the modules of types: are their instances the user's own? */
struct module_verdict {
    const void *name; /* compared only */
    Py_hash_t hash;
    uint32_t generation; /* of the recorder's scope when this was decided */
    bool user;
};

#define MODULE_VERDICTS 64

/* Of types of which nothing better is known than that their instances hold attributes. A
 * type that changes gets another version. */
struct type_verdict {
    unsigned version;    /* 0: none */
    uint32_t generation; /* of the recorder's scope */
    bool user;           /* the attributes are shown ... */
    bool with_private;   /* ... also those with a leading underscore */
    bool pydantic;       /* ... also what a pydantic model keeps beside its fields */
    const struct value_class *like; /* or NULL: the class of the standard library that tells how */
};

#define TYPE_VERDICTS 64

enum value_kind {
    VALUE_KIND_INSTANCE,
    VALUE_KIND_KNOWN, /* it or its base in C */
    VALUE_KIND_EXCEPTION,
    VALUE_KIND_CALLABLE_OR_MODULE,
    VALUE_KIND_ENUM,
    VALUE_KIND_DATACLASS,
    VALUE_KIND_NAMEDTUPLE,
    VALUE_KIND_OF_BUILTIN,
};

/* Which way the objects of a type are written. */
struct type_kind {
    const PyTypeObject *type; /* compared only */
    unsigned version;
    enum value_kind kind;
    const struct known_type *known; /* or NULL */
};

#define TYPE_KINDS 128

/* How objects of a class are written once one of them was looked at; see value_shape.c. */
struct value_shape {
    unsigned version; /* of the type; 0: none */
    uint32_t session; /* of the recorder */
    uint32_t number;  /* unique in the recorder; 0: each is looked at anew */
    const char *name; /* of the type; compared only */
    uint8_t learned;  /* how often */
    uint8_t depth;    /* so far within others they are shown */
    uint8_t total, shown;
    uint16_t secret;  /* a bit for each field */
    struct layout layout;
};

#define SHAPES 64

/* Of dataclasses: which fields their instances don't show. */
struct dataclass_verdict {
    unsigned version; /* of the type; 0: none */
    uint32_t hidden;  /* a bit for each of the first 32 fields */
};

#define DATACLASS_VERDICTS 64

struct recorder;

/* Names and types that snapshots look for; types are Owned and NULL until their
 * module has been imported by the program: FlowTrace imports none. */
struct value_names {
    PyObject *dataclass_fields, *fields, *module, *name, *value, *sequence_fields; /* Owned. */
    PyObject *field_type, *plain_name, *repr, *pydantic_private, *pydantic_extra; /* Owned. */
    PyObject *enum_module;                                       /* Owned, str. */
    PyObject *enum_type;                                         /* Owned or NULL. */
    struct recorder *recorder;                                   /* Borrowed; whose they are. */
    struct secret_rules secrets;
    struct secret_verdict verdicts[SECRET_VERDICTS];
    struct clean_text clean[CLEAN_TEXTS];
    struct module_verdict modules[MODULE_VERDICTS];
    struct type_verdict types[TYPE_VERDICTS];
    struct dataclass_verdict dataclasses[DATACLASS_VERDICTS];
    struct type_kind kinds[TYPE_KINDS];
    struct value_shape shapes[SHAPES];
};

struct value_encoder {
    struct writer *writer;
    struct value_names *names;
    struct value_settings settings;
    const uint8_t *end; /* past it containers and strings are cut */
    PyObject *containers[FLOW_VALUE_DEPTH_MAX]; /* Borrowed; those being written, to see cycles */
    unsigned depth;
};

int value_names_init(struct value_names *names);
/* Sets a type's slot (steals `type`, which may be NULL). */
void value_names_keep(struct value_names *names, PyObject **slot, PyObject *type);
int value_names_visit(struct value_names *names, visitproc visit, void *arg);
void value_names_clear(struct value_names *names);

/* For the values of a record that is being written up to `p`. A value that begins before `end` is written whole, but
 * for its strings and items. The list of containers is left as it is: depth says how much of it holds. */
static inline void
value_encoder_open(struct value_encoder *encoder, struct writer *writer, struct value_names *names,
                   const struct value_settings *settings, const uint8_t *p)
{
    const uint8_t *last = writer->p + WRITER_RECORD_MAX - VALUE_BEYOND;
    encoder->writer = writer;
    encoder->names = names;
    encoder->settings = *settings;
    encoder->end = p + settings->call < last ? p + settings->call : last;
    encoder->depth = 0;
}

/* Writes `object` (Borrowed). Returns the end. */
uint8_t *value_put(struct value_encoder *encoder, uint8_t *p, PyObject *object);
/* Is the type, a class of Python's, one of the user's own? */
bool value_is_users_type(struct value_names *names, PyTypeObject *type);
/* Only its type. */
uint8_t *value_put_type(struct value_encoder *encoder, uint8_t *p, PyObject *object);
/* An exception's type and args: its message without its __str__. */
uint8_t *value_put_exception(struct value_encoder *encoder, uint8_t *p, PyObject *exception);
/* The name of a type, without its module, which the chunk does not have yet. */
uint8_t *value_put_new_type_name(struct writer *writer, uint8_t *p, PyTypeObject *type);

/* A type that changes gets another version, but for its name. Even: keys of shapes are odd. */
static inline uint64_t
value_key_of_type(const PyTypeObject *type)
{
    return ((uint64_t)type->tp_version_tag << 32 | (uint32_t)(uintptr_t)type->tp_name) & ~(uint64_t)1;
}

/* The name of a type, without its module; interned in the chunk. */
static inline uint8_t *
value_put_type_name(struct writer *writer, uint8_t *p, PyTypeObject *type)
{
    uint32_t number = type->tp_version_tag ? writer_known(writer, value_key_of_type(type)) : 0;
    return number ? varint_put(p, number) : value_put_new_type_name(writer, p, type);
}

/* New reference to an attribute that is plain data, or NULL without an exception. */
PyObject *value_read_field(PyObject *object, PyObject *name);

/* At most `room` bytes of UTF-8 from a str; sets *complete. Never touches the
 * str's cached UTF-8, which sys.getsizeof would show. */
size_t value_utf8(PyObject *string, char *out, size_t room, bool *complete);

/* A name that a NUL ends, of `size` bytes at most: C0 80 stands for NULs in it, which writer_name() puts back. Returns
 * its length. */
size_t value_name(PyObject *string, char *out, size_t size);
/* Makes such a name of the first `n` bytes. */
size_t value_end_name(char *out, size_t n, size_t size);

#endif
