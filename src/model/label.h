/* label.h - how calls, functions and exceptions are named in every view. */
#ifndef FLOW_LABEL_H
#define FLOW_LABEL_H

#include "model.h"
#include "text.h"

/* "price", "Cart.add", "json.dumps" of a library, "<lambda app.py:12>", "import orders.pricing", "app.py", "class Order". */
void label_function(struct text *out, const struct code *code);
/* The last part of a path. */
struct slice label_file(struct slice path);
/* "PaymentError('card declined')", or the type alone. */
void label_exception(struct text *out, const struct model *model, const struct exception *exception, bool with_message,
                     unsigned width);
/* "thread", "task", "greenlet" */
const char *label_track_kind(const struct track *track);
/* The words that the API and exports have for these: "main", "thread", ...; "function", "generator", ... "module",
 * "class", "library"; "running", "returned", "raised", "abandoned". */
const char *label_kind_of_track(const struct track *track);
const char *label_kind_of_function(const struct code *code);
const char *label_outcome(const struct call *call);
/* What was run: its command line, which tells runs of one program apart; of a notebook's kernel the program. */
struct slice label_command(const struct process *process);
/* "app.py on desk": which program the process was, and where; as far as that is known. */
void label_program(struct text *out, const struct process *process);
/* "app.py [1234]", and its machine where traces were merged. */
void label_process(struct text *out, const struct model *model, const struct process *process);
void label_track_name(struct text *out, const struct track *track);
/* "main thread", "thread worker", "task Task-1" */
void label_track(struct text *out, const struct track *track);
/* "1,204" */
void label_count(struct text *out, uint64_t count);
/* "64M" */
void label_size(struct text *out, uint64_t bytes);
/* How many calls of how many threads found no slot, and the remedy. */
void label_unplaced(struct text *out, const struct flow_bound *bound);
/* "1 call", "1,204 calls" */
void label_counted(struct text *out, uint64_t count, const char *one, const char *many);
/* "call", "calls" */
const char *label_plural(uint64_t count, const char *one, const char *many);

#endif
