/* surroundings.h - what a process says of itself when its recording begins: its PROCESS record.
 *
 * All is asked of the system or read from exact types: nothing of the program's runs. What is too long is cut, so that
 * the record fits one unit. */
#ifndef FLOW_SURROUNDINGS_H
#define FLOW_SURROUNDINGS_H

#include "recorder.h"

/* Encodes it in recorder->process_record. -1 with an exception. */
int surroundings_encode(struct recorder *recorder, const struct recorder_options *options);

#endif
