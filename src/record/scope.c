#include "scope.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATTERN_MAX 2048

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

void
scope_set_folder(struct scope *scope)
{
    char folder[PATH_MAX];
    free(scope->folder);
    scope->folder = getcwd(folder, sizeof folder) ? strdup(folder) : NULL;
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
    free(scope->folder);
    *scope = (struct scope){0};
}

/* --- folders ------------------------------------------------------------ */

/* How much of `file` is `folder`; 0 if it does not lie there. */
static size_t
part_under(const char *file, const char *folder)
{
    size_t length = strlen(folder);
    if (length == 1 && folder[0] == '/')
        return file[0] == '/';
    return strncmp(file, folder, length) == 0 && (file[length] == '/' || file[length] == '\0') ? length : 0;
}

static size_t
deepest(char *const *folders, size_t count, const char *file)
{
    size_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        size_t part = part_under(file, folders[i]);
        depth = part > depth ? part : depth;
    }
    return depth;
}

/* How much of `file` leads to where packages are installed, whatever python it belongs to. */
static size_t
part_installed(const char *file)
{
    static const char *const names[] = {"/site-packages/", "/dist-packages/"};
    size_t depth = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (const char *found = file; (found = strstr(found, names[i])); found++) {
            size_t part = (size_t)(found - file) + strlen(names[i]) - 1;
            depth = part > depth ? part : depth;
        }
    return depth;
}

/* The outermost root: one for all that the program has there. */
static const char *
root_of(const struct scope *scope, const char *file)
{
    const char *root = "";
    for (size_t i = 0; i < scope->root_count; i++)
        if (part_under(file, scope->roots[i]) && (!root[0] || strlen(scope->roots[i]) < strlen(root)))
            root = scope->roots[i];
    return root;
}

/* A command in an environment's bin was installed, as packages are. */
static bool
is_bin(const char *folder)
{
    size_t length = strlen(folder);
    return length > 4 && strcmp(folder + length - 4, "/bin") == 0;
}

/* A project may lie in a folder of a library's name, and a library in a project: the deepest folder decides. */
static struct scope_verdict
judge_path(const struct scope *scope, const char *file)
{
    size_t root = deepest(scope->roots, scope->root_count, file);
    size_t installed = part_installed(file);
    size_t library = deepest(scope->library, scope->library_count, file);
    for (size_t i = 0; i < scope->library_count; i++)
        if (library > installed && part_under(file, scope->library[i]) == library && is_bin(scope->library[i]))
            installed = library;
    if (root > library && root > installed)
        return (struct scope_verdict){true, FLOW_SCOPE_ROOT, root_of(scope, file)};
    if (library || installed)
        return (struct scope_verdict){false, installed >= library ? FLOW_SCOPE_INSTALLED : FLOW_SCOPE_STANDARD, ""};
    return (struct scope_verdict){false, FLOW_SCOPE_ELSEWHERE, ""};
}

/* As judge_path(), through links as well. */
static struct scope_verdict
judge_file(const struct scope *scope, const char *file)
{
    struct scope_verdict verdict = judge_path(scope, file);
    if (verdict.why != FLOW_SCOPE_ELSEWHERE)
        return verdict;
    char real[PATH_MAX];
    return realpath(file, real) ? judge_path(scope, real) : verdict;
}

const char *
scope_absolute(const struct scope *scope, const char *file, char *out, size_t size)
{
    if (file[0] == '/' || file[0] == '<' || file[0] == '\0' || !scope->folder)
        return file;
    while (file[0] == '.' && file[1] == '/')
        file += 2;
    size_t n = strlen(scope->folder);
    size_t length = strlen(file);
    if (n + length + 2 > size)
        return file;
    memcpy(out, scope->folder, n);
    out[n] = '/';
    memcpy(out + n + 1, file, length + 1);
    return out;
}

static bool
is_library(enum flow_scope why)
{
    return why == FLOW_SCOPE_STANDARD || why == FLOW_SCOPE_INSTALLED;
}

bool
scope_is_library(const struct scope *scope, const char *file)
{
    char path[PATH_MAX];
    return strncmp(file, "<frozen ", 8) == 0
           || is_library(judge_path(scope, scope_absolute(scope, file, path, sizeof path)).why);
}

/* --- rules -------------------------------------------------------------- */

/* A pattern stands for what it fits, and for all that lies in that. */
static bool
matches(const char *pattern, const char *text, char separator)
{
    char inner[PATTERN_MAX];
    size_t length = strlen(pattern);
    if (fnmatch(pattern, text, 0) == 0)
        return true;
    if (length + 3 > sizeof inner)
        return false;
    memcpy(inner, pattern, length);
    memcpy(inner + length, (char[]){separator, '*', '\0'}, 3);
    return fnmatch(inner, text, 0) == 0;
}

static bool
path_matches(const char *pattern, const char *file)
{
    return matches(pattern, file, '/') || part_under(file, pattern);
}

static bool
module_matches(const char *pattern, const char *module)
{
    return matches(pattern, module, '.');
}

/* --- the decision ------------------------------------------------------- */

/* What a person types: at a prompt, in a notebook's cell. */
static bool
is_typed(const char *file, const char *module)
{
    static const char *const starts[] = {"<stdin>", "<console>", "<python-input-", "<ipython-input-"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp(file, starts[i], strlen(starts[i])) == 0)
            return true;
    return strcmp(module, "__main__") == 0 && (file[0] == '<' || strstr(file, "/ipykernel_"));
}

static struct scope_verdict
judge(const struct scope *scope, const char *file, const char *path, const char *module, const char *module_file)
{
    char module_path[PATH_MAX];
    if (strncmp(file, "<frozen ", 8) == 0)
        return (struct scope_verdict){false, FLOW_SCOPE_STANDARD, ""};
    if (is_typed(file, module))
        return (struct scope_verdict){true, FLOW_SCOPE_TYPED, ""};
    if (file[0] == '/')
        return judge_file(scope, file);
    struct scope_verdict verdict = judge_path(scope, path);
    if (is_library(verdict.why))
        return verdict;
    if (module_file[0])
        verdict = judge_file(scope, scope_absolute(scope, module_file, module_path, sizeof module_path));
    if (verdict.why == FLOW_SCOPE_ELSEWHERE && file[0] == '<' && !module_file[0])
        verdict.why = FLOW_SCOPE_GENERATED;
    bool typed = !verdict.in && strcmp(module, "__main__") == 0 && file[0] != '<';
    return typed ? (struct scope_verdict){true, FLOW_SCOPE_TYPED, ""} : verdict;
}

struct scope_verdict
scope_decide(struct scope *scope, const char *file, const char *module, const char *module_file)
{
    char buffer[PATH_MAX];
    const char *path = scope_absolute(scope, file, buffer, sizeof buffer);
    struct scope_rule *last = NULL;
    for (size_t i = 0; i < scope->rule_count; i++) {
        struct scope_rule *rule = &scope->rules[i];
        if (rule->by_path ? path_matches(rule->pattern, path) : module_matches(rule->pattern, module))
            (last = rule)->matches++;
    }
    if (last)
        return (struct scope_verdict){last->include, FLOW_SCOPE_RULE, last->pattern};
    return judge(scope, file, path, module, module_file);
}
