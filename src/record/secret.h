/* secret.h - values that are not written down, told by the name of their parameter, field or key, or by how they begin. */
#ifndef FLOW_SECRET_H
#define FLOW_SECRET_H

#include "value.h"

#define SECRET_HEAD 64

/* Does a parameter, field or key of this name hold a secret? */
bool secret_is_name(const char *name, size_t length);
/* The same of a str, remembered; false for what is no str. */
bool secret_is_key(struct value_names *names, PyObject *name);
/* Does a text begin as a key does: PEM, JWT, AKIA..., ghp_..., Bearer ...? Looks at SECRET_HEAD bytes. */
bool secret_is_text(const char *text, size_t length);
bool secret_is_str(PyObject *string);
/* What is shown instead: None, True and False as they are, else that it was redacted. */
uint8_t *secret_put(uint8_t *p, PyObject *value);

#endif
