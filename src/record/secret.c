#include "secret.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"
#define NAME_BYTES 120 /* of a name that are looked at */

/* --- names in words ------------------------------------------------------- */

/* A name twice: api_key of apiKey, API-KEY or "Api Key 2", and apikey. */
struct plain_name {
    char words[2 * NAME_BYTES + 2];
    char squeezed[NAME_BYTES + 1];
    size_t length; /* of squeezed */
};

static bool
begins_word(const char *name, size_t i, size_t length)
{
    if (i == 0 || !isupper((unsigned char)name[i]))
        return false;
    bool after_small = islower((unsigned char)name[i - 1]) || isdigit((unsigned char)name[i - 1]);
    return after_small
           || (isupper((unsigned char)name[i - 1]) && i + 1 < length && islower((unsigned char)name[i + 1]));
}

/* `keep`: characters of patterns that stay as they are. */
static void
split_words(struct plain_name *out, const char *name, size_t length, const char *keep)
{
    size_t n = 0;
    out->length = 0;
    length = length < NAME_BYTES ? length : NAME_BYTES;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        bool is_word = isalnum(c) || c >= 0x80 || (c && strchr(keep, c));
        if ((!is_word || begins_word(name, i, length)) && n && out->words[n - 1] != '_')
            out->words[n++] = '_';
        if (is_word) {
            out->words[n++] = (char)tolower(c);
            out->squeezed[out->length++] = (char)tolower(c);
        }
    }
    while (n && (out->words[n - 1] == '_' || (!*keep && isdigit((unsigned char)out->words[n - 1]))))
        n--;
    while (!*keep && out->length && isdigit((unsigned char)out->squeezed[out->length - 1]))
        out->length--;
    out->words[n] = out->squeezed[out->length] = '\0';
}

/* Is `words` a row of whole words of the name? `at_end`: its last. */
static bool
has_words(const struct plain_name *name, const char *words, bool at_end)
{
    size_t n = strlen(words);
    for (const char *p = strstr(name->words, words); p; p = strstr(p + 1, words))
        if ((p == name->words || p[-1] == '_') && (p[n] == '\0' || (p[n] == '_' && !at_end)))
            return true;
    return false;
}

static bool
ends_in(const struct plain_name *name, const char *text)
{
    size_t n = strlen(text);
    return name->length >= n && memcmp(name->squeezed + name->length - n, text, n) == 0;
}

/* session() and auth() make things as a rule, not texts. */
static bool
is_vague(const struct plain_name *name)
{
    static const char *const last_words[] = {"auth", "oauth", "session"};
    for (size_t i = 0; i < sizeof last_words / sizeof *last_words; i++)
        if (has_words(name, last_words[i], true))
            return true;
    return false;
}

/* Without a person's rules. */
static bool
looks_secret(const struct plain_name *name)
{
    static const char *const anywhere[] = {"password",   "passwd",     "passphrase", "passcode",      "apikey",
                                           "credential", "privatekey", "accesskey",  "authorization", "setcookie"};
    static const char *const at_end[] = {"token", "pwd", "cookie", "cookies", "secret", "sessionid"};
    for (size_t i = 0; i < sizeof anywhere / sizeof *anywhere; i++)
        if (strstr(name->squeezed, anywhere[i]))
            return true;
    for (size_t i = 0; i < sizeof at_end / sizeof *at_end; i++)
        if (ends_in(name, at_end[i]))
            return true;
    size_t n = strlen(name->words);
    return is_vague(name) || has_words(name, "session_key", true) || has_words(name, "secrets", true)
           || has_words(name, "secret", false) || (n > 5 && strcmp(name->words + n - 5, "_pass") == 0);
}

/* --- rules ---------------------------------------------------------------- */

