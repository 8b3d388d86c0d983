/* secret.h - values that are not written down: told by the name of their parameter, field or key
 * (secret.c), or by how a part of a text looks (secret_text.c). */
#ifndef FLOW_SECRET_H
#define FLOW_SECRET_H

#include "value.h"

#define SECRET_AHEAD 64 /* bytes behind the end of what is shown that tell whether a secret begins there */

/* --- names --- */

/* "+GLOB": what is called so is secret, "-GLOB": it is not. 0, -EINVAL or -ENOMEM. */
int secret_add_rule(struct secret_rules *rules, const char *rule);
bool secret_rules_equal(const struct secret_rules *a, const struct secret_rules *b);
void secret_rules_clear(struct secret_rules *rules);

/* Does a parameter, field or key of this name hold a secret? */
bool secret_is_name(const struct secret_rules *rules, const char *name, size_t length);
/* The same of a str or bytes that was not remembered; false for anything else. */
bool secret_judge_key(struct value_names *names, PyObject *name);

/* The same, remembered: fields and keys come by again and again. */
static inline bool
secret_is_key(struct value_names *names, PyObject *name)
{
    Py_hash_t hash = PyUnicode_Check(name) ? compat_str_hash(name) : -1;
    const struct secret_verdict *verdict = &names->verdicts[(size_t)hash % SECRET_VERDICTS];
    return verdict->name == name && verdict->hash == hash ? verdict->secret : secret_judge_key(names, name);
}

/* The same of the name of a slot, remembered. */
bool secret_is_slot(struct value_names *names, const char *name);
/* Does a function of this name return one? */
bool secret_is_result(const struct secret_rules *rules, const char *function);

/* What is shown instead: None, True and False as they are, plain data as redacted, an object as its type. */
uint8_t *secret_put(struct value_encoder *encoder, uint8_t *p, PyObject *value);

/* --- texts --- */

/* Overwrites what looks like a key, or stands behind the name of one, with ***; what is left is no longer than
 * before. `complete`: the text ends there. True if the text begins with a key: then nothing of it is to be shown. */
bool secret_scrub(const struct secret_rules *rules, char *text, size_t *length, bool complete);

#endif
