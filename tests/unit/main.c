#include "unit.h"

#include <stdarg.h>
#include <stdlib.h>

static struct unit_test *first, *last;
static unsigned failures; /* of the running test */

void
unit_register(struct unit_test *test)
{
    if (last)
        last->next = test;
    else
        first = test;
    last = test;
}

void
unit_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s:%d: ", file, line);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    failures++;
}

int
main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    for (struct unit_test *test = first; test; test = test->next) {
        if (argc > 1 && !strstr(test->name, argv[1]))
            continue;
        failures = 0;
        test->run();
        if (failures)
            printf("FAILED %s\n", test->name);
        *(failures ? &failed : &passed) += 1;
        fflush(stdout);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed || !passed ? EXIT_FAILURE : EXIT_SUCCESS;
}
