/* binding.h - what the extension module's files share: errors, text, the trace types.
 *
 * Types are made per module and kept in a struct binding_types behind the
 * recorder's state: each interpreter has its own. Objects that read a trace hold a reference to its Trace, so
 * slices and values stay valid as long as anybody can ask for them.
 */
#ifndef FLOW_BINDING_H
#define FLOW_BINDING_H

#include "../model/child_lists.h"
#include "../model/filter.h"
#include "../model/label.h"
#include "../model/model.h"
#include "../model/text.h"
#include "../record/compat.h"
#include "../trace/writer.h"

/* All owned by the module, which its types keep alive; Borrowed by whoever asks. */
struct binding_types {
    PyTypeObject *trace, *call, *function, *track, *exception, *value, *calls, *location, *wait, *region, *rows;
    PyObject *error; /* FlowTraceError */
    PyObject *progress; /* what set_progress() was given, or NULL */
};

struct trace {
    PyObject_HEAD
    const struct binding_types *types; /* Borrowed from the module */
    struct reader reader;
    struct model model;
    struct child_lists children;
    bool is_open;
    PyObject *path; /* Owned, str */
};

/* The module's state, behind the recorder. */
struct binding_types *binding_types_of(PyObject *module);
int binding_types_visit(struct binding_types *types, visitproc visit, void *arg);
void binding_types_clear(struct binding_types *types);

/* Sets FlowTraceError, or MemoryError for -ENOMEM; returns NULL. */
void *binding_fail(const struct binding_types *types, int error, const char *path, const char *message);
/* So many calls are read of a big trace unless somebody asks for more: some 4 GB. */
#define BINDING_NEWEST 40000000

/* The model of a file, of about its `newest` calls, 0 for all, built. 0, or -1 with an exception set. */
int binding_load(const struct binding_types *types, struct reader *reader, struct model *model, const char *path,
                 uint64_t newest);

/* As above, for one that also wants events; its progress is set here. */
int binding_load_watched(const struct binding_types *types, struct reader *reader, struct model *model,
                         const char *path, uint64_t newest, struct model_watcher *watcher);

/* progress.c: what runs without the GIL tells here how far it is, so that signals are heard and the person waiting sees
 * something. Begun with the GIL, used without it, by the same thread. After -ECANCELED an exception is set. */
struct binding_progress {
    struct progress progress;
    const struct binding_types *types; /* Borrowed */
    PyThreadState *thread;
    uint64_t last_ns;
};
void binding_progress_begin(struct binding_progress *out, const struct binding_types *types);
PyObject *binding_set_progress(PyObject *module, PyObject *callable);

/* The filter of a list of (option, text), which may be NULL or None. 0, or -1 with an exception set: FlowTraceError
 * for what can't be understood. */
int binding_filter(const struct binding_types *types, struct filter *out, PyObject *filters);
/* Leaves in the model what the filter lets through. 0, or -1 with an exception set; then free the model. */
int binding_select(const struct binding_types *types, struct model *model, const struct filter *filter);
/* Both, with binding_load(). */
int binding_load_filtered(const struct binding_types *types, struct reader *reader, struct model *model,
                          const char *path, uint64_t newest, PyObject *filters);
/* The same with a watcher, or NULL. */
int binding_load_filtered_watched(const struct binding_types *types, struct reader *reader, struct model *model,
                                  const char *path, uint64_t newest, PyObject *filters, struct model_watcher *watcher);
/* Have filters left no call of those that were there? Then a sentence says so. */
bool binding_nothing_left(const struct model *model, struct text *out);

/* `cells`: a dict of files and the names that are told instead, whose texts must stay as long as the model; may be NULL
 * or None. Statements of cells are taken out of the model, their calls move up. 0, or -1 with an exception set. */
int binding_name_cells(const struct binding_types *types, struct reader *reader, struct model *model, PyObject *cells);
/* Is there no call in a notebook's trace? Then a sentence says so. */
bool binding_nothing_of_cells(const struct model *model, PyObject *cells, struct text *out);

