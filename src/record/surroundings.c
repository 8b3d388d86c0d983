#include "surroundings.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define COMMAND_MAX 32768 /* bytes of the command line */
#define GIVEN_MAX 4096    /* of a text that the caller gives */
#define LIST_MAX 8192     /* of all folders, or all settings */

/* Texts joined, with a mark where they had to be cut. */
struct joined {
    char *data; /* Owned */
    size_t length, room;
    bool cut, failed;
};

static struct joined
begin(size_t room)
{
    char *data = malloc(room + 4);
    return (struct joined){.data = data, .room = room, .failed = !data};
}

/* No character is cut in two. */
static void
join_bytes(struct joined *joined, const char *data, size_t length)
{
    size_t left = joined->room - joined->length;
    if (joined->failed || joined->cut)
        return;
    if (length > left) {
        for (length = left; length > 0 && ((uint8_t)data[length] & 0xc0) == 0x80;)
            length--;
        joined->cut = true;
    }
    memcpy(joined->data + joined->length, data, length);
    joined->length += length;
    if (joined->cut) {
        memcpy(joined->data + joined->length, "…", 3);
        joined->length += 3;
    }
}

static void
join(struct joined *joined, const char *separator, const char *text)
{
    if (joined->length)
        join_bytes(joined, separator, strlen(separator));
    join_bytes(joined, text, strlen(text));
}

/* --- the record ----------------------------------------------------------- */

static int
add(struct recorder *recorder, const char *key, const char *text, size_t length)
{
    size_t more = strlen(key) + length + 2 * VARINT_MAX;
    uint8_t *grown = realloc(recorder->process_record, recorder->process_record_size + more);
    if (!grown) {
        PyErr_NoMemory();
        return -1;
    }
    recorder->process_record = grown;
    uint8_t *p = writer_text(grown + recorder->process_record_size, key, strlen(key));
    p = writer_text(p, text, length);
    recorder->process_record_size = (size_t)(p - grown);
    return 0;
}

static int
add_text(struct recorder *recorder, const char *key, const char *text)
{
    return text && text[0] ? add(recorder, key, text, strlen(text)) : 0;
}

/* Frees it. */
static int
add_joined(struct recorder *recorder, const char *key, struct joined *joined)
{
    int ret = 0;
    if (joined->failed) {
        PyErr_NoMemory();
        ret = -1;
    }
    else if (joined->length) {
        ret = add(recorder, key, joined->data, joined->length);
    }
    free(joined->data);
    return ret;
}

/* New reference: what of it is UTF-8. */
static PyObject *
as_bytes(PyObject *text)
{
    return PyUnicode_AsEncodedString(text, "utf-8", "replace");
}

