#include "secret.h"

#include <ctype.h>
#include <string.h>

#define KEY_BYTES 255 /* of a name that are looked at */

bool
secret_is_name(const char *name, size_t length)
{
    static const char *const anywhere[] = {"password",   "passwd",     "passphrase", "secret",        "apikey",
                                           "credential", "privatekey", "accesskey",  "authorization", "setcookie"};
    static const char *const at_end[] = {"token", "pwd", "cookie", "cookies"};
    char plain[KEY_BYTES + 1];
    size_t n = 0;
    for (size_t i = 0; i < length && n < sizeof plain - 1; i++)
        if (isalnum((unsigned char)name[i]))
            plain[n++] = (char)tolower((unsigned char)name[i]);
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof anywhere / sizeof *anywhere; i++)
        if (strstr(plain, anywhere[i]))
            return true;
    for (size_t i = 0; i < sizeof at_end / sizeof *at_end; i++) {
        size_t end = strlen(at_end[i]);
        if (n >= end && memcmp(plain + n - end, at_end[i], end) == 0)
            return true;
    }
    return false;
}

static bool
judge(PyObject *name)
{
    char bytes[KEY_BYTES];
    bool complete;
    return secret_is_name(bytes, value_utf8(name, bytes, sizeof bytes, &complete));
}

/* Fields and keys come by again and again. */
bool
secret_is_key(struct value_names *names, PyObject *name)
{
    if (!PyUnicode_CheckExact(name))
        return false;
    Py_hash_t hash = PyObject_Hash(name);
    struct secret_verdict *verdict = &names->verdicts[(size_t)hash % SECRET_VERDICTS];
    if (verdict->name != name || verdict->hash != hash)
        *verdict = (struct secret_verdict){name, hash, judge(name)};
    return verdict->secret;
}

uint8_t *
secret_put(uint8_t *p, PyObject *value)
{
    *p++ = value == Py_None    ? FLOW_VALUE_NONE
           : value == Py_True  ? FLOW_VALUE_TRUE
           : value == Py_False ? FLOW_VALUE_FALSE
                               : FLOW_VALUE_REDACTED;
    return p;
}
