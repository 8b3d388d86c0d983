/* scope.h - whose code is this? Decided once per code object, by its file and module.
 *
 * Code is the user's if it lies under a root and not in the library; then the
 * rules of --include and --exclude are asked, and the last that matches wins.
 */
#ifndef FLOW_SCOPE_H
#define FLOW_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

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
};

/* "+module:GLOB", "-module:GLOB", "+path:GLOB", "-path:GLOB". 0, -EINVAL or -ENOMEM. */
int scope_add_rule(struct scope *scope, const char *rule);
int scope_add_root(struct scope *scope, const char *folder);
int scope_add_library(struct scope *scope, const char *folder);
/* The same decisions: what rules have matched so far does not matter. */
bool scope_equals(const struct scope *a, const struct scope *b);
void scope_clear(struct scope *scope);

/* `module_is_user`: code without a file of its own belongs to the module whose globals it has. */
bool scope_has(struct scope *scope, const char *file, const char *module, bool module_is_user);
/* Does `file` belong to the standard library or an installed package? */
bool scope_is_library(const struct scope *scope, const char *file);
/* Does `file` lie under a root and outside the library? */
bool scope_has_file(const struct scope *scope, const char *file);

#endif