static int
add_str(struct recorder *recorder, const char *key, PyObject *text)
{
    PyObject *bytes = as_bytes(text);
    struct joined joined = begin(GIVEN_MAX);
    if (!bytes) {
        free(joined.data);
        return -1;
    }
    join_bytes(&joined, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return add_joined(recorder, key, &joined);
}

static int
add_given(struct recorder *recorder, PyObject *info)
{
    Py_ssize_t position = 0;
    PyObject *key, *value;
    while (PyDict_Next(info, &position, &key, &value)) {
        const char *name = PyUnicode_Check(key) && PyUnicode_Check(value) ? PyUnicode_AsUTF8(key) : NULL;
        if (!name) {
            PyErr_SetString(PyExc_TypeError, "info must be a dict of str to str");
            return -1;
        }
        if (add_str(recorder, name, value) < 0)
            return -1;
    }
    return 0;
}

/* --- the command ---------------------------------------------------------- */

/* New reference: a list of the words, redacted; NULL, maybe with an exception. */
static PyObject *
command_words(PyObject *secrets)
{
    PyObject *all = PySys_GetObject("orig_argv"); /* Borrowed */
    if (!all || !PyList_CheckExact(all))
        return NULL;
    PyObject *words = PyList_GetSlice(all, 1, PyList_GET_SIZE(all));
    PyObject *redacted = NULL;
    bool plain = words != NULL;
    for (Py_ssize_t i = 0; plain && i < PyList_GET_SIZE(words); i++)
        plain = PyUnicode_CheckExact(PyList_GET_ITEM(words, i));
    if (plain)
        redacted = recorder_redact(words, secrets);
    Py_XDECREF(words);
    return redacted;
}

static int
add_command(struct recorder *recorder, PyObject *secrets)
{
    PyObject *words = command_words(secrets);
    if (!words)
        return PyErr_Occurred() ? -1 : 0;
    struct joined joined = begin(COMMAND_MAX);
    bool ok = true;
    for (Py_ssize_t i = 0; ok && i < PyList_GET_SIZE(words) && !joined.cut; i++) {
        PyObject *bytes = as_bytes(PyList_GET_ITEM(words, i));
        ok = bytes != NULL;
        if (ok) {
            join_bytes(&joined, " ", i ? 1 : 0);
            join_bytes(&joined, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
        }
        Py_XDECREF(bytes);
    }
    Py_DECREF(words);
    if (!ok) {
        free(joined.data);
        return -1;
    }
    return add_joined(recorder, "command", &joined);
}

/* --- the python ----------------------------------------------------------- */

/* The fields of sys.flags are in this order in all versions; those behind are others in each. */
enum flag { FLAG_OPTIMIZE = 3, FLAG_IGNORE_ENVIRONMENT = 7, FLAG_HASH = 11, FLAG_ISOLATED, FLAG_DEV };

static long
flag(PyObject *flags, enum flag which)
{
    PyObject *value = PyTuple_GET_ITEM(flags, which); /* Borrowed */
    return value == Py_True ? 1 : PyLong_CheckExact(value) ? PyLong_AsLong(value) : 0;
}

static void
join_flags(struct joined *joined)
{
    PyObject *flags = PySys_GetObject("flags"); /* Borrowed */
    if (!flags || strcmp(Py_TYPE(flags)->tp_name, "sys.flags") != 0 || !PyTuple_Check(flags)
        || PyTuple_GET_SIZE(flags) <= FLAG_DEV)
        return;
    if (flag(flags, FLAG_OPTIMIZE) > 0)
        join(joined, ", ", flag(flags, FLAG_OPTIMIZE) == 1 ? "-O" : "-OO");
    if (flag(flags, FLAG_ISOLATED) > 0)
        join(joined, ", ", "-I");
    else if (flag(flags, FLAG_IGNORE_ENVIRONMENT) > 0)
        join(joined, ", ", "-E");
    if (flag(flags, FLAG_DEV) > 0)
        join(joined, ", ", "-X dev");
    if (flag(flags, FLAG_HASH) == 0)
        join(joined, ", ", "PYTHONHASHSEED=0");
}

/* How it was built, and with what options it runs: what is not usual. */
static int
add_mode(struct recorder *recorder)
{
    struct joined joined = begin(LIST_MAX);
    if (COMPAT_FREE_THREADED)
        join(&joined, ", ", "free-threaded");
#ifdef Py_DEBUG
    join(&joined, ", ", "debug build");
#endif
    join_flags(&joined);
    PyErr_Clear();
    return add_joined(recorder, "mode", &joined);
}

static int
add_python(struct recorder *recorder)
{
    const char *version = Py_GetVersion();
    PyObject *executable = PySys_GetObject("executable"); /* Borrowed */
    if (add(recorder, "python", version, strcspn(version, " ")) < 0 || add_text(recorder, "build", version) < 0
        || add_mode(recorder) < 0)
        return -1;
    return executable && PyUnicode_CheckExact(executable) ? add_str(recorder, "executable", executable) : 0;
}

/* --- the machine ---------------------------------------------------------- */

/* By what tells one start of the machine from another, monotonic times of several traces can be compared. */
static int
add_boot(struct recorder *recorder)
{
    char id[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, id, sizeof id) : 0;
    if (fd >= 0)
        close(fd);
    while (n > 0 && id[n - 1] == '\n')
        n--;
    return n > 0 ? add(recorder, "boot_id", id, (size_t)n) : 0;
}

static int
add_machine(struct recorder *recorder)
{
    char folder[PATH_MAX];
    struct utsname system;
    if (getcwd(folder, sizeof folder) && add_text(recorder, "folder", folder) < 0)
        return -1;
    if (uname(&system) < 0)
        return 0;
    struct joined platform = begin(sizeof system);
    join(&platform, " ", system.sysname);
    join(&platform, " ", system.release);
    join(&platform, " ", system.machine);
    if (add_joined(recorder, "platform", &platform) < 0 || add_text(recorder, "host", system.nodename) < 0)
        return -1;
    return add_boot(recorder);
}

/* --- what was asked for ----------------------------------------------------- */

static int
add_roots(struct recorder *recorder)
{
    struct joined joined = begin(LIST_MAX);
    for (size_t i = 0; i < recorder->scope.root_count; i++)
        join(&joined, "\n", recorder->scope.roots[i]);
    return add_joined(recorder, "roots", &joined);
}

static void
join_secrets(struct joined *joined, PyObject *secrets)
{
    for (Py_ssize_t i = 0; secrets && i < PyList_GET_SIZE(secrets); i++) {
        const char *rule = PyUnicode_AsUTF8(PyList_GET_ITEM(secrets, i));
        if (!rule)
            continue;
        join(joined, " ", rule[0] == '-' ? "--not-secret" : "--secret");
        join(joined, " ", rule + 1);
    }
    PyErr_Clear();
}

/* As `flowtrace run` would be told; what the file's header says is not said again. */
static int
add_settings(struct recorder *recorder, PyObject *secrets)
{
    struct joined joined = begin(LIST_MAX);
    for (size_t i = 0; i < recorder->scope.rule_count; i++) {
        join(&joined, " ", recorder->scope.rules[i].include ? "--include" : "--exclude");
        join(&joined, " ", recorder->scope.rules[i].pattern);
    }
    char word[64];
    for (size_t i = 0; recorder_setting_word(recorder, i, word, sizeof word); i++)
        if (word[0])
            join(&joined, " ", word);
    join_secrets(&joined, secrets);
    return add_joined(recorder, "settings", &joined);
}

static int
add_interpreter(struct recorder *recorder)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)recorder->interpreter);
    return recorder->interpreter ? add_text(recorder, "interpreter", number) : 0;
}

int
surroundings_encode(struct recorder *recorder, const struct recorder_options *options)
{
    recorder->process_record_size = 0;
    bool ok = add_given(recorder, options->info) == 0 && add_interpreter(recorder) == 0
              && add_command(recorder, options->secrets) == 0 && add_python(recorder) == 0 && add_machine(recorder) == 0
              && add_roots(recorder) == 0 && add_settings(recorder, options->secrets) == 0;
    return ok ? 0 : -1;
}
