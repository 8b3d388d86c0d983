/* scope.h - whose code is this? Decided once per code object, by its file and module.
 *
 * Code is the user's if the deepest folder that holds it is a root and none of
 * the library's; then the rules of --include and --exclude are asked, and the
 * last that matches wins.
 */
#ifndef FLOW_SCOPE_H
#define FLOW_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "../trace/format.h"

struct scope_rule {
    bool include;
    bool by_path;  /* else by module */
    char *pattern; /* Owned; a glob */
    unsigned long matches; /* code objects that it fits, also where a later rule wins */
};

struct scope {
    char **roots;   /* Owned; absolute folders, without a slash at the end */
    size_t root_count;
    char **library; /* Owned */
    size_t library_count;
    struct scope_rule *rules; /* Owned */
    size_t rule_count;
    char *folder;   /* Owned or NULL; where relative files begin */
};

struct scope_verdict {
    bool in;
    enum flow_scope why;
    const char *what; /* Borrowed from the scope: the root or the rule's pattern; "" where neither decided */
};

/* "+module:GLOB", "-module:GLOB", "+path:GLOB", "-path:GLOB". 0, -EINVAL or -ENOMEM. */
int scope_add_rule(struct scope *scope, const char *rule);
int scope_add_root(struct scope *scope, const char *folder);
int scope_add_library(struct scope *scope, const char *folder);
/* Relative files are looked for in the folder that is current now. */
void scope_set_folder(struct scope *scope);
/* The same decisions: neither what rules have matched so far nor the folder matters. */
bool scope_equals(const struct scope *a, const struct scope *b);
void scope_clear(struct scope *scope);

/* `module_file`: of the module that the code runs in; code that has no file of its own belongs to it. */
struct scope_verdict scope_decide(struct scope *scope, const char *file, const char *module, const char *module_file);
/* `file`, or, if that is relative, `file` in the program's folder, in `out`. */
const char *scope_absolute(const struct scope *scope, const char *file, char *out, size_t size);
/* Does `file` belong to the standard library or an installed package? */
bool scope_is_library(const struct scope *scope, const char *file);

#endif