PyObject *binding_str(struct slice slice);
/* The text as str or bytes; frees it. NULL with MemoryError if it had failed. */
PyObject *binding_text_str(struct text *text);
PyObject *binding_text_bytes(struct text *text);

/* What was recorded, as text: str. */
PyObject *binding_value_text(const struct reader *reader, struct value value);
/* ... as the object it was, where that is plain data; else ValueError. */
PyObject *binding_value_python(const struct trace *trace, struct value value);
/* What str() of the exception would have said, as far as it was recorded. */
PyObject *binding_exception_message(const struct reader *reader, struct value args);

PyObject *binding_track_name(const struct track *track);
/* exception_info.c */
PyObject *binding_exception_notes(const struct exception *exception);
PyObject *binding_exception_files(const struct exception *exception);
PyObject *binding_exception_leaves(const struct exception *exception);
PyObject *binding_exception_path(struct trace *trace, const struct exception *exception);
PyObject *binding_exception_journeys(struct trace *trace, const struct exception *exception);
PyObject *binding_exception_qualified_type(const struct exception *exception);
PyObject *binding_exception_meaning(const struct exception *exception);
PyObject *binding_exception_cause_kind(const struct exception *exception);

PyObject *binding_call(struct trace *trace, uint32_t number); /* None for MODEL_NONE */
/* A tuple of all `count` functions, tracks or exceptions. */
PyObject *binding_items(PyTypeObject *type, struct trace *trace, uint32_t count);
/* The number that `object` stands for, MODEL_NONE if it is not of this type and trace. */
uint32_t binding_number_of(PyTypeObject *type, const struct trace *trace, PyObject *object);
PyObject *binding_trace_events(struct trace *trace);

struct show_options;
/* What stands at the right of a line: fields by name, with commas between. 0, or -1 with ValueError. */
int binding_fields(const char *names, struct show_options *options);

int binding_add_constants(PyObject *module);
/* timeline.c: what show's view of that name prints. */
PyObject *binding_timeline(PyObject *module, PyObject *path, PyObject *filters, const struct show_options *options);
PyObject *binding_show(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_diff(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_export(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_html(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_find(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_info(PyObject *module, PyObject *args, PyObject *kwargs);
/* reports.c */
PyObject *binding_graph(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_report(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_live(PyObject *module, PyObject *path);
PyObject *binding_show_since(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_verify(PyObject *module, PyObject *path);
PyObject *binding_add_status(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *binding_limit_reached(PyObject *module, PyObject *path);
PyObject *binding_why_stopped(PyObject *module, PyObject *path);
PyObject *binding_recover(PyObject *module, PyObject *args);
/* Adds `records`, already encoded, in the name of that process, and the hashes that can be had now of the sources that
 * have none. 0 or -errno. */
int binding_hash_sources(struct trace_file *file, struct reader *reader, uint32_t process, uint32_t pid,
                         const uint8_t *records, size_t length);
/* The same of a trace that nobody has open. */
void binding_hash_quietly(const char *path);
PyObject *binding_hash(PyObject *module, PyObject *path);
/* New list of dicts. */
PyObject *binding_sources(const struct model *model);
PyObject *binding_trace_start(PyObject *module, PyObject *path);
PyObject *binding_merge(PyObject *module, PyObject *args);
/* page.c */
struct export_format;
extern const struct export_format binding_page_format;
/* html.c: _repr_html_() */
PyObject *binding_trace_html(PyObject *self, PyObject *ignored);
PyObject *binding_call_html(PyObject *self, PyObject *ignored);
int binding_add_trace_types(PyObject *module);
/* region_type.c */
int binding_add_region(PyObject *module);
extern const char binding_note_doc[];
/* A region that says it stands elsewhere: (name, (module, file, line)). */
PyObject *binding_region_at(PyObject *module, PyObject *args);
PyObject *binding_note(PyObject *module, PyObject *const *args, Py_ssize_t count, PyObject *keywords);
int binding_add_call_types(PyObject *module);
int binding_add_table_types(PyObject *module);
/* A list of (name, what, tuple of (name, is_text, what) of columns). */
PyObject *binding_table_columns(PyObject *module, PyObject *ignored);

#endif