int
secret_add_rule(struct secret_rules *rules, const char *text)
{
    if ((text[0] != '+' && text[0] != '-') || !text[1] || strlen(text) > NAME_BYTES)
        return -EINVAL;
    struct plain_name pattern;
    split_words(&pattern, text + 1, strlen(text + 1), "*?[]");
    if (!pattern.words[0])
        return -EINVAL;
    struct secret_rule *grown = realloc(rules->rules, (rules->count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    rules->rules = grown;
    struct secret_rule rule = {.secret = text[0] == '+', .pattern = strdup(pattern.words)};
    if (!rule.pattern)
        return -ENOMEM;
    grown[rules->count++] = rule;
    return 0;
}

bool
secret_rules_equal(const struct secret_rules *a, const struct secret_rules *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = a->rules[i].secret == b->rules[i].secret && strcmp(a->rules[i].pattern, b->rules[i].pattern) == 0;
    return equal;
}

void
secret_rules_clear(struct secret_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        free(rules->rules[i].pattern);
    free(rules->rules);
    *rules = (struct secret_rules){0};
}

/* The whole name, or its last words. */
static bool
fits(const char *pattern, const char *words)
{
    if (fnmatch(pattern, words, 0) == 0)
        return true;
    for (const char *p = strchr(words, '_'); p; p = strchr(p + 1, '_'))
        if (fnmatch(pattern, p + 1, 0) == 0)
            return true;
    return false;
}

bool
secret_is_name(const struct secret_rules *rules, const char *name, size_t length)
{
    struct plain_name plain;
    split_words(&plain, name, length, "");
    for (size_t i = rules->count; i-- > 0;)
        if (fits(rules->rules[i].pattern, plain.words))
            return rules->rules[i].secret;
    return looks_secret(&plain);
}

bool
secret_is_result(const struct secret_rules *rules, const char *function)
{
    struct plain_name plain;
    split_words(&plain, function, strlen(function), "");
    return !is_vague(&plain) && secret_is_name(rules, function, strlen(function));
}

/* --- verdicts, remembered ------------------------------------------------- */

static struct secret_verdict *
verdict_of(struct value_names *names, const void *name, Py_hash_t hash, bool *known)
{
    struct secret_verdict *verdict = &names->verdicts[(size_t)hash % SECRET_VERDICTS];
    *known = verdict->name == name && verdict->hash == hash;
    verdict->name = name;
    verdict->hash = hash;
    return verdict;
}

static bool
judge(const struct value_names *names, PyObject *name)
{
    char bytes[NAME_BYTES];
    bool complete;
    if (PyBytes_Check(name))
        return secret_is_name(&names->secrets, PyBytes_AS_STRING(name), (size_t)PyBytes_GET_SIZE(name));
    return secret_is_name(&names->secrets, bytes, value_utf8(name, bytes, sizeof bytes, &complete));
}

bool
secret_judge_key(struct value_names *names, PyObject *name)
{
    if (!PyUnicode_Check(name) && !PyBytes_Check(name))
        return false;
    Py_hash_t hash = PyUnicode_Check(name) ? PyUnicode_Type.tp_hash(name) : PyBytes_Type.tp_hash(name);
    bool known;
    struct secret_verdict *verdict = verdict_of(names, name, hash, &known);
    if (!known)
        verdict->secret = judge(names, name);
    return verdict->secret;
}

bool
secret_is_slot(struct value_names *names, const char *name)
{
    Py_hash_t hash = 5381;
    size_t n = 0;
    for (; name[n]; n++)
        hash = hash * 33 + (unsigned char)name[n];
    bool known;
    struct secret_verdict *verdict = verdict_of(names, name, hash, &known);
    if (!known)
        verdict->secret = secret_is_name(&names->secrets, name, n);
    return verdict->secret;
}

/* Of the session in `session=` it is no harm to say that it is a Session. */
static bool
is_data(PyObject *value)
{
    return PyLong_Check(value) || PyUnicode_Check(value) || PyFloat_Check(value) || PyList_Check(value)
           || PyTuple_Check(value) || PyDict_Check(value) || PyAnySet_Check(value) || PyBytes_Check(value)
           || PyByteArray_Check(value) || PyComplex_Check(value);
}

uint8_t *
secret_put(struct value_encoder *encoder, uint8_t *p, PyObject *value)
{
    int tag = value == Py_None    ? FLOW_VALUE_NONE
              : value == Py_True  ? FLOW_VALUE_TRUE
              : value == Py_False ? FLOW_VALUE_FALSE
              : is_data(value)    ? FLOW_VALUE_REDACTED
                                  : 0;
    if (!tag)
        return value_put_type(encoder, identity_put_of(encoder, p, value), value);
    *p++ = (uint8_t)tag;
    return p;
}
