/* callable.h - what --boundary shows of a callable that is none of the program's own: a name for it, or nothing.
 *
 * Read without running any code of the program's or the library's: from the C
 * structures, from exact dictionaries, from sys.modules.
 */
#ifndef FLOW_CALLABLE_H
#define FLOW_CALLABLE_H

#include "recorder.h"

/* The function as which a call of `callable` is recorded; NULL if it is the program's own or not worth a line. */
struct function *callable_function(struct recorder *recorder, PyObject *callable);
/* The same of library code that runs, with these globals (Borrowed). */
struct function *callable_code(struct recorder *recorder, PyCodeObject *code, PyObject *globals);
/* Owned text: the shortest module name by which people reach what `module` calls so: "json", "asyncio"; "" for a
 * builtin. `thing` is it, or its code. *qualname may lose its class: random.randint. NULL without memory. */
char *callable_public_module(const char *module, const char **qualname, const PyObject *thing);
void callable_forget_all(struct recorder *recorder);

#endif
