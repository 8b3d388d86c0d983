/* settings.c - what a recording is told by its options: limits of values, names of secrets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"
#include "secret.h"

/* Whole numbers that a recording can be given; what is not named keeps its default. */
static const struct setting {
    const char *name;
    const char *option; /* of `flowtrace run`, or NULL */
    unsigned low, high, initial;
    size_t offset; /* of an unsigned in struct recorder */
} settings[] = {
    {"depth", "--value-depth", 0, FLOW_VALUE_DEPTH_MAX - 1, 3, offsetof(struct recorder, limits.depth)},
    {"items", "--value-items", 0, 127, 8, offsetof(struct recorder, limits.items)},
    {"string", "--value-bytes", 0, VALUE_CALL_MAX / 2, 160, offsetof(struct recorder, limits.string)},
    {"call", "--call-bytes", 0, VALUE_CALL_MAX, 4096, offsetof(struct recorder, limits.call)},
    {"boundary", "--boundary", 0, 1, 0, offsetof(struct recorder, boundary)},
    {"caught", "--caught", 0, 1, 0, offsetof(struct recorder, caught)},
    {"identity", "--identity", 0, 1, 0, offsetof(struct recorder, identity_asked)},
    {"hash", NULL, 0, 1, 0, offsetof(struct recorder, hash_at_end)},
};

#define SETTINGS (sizeof settings / sizeof *settings)

static void
set_number(struct recorder *recorder, const struct setting *setting, unsigned value)
{
    memcpy((char *)recorder + setting->offset, &value, sizeof value);
}

/* -1 with ValueError. */
static int
apply_setting(struct recorder *recorder, PyObject *name, PyObject *value)
{
    const struct setting *setting = NULL;
    for (size_t i = 0; i < SETTINGS && PyUnicode_Check(name); i++)
        if (PyUnicode_CompareWithASCIIString(name, settings[i].name) == 0)
            setting = &settings[i];
    if (!setting) {
        PyErr_Format(PyExc_ValueError, "no setting %R", name);
        return -1;
    }
    int overflow = 0;
    long long number = PyLong_Check(value) ? PyLong_AsLongLongAndOverflow(value, &overflow) : -1;
    if (overflow || number < setting->low || number > setting->high) {
        PyErr_Format(PyExc_ValueError, "%U must be a whole number from %u to %u, not %R", name, setting->low,
                     setting->high, value);
        return -1;
    }
    set_number(recorder, setting, (unsigned)number);
    return 0;
}

int
recorder_apply_settings(struct recorder *recorder, PyObject *given)
{
    for (size_t i = 0; i < SETTINGS; i++)
        set_number(recorder, &settings[i], settings[i].initial);
    Py_ssize_t position = 0;
    PyObject *name, *value;
    while (given && PyDict_Next(given, &position, &name, &value))
        if (apply_setting(recorder, name, value) < 0)
            return -1;
    return 0;
}

bool
recorder_setting_word(const struct recorder *recorder, size_t index, char *out, size_t size)
{
    if (index >= SETTINGS)
        return false;
    const struct setting *setting = &settings[index];
    unsigned value;
    memcpy(&value, (const char *)recorder + setting->offset, sizeof value);
    out[0] = '\0';
    if (!setting->option || value == setting->initial)
        return true;
    if (setting->high == 1)
        snprintf(out, size, "%s", setting->option);
    else
        snprintf(out, size, "%s %u", setting->option, value);
    return true;
}

/* --- secrets ------------------------------------------------------------ */

static int
add_secret(struct secret_rules *rules, PyObject *rule)
{
    const char *text = PyUnicode_Check(rule) ? PyUnicode_AsUTF8(rule) : NULL;
    int ret = text ? secret_add_rule(rules, text) : -EINVAL;
    if (ret == -ENOMEM)
        PyErr_NoMemory();
    else if (ret < 0 && !PyErr_Occurred())
        PyErr_Format(PyExc_ValueError,
                     "a name, or a pattern of names, has letters and no more than 100 of them, not %R", rule);
    return ret < 0 ? -1 : 0;
}

/* -1 with an exception. */
static int
parse_secrets(struct secret_rules *rules, PyObject *given)
{
    for (Py_ssize_t i = 0; given && i < PyList_GET_SIZE(given); i++)
        if (add_secret(rules, PyList_GET_ITEM(given, i)) < 0) {
            secret_rules_clear(rules);
            return -1;
        }
    return 0;
}

int
recorder_apply_secrets(struct recorder *recorder, PyObject *given)
{
    struct secret_rules rules = {0};
    struct value_names *names = &recorder->names;
    if (parse_secrets(&rules, given) < 0)
        return -1;
    if (secret_rules_equal(&rules, &names->secrets)) {
        secret_rules_clear(&rules);
        return 0;
    }
    compat_lock(&recorder->shared); /* a thread may still be judging a function by them */
    secret_rules_clear(&names->secrets);
    names->secrets = rules;
    memset(names->verdicts, 0, sizeof names->verdicts);
    memset(names->clean, 0, sizeof names->clean);
    compat_unlock(&recorder->shared);
    return 1;
}

/* --token=x is told by its text, --token x by the word before. */
static PyObject *
redact_word(const struct secret_rules *rules, PyObject *word, PyObject *before)
{
    Py_ssize_t length, name_length;
    const char *text = PyUnicode_AsUTF8AndSize(word, &length);
    const char *name = before && text ? PyUnicode_AsUTF8AndSize(before, &name_length) : NULL;
    if (!text)
        return NULL;
    if (name && name[0] == '-' && text[0] != '-' && !memchr(name, '=', (size_t)name_length)
        && secret_is_name(rules, name, (size_t)name_length))
        return PyUnicode_FromString("***");
    char *copy = malloc((size_t)length + 1);
    if (!copy)
        return PyErr_NoMemory();
    memcpy(copy, text, (size_t)length);
    size_t n = (size_t)length;
    bool all = secret_scrub(rules, copy, &n, true);
    PyObject *result = all ? PyUnicode_FromString("***") : PyUnicode_DecodeUTF8(copy, (Py_ssize_t)n, "replace");
    free(copy);
    return result;
}

static PyObject *
redact_words(const struct secret_rules *rules, PyObject *words)
{
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(words); i++) {
        PyObject *redacted = redact_word(rules, PyList_GET_ITEM(words, i), i ? PyList_GET_ITEM(words, i - 1) : NULL);
        if (!redacted && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) { /* the name of a file, in no encoding */
            PyErr_Clear();
            redacted = PyUnicode_FromString("?");
        }
        if (!redacted || PyList_Append(list, redacted) < 0)
            Py_CLEAR(list);
        Py_XDECREF(redacted);
    }
    return list;
}

PyObject *
recorder_redact(PyObject *words, PyObject *given)
{
    struct secret_rules rules = {0};
    if (parse_secrets(&rules, given) < 0)
        return NULL;
    PyObject *list = redact_words(&rules, words);
    secret_rules_clear(&rules);
    return list;
}
