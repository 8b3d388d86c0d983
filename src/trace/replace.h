/* replace.h - a new trace, made under another name, takes the place of an older one when it is done. */
#ifndef FLOW_REPLACE_H
#define FLOW_REPLACE_H

/* A new file beside `path`, under a name that nobody can have put there before, nor a process that was killed here have
 * left. Its descriptor, or -errno. The name is Owned by the caller. */
int replace_begin(char **temporary, const char *path);
/* Gives it the name `path`. 0; -EBUSY if somebody records to what has that name; -errno. */
int replace_end(const char *temporary, const char *path);

#endif
