/* region_function.c - a region is a function of its name, its keywords and the place where it stands.
 *
 * Names may be made without end (f"request {n}"), so few are kept: one that nobody is in makes room for the next.
 */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "region.h"
#include "secret.h"

#define WAYS 4
#define NAME_MAX_BYTES 512
#define KEYWORDS_MAX 32
#define KEYWORD_MAX_BYTES 64
#define FILE_MAX 2048
#define MODULE_MAX 255
#define FRAMES_MAX 16
#define KEY_MAX (NAME_MAX_BYTES + KEYWORDS_MAX * (KEYWORD_MAX_BYTES + 1) + FILE_MAX + MODULE_MAX + 32)

struct region_function {
    struct function function; /* first: what the others know it by */
    uint32_t uses;
    uint32_t session;         /* whose rules of secrets have judged its keywords */
    bool kept;                /* in the table */
    size_t key_size;
    char key[];               /* name, keywords, module and file, each ended by a NUL, flags, line */
};

static struct region_function *
of(struct function *function)
{
    return (struct region_function *)(void *)function;
}

/* --- where it stands ---------------------------------------------------- */

struct site {
    PyCodeObject *code; /* Owned, as is the next; or NULL */
    PyObject *globals;
    int line;
};

static struct site
site_of(PyFrameObject *frame)
{
    return (struct site){PyFrame_GetCode(frame), PyFrame_GetGlobals(frame), PyFrame_GetLineNumber(frame)};
}

static void
leave_site(struct site *site)
{
    Py_CLEAR(site->code);
    Py_CLEAR(site->globals);
}

/* The nearest frame of the program's own: an ExitStack may have entered the region for it. Else the nearest of all. */
static struct site
find_site(struct recorder *recorder)
{
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    struct site nearest = {0};
    for (int i = 0; frame && i < FRAMES_MAX; i++) {
        struct site site = site_of(frame);
        struct function *function = function_decide(recorder, site.code, site.globals);
        bool own = function && function->in_scope;
        if (own)
            leave_site(&nearest);
        if (own || i == 0)
            nearest = site;
        else
            leave_site(&site);
        if (own)
            break;
        Py_SETREF(frame, PyFrame_GetBack(frame));
    }
    Py_XDECREF(frame);
    return nearest;
}

/* --- its key ------------------------------------------------------------ */

static size_t
put_text(char *key, size_t n, PyObject *text, size_t limit)
{
    size_t length = text && PyUnicode_Check(text) ? value_name(text, key + n, limit + 1) : 0;
    key[n + length] = '\0';
    return n + length + 1;
}

/* A name may hold a token, as any text does. */
static size_t
put_name(struct thread *thread, char *key, PyObject *name)
{
    bool complete;
    size_t n = value_utf8(name, key, NAME_MAX_BYTES, &complete);
    if (secret_scrub(&thread_names(thread)->secrets, key, &n, complete)) {
        memcpy(key, "***", 3);
        n = 3;
    }
    return value_end_name(key, n, NAME_MAX_BYTES + 1) + 1;
}

static uint32_t
count_keywords(const struct region_words *words)
{
    Py_ssize_t count = words->keywords ? PyTuple_GET_SIZE(words->keywords) : 0;
    return count < KEYWORDS_MAX ? (uint32_t)count : KEYWORDS_MAX;
}

/* Module, file and line. */
static size_t
put_place(struct recorder *recorder, char *key, size_t n, PyObject *place, uint32_t *line)
{
    struct site site = place ? (struct site){0} : find_site(recorder);
    PyObject *file = place ? PyTuple_GET_ITEM(place, 1) : site.code ? site.code->co_filename : NULL;
    n = put_text(key, n, place ? PyTuple_GET_ITEM(place, 0) : function_find_global(site.globals, "__name__"),
                 MODULE_MAX);
    n = put_text(key, n, file, FILE_MAX);
    int where = place ? (int)PyLong_AsLong(PyTuple_GET_ITEM(place, 2)) : site.line;
    *line = where > 0 ? (uint32_t)where : 0;
    leave_site(&site);
    PyErr_Clear();
    return n;
}

static size_t
make_key(struct thread *thread, char *key, const struct region_words *words, uint32_t flags)
{
    uint32_t line;
    size_t n = put_name(thread, key, words->name);
    for (uint32_t i = 0; i < count_keywords(words); i++)
        n = put_text(key, n, PyTuple_GET_ITEM(words->keywords, i), KEYWORD_MAX_BYTES);
    n = put_place(thread->recorder, key, n, words->place, &line);
    memcpy(key + n, &flags, sizeof flags);
    memcpy(key + n + sizeof flags, &line, sizeof line);
    return n + sizeof flags + sizeof line;
}

static uint64_t
hash_key(const char *key, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)key[i]) * 0x100000001b3u;
    return hash;
}

/* --- functions ---------------------------------------------------------- */

