/* libfuzzer.c - the fuzzer that looks at which code an input reaches. Needs clang. */
#include <stdio.h>
#include <stdlib.h>

#include "mutate.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned random);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size,
                                 uint8_t *out, size_t room, unsigned random);

void
target_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: this doesn't hold: %s\n", file, line, what);
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    target_run(data, size);
    return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned random)
{
    return mutate(data, size, room, random);
}

size_t
LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *other, size_t other_size, uint8_t *out,
                          size_t room, unsigned random)
{
    return mutate_cross(one, one_size, other, other_size, out, room, random);
}
