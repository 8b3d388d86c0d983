/* way.h - what an exception or a call went through, a call a line: "raised in  pay(amount=50)   errors.py:13  #7". */
#ifndef FLOW_WAY_H
#define FLOW_WAY_H

#include "printer.h"

/* `without`: enum line_part; `line` 0: no place is said. */
void way_print_call(struct printer *printer, size_t indent, const char *label, uint32_t call, uint32_t line,
                    unsigned without);
/* The words in printer->line, cut to the width; `right` at the right if there is room. */
void way_print_words(struct printer *printer, size_t indent, const char *label, struct style style, struct text *right);
void way_print_sentence(struct printer *printer, size_t indent, const char *label);
/* Where it was raised, what it left, where it ended. */
void way_print(struct printer *printer, size_t indent, const struct exception *exception);

#endif