static void
destroy(struct region_function *region)
{
    writer_code_free(&region->function.code);
    free(region->function.parameters);
    free(region);
}

static char *
take_text(const char **p)
{
    char *copy = strdup(*p);
    *p += strlen(*p) + 1;
    return copy;
}

static bool
fill(struct function *function, const char *p, uint32_t keywords)
{
    struct writer_code *code = &function->code;
    code->parameters = calloc((size_t)keywords + 1, sizeof *code->parameters);
    function->parameters = calloc((size_t)keywords + 1, sizeof *function->parameters);
    code->qualname = take_text(&p);
    bool ok = code->parameters && function->parameters && code->qualname;
    for (uint32_t i = 0; ok && i < keywords; i++) {
        code->parameters[i].kind = FLOW_PARAMETER_KEYWORD_ONLY;
        code->parameters[i].name = take_text(&p);
        ok = code->parameters[i].name != NULL;
        code->parameter_count += ok;
    }
    if (!ok)
        return false;
    code->module = take_text(&p);
    code->file = take_text(&p);
    memcpy(&code->flags, p, sizeof code->flags);
    memcpy(&code->first_line, p + sizeof code->flags, sizeof code->first_line);
    return code->module && code->file;
}

static struct region_function *
make(struct recorder *recorder, const char *key, size_t size, uint32_t keywords)
{
    struct region_function *region = calloc(1, sizeof *region + size);
    if (!region)
        return NULL;
    memcpy(region->key, key, size);
    region->key_size = size;
    region->session = recorder->session - 1;
    region->function.start_offset = -1;
    region->function.in_scope = true;
    region->function.code.number = recorder->next_function++;
    if (fill(&region->function, key, keywords))
        return region;
    destroy(region);
    return NULL;
}

static void
judge(struct thread *thread, struct region_function *region)
{
    const struct secret_rules *rules = &thread_names(thread)->secrets;
    struct function *function = &region->function;
    for (uint32_t i = 0; i < function->code.parameter_count; i++) {
        const char *name = function->code.parameters[i].name;
        function->parameters[i].secret = secret_is_name(rules, name, strlen(name));
    }
    region->session = thread->recorder->session;
}

/* The slot of the table that it is in, or may have; NULL if calls of all that might go still run. */
static struct region_function **
find_slot(struct region_functions *table, const char *key, size_t size)
{
    size_t slots = sizeof table->known / sizeof *table->known;
    struct region_function **set = &table->known[hash_key(key, size) % slots & ~(size_t)(WAYS - 1)];
    struct region_function **unused = NULL;
    for (size_t i = 0; i < WAYS; i++)
        if (set[i] && set[i]->key_size == size && memcmp(set[i]->key, key, size) == 0)
            return &set[i];
    for (size_t i = 0; i < WAYS && !unused; i++)
        if (!set[i])
            unused = &set[i];
    for (size_t i = 0; i < WAYS && !unused; i++) {
        struct region_function **slot = &set[table->turn++ % WAYS];
        if (!(*slot)->uses)
            unused = slot;
    }
    return unused;
}

static struct region_function *
find_or_make(struct thread *thread, const char *key, size_t size, uint32_t keywords)
{
    struct recorder *recorder = thread->recorder;
    struct region_function **slot = find_slot(recorder->region_functions, key, size);
    struct region_function *known = slot ? *slot : NULL;
    if (known && known->key_size == size && memcmp(known->key, key, size) == 0)
        return known;
    struct region_function *region = make(recorder, key, size, keywords);
    if (!region || !slot)
        return region;
    if (known)
        destroy(known);
    region->kept = true;
    *slot = region;
    return region;
}

struct function *
region_function(struct thread *thread, const struct region_words *words, uint32_t flags)
{
    struct recorder *recorder = thread->recorder;
    char key[KEY_MAX];
    size_t size = make_key(thread, key, words, flags);
    compat_lock(&recorder->shared);
    if (!recorder->region_functions)
        recorder->region_functions = calloc(1, sizeof *recorder->region_functions);
    struct region_function *region = NULL;
    if (recorder->region_functions)
        region = find_or_make(thread, key, size, count_keywords(words));
    if (region) {
        region->uses++;
        if (region->session != recorder->session)
            judge(thread, region);
    }
    compat_unlock(&recorder->shared);
    return region ? &region->function : NULL;
}

void
region_release(struct recorder *recorder, struct function *function)
{
    struct region_function *region = of(function);
    compat_lock(&recorder->shared);
    bool last = --region->uses == 0 && !region->kept;
    compat_unlock(&recorder->shared);
    if (last)
        destroy(region);
}

void
region_forget_functions(struct recorder *recorder)
{
    struct region_functions *table = recorder->region_functions;
    if (!table)
        return;
    for (size_t i = 0; i < sizeof table->known / sizeof *table->known; i++) {
        if (table->known[i])
            destroy(table->known[i]);
    }
    free(table);
    recorder->region_functions = NULL;
}
