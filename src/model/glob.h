/* glob.h - names with wildcards as a shell has them: * any text, ? one character, [a-z] [!a-z] one of several. */
#ifndef FLOW_GLOB_H
#define FLOW_GLOB_H

#include "../trace/slice.h"

bool glob_matches(const char *pattern, struct slice text);
/* The byte at which a bracket begins that nothing closes, from 1; 0 if there is none. */
size_t glob_fault(const char *pattern);
/* The character, as a person counts, that begins at that byte. */
unsigned glob_fault_character(const char *pattern, size_t fault);
/* Does it stand for more than one name? */
bool glob_is_wild(const char *pattern);

#endif
