#include "scope.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static int
append(char ***list, size_t *count, const char *folder)
{
    char **grown = realloc(*list, (*count + 1) * sizeof **list);
    if (!grown)
        return -ENOMEM;
    *list = grown;
    char *copy = strdup(folder);
    if (!copy)
        return -ENOMEM;
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/')
        copy[--length] = '\0';
    grown[(*count)++] = copy;
    return 0;
}

int
scope_add_root(struct scope *scope, const char *folder)
{
    return append(&scope->roots, &scope->root_count, folder);
}

int
scope_add_library(struct scope *scope, const char *folder)
{
    return append(&scope->library, &scope->library_count, folder);
}

int
scope_add_rule(struct scope *scope, const char *text)
{
    struct scope_rule rule = {.include = text[0] == '+'};
    if (text[0] != '+' && text[0] != '-')
        return -EINVAL;
    if (strncmp(text + 1, "path:", 5) == 0)
        rule.by_path = true;
    else if (strncmp(text + 1, "module:", 7) != 0)
        return -EINVAL;
    struct scope_rule *grown = realloc(scope->rules, (scope->rule_count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    scope->rules = grown;
    rule.pattern = strdup(strchr(text, ':') + 1);
    if (!rule.pattern)
        return -ENOMEM;
    grown[scope->rule_count++] = rule;
    return 0;
}

static bool
same_strings(char *const *a, char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool
same_rules(const struct scope_rule *a, const struct scope_rule *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a[i].include != b[i].include || a[i].by_path != b[i].by_path || strcmp(a[i].pattern, b[i].pattern) != 0)
            return false;
    return true;
}

bool
scope_equals(const struct scope *a, const struct scope *b)
{
    return a->root_count == b->root_count && same_strings(a->roots, b->roots, a->root_count)
           && a->library_count == b->library_count && same_strings(a->library, b->library, a->library_count)
           && a->rule_count == b->rule_count && same_rules(a->rules, b->rules, a->rule_count);
}

void
scope_clear(struct scope *scope)
{
    for (size_t i = 0; i < scope->root_count; i++)
        free(scope->roots[i]);
    for (size_t i = 0; i < scope->library_count; i++)
        free(scope->library[i]);
    for (size_t i = 0; i < scope->rule_count; i++)
        free(scope->rules[i].pattern);
    free(scope->roots);
    free(scope->library);
    free(scope->rules);
    *scope = (struct scope){0};
}

static bool
is_under(const char *file, const char *folder)
{
    size_t length = strlen(folder);
    if (length == 1 && folder[0] == '/')
        return file[0] == '/';
    return strncmp(file, folder, length) == 0 && (file[length] == '/' || file[length] == '\0');
}

bool
scope_is_library(const struct scope *scope, const char *file)
{
    if (strstr(file, "/site-packages/") || strstr(file, "/dist-packages/") || strncmp(file, "<frozen ", 8) == 0)
        return true;
    for (size_t i = 0; i < scope->library_count; i++)
        if (is_under(file, scope->library[i]))
            return true;
    return false;
}

bool
scope_has_file(const struct scope *scope, const char *file)
{
    if (scope_is_library(scope, file))
        return false;
    for (size_t i = 0; i < scope->root_count; i++)
        if (is_under(file, scope->roots[i]))
            return true;
    return false;
}

/* "pkg" stands for pkg and everything in it. */
static bool
module_matches(const char *pattern, const char *module)
{
    if (fnmatch(pattern, module, 0) == 0)
        return true;
    size_t length = strlen(pattern);
    return strncmp(pattern, module, length) == 0 && module[length] == '.';
}

static bool
path_matches(const char *pattern, const char *file)
{
    return fnmatch(pattern, file, 0) == 0 || is_under(file, pattern);
}

bool
scope_has(struct scope *scope, const char *file, const char *module, bool module_is_user)
{
    bool has = file[0] == '/' ? scope_has_file(scope, file) : module_is_user && !scope_is_library(scope, file);
    struct scope_rule *last = NULL;
    for (size_t i = 0; i < scope->rule_count; i++) {
        struct scope_rule *rule = &scope->rules[i];
        if (rule->by_path ? path_matches(rule->pattern, file) : module_matches(rule->pattern, module))
            (last = rule)->matches++;
    }
    return last ? last->include : has;
}
