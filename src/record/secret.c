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

/* --- values that look like keys ----------------------------------------- */

/* What follows the prefix: so many characters of the alphabet. */
enum alphabet { ANY, UPPER, WORD, TOKEN };

static const struct key_form {
    const char *prefix;
    enum alphabet alphabet;
    size_t least;
} key_forms[] = {
    {"-----BEGIN ", ANY, 0},     {"---- BEGIN ", ANY, 0}, /* SSH2 */
    {"eyJ", TOKEN, 30},      /* {"... in Base64: JWT, JWE */
    {"AKIA", UPPER, 16},         {"ASIA", UPPER, 16},     {"AIza", TOKEN, 30},   {"ghp_", WORD, 20},
    {"gho_", WORD, 20},          {"ghu_", WORD, 20},      {"ghs_", WORD, 20},    {"ghr_", WORD, 20},
    {"github_pat_", WORD, 20},   {"glpat-", TOKEN, 16},   {"sk-", TOKEN, 20},    {"sk_live_", WORD, 16},
    {"rk_live_", WORD, 16},      {"xoxa-", TOKEN, 10},    {"xoxb-", TOKEN, 10},  {"xoxp-", TOKEN, 10},
    {"Bearer ", TOKEN, 8},       {"bearer ", TOKEN, 8},   {"Basic ", TOKEN, 16}, {"Authorization: ", ANY, 0},
    {"authorization: ", ANY, 0},
};

static bool
is_of(enum alphabet alphabet, unsigned char c)
{
    switch (alphabet) {
    case UPPER: return isupper(c) || isdigit(c);
    case WORD: return isalnum(c) || c == '_';
    case TOKEN: return isalnum(c) || (c && strchr("-._~+/=", c));
    default: return true;
    }
}

/* A letter that no form begins with ends the question: nearly every text. */
static bool
may_begin_key(Py_UCS4 c)
{
    return c < 0x80 && c && strchr("-eAagsrxBb \n\r\t", (int)c);
}

bool
secret_is_text(const char *text, size_t length)
{
    if (length == 0 || !may_begin_key((unsigned char)text[0]))
        return false;
    length = length < SECRET_HEAD ? length : SECRET_HEAD;
    while (length && isspace((unsigned char)*text))
        text++, length--;
    for (size_t i = 0; i < sizeof key_forms / sizeof *key_forms; i++) {
        const struct key_form *form = &key_forms[i];
        size_t n = strlen(form->prefix);
        if (length < n + form->least || memcmp(text, form->prefix, n) != 0)
            continue;
        size_t end = n + form->least;
        while (n < end && is_of(form->alphabet, (unsigned char)text[n]))
            n++;
        if (n == end)
            return true;
    }
    return false;
}

bool
secret_is_str(PyObject *string)
{
    if (PyUnicode_GET_LENGTH(string) == 0 || !may_begin_key(PyUnicode_READ_CHAR(string, 0)))
        return false;
    char head[SECRET_HEAD];
    bool complete;
    return secret_is_text(head, value_utf8(string, head, sizeof head, &complete));
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
