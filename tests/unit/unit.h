/* unit.h - a test harness in a page. TEST(name) { CHECK(...); } registers itself;
 * main.c runs all tests, or those whose name contains its argument. */
#ifndef FLOW_UNIT_H
#define FLOW_UNIT_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit_test {
    const char *name;
    void (*run)(void);
    struct unit_test *next;
};

void unit_register(struct unit_test *test);
/* Notes a failure of the running test; it goes on. */
void unit_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define TEST(test_name)                                                      \
    static void test_##test_name(void);                                      \
    __attribute__((constructor)) static void register_##test_name(void)      \
    {                                                                        \
        static struct unit_test test = {#test_name, test_##test_name, NULL}; \
        unit_register(&test);                                                \
    }                                                                        \
    static void test_##test_name(void)

#define CHECK(condition)                                     \
    do {                                                     \
        if (!(condition))                                    \
            unit_fail(__FILE__, __LINE__, "%s", #condition); \
    } while (0)

#define CHECK_NUMBER(actual, expected)                                                                  \
    do {                                                                                                \
        long long unit_actual = (long long)(actual);                                                    \
        long long unit_expected = (long long)(expected);                                                \
        if (unit_actual != unit_expected)                                                               \
            unit_fail(__FILE__, __LINE__, "%s is %lld, not %lld", #actual, unit_actual, unit_expected); \
    } while (0)

#define CHECK_TEXT(actual, length, expected)                                                                \
    do {                                                                                                    \
        const char *unit_actual = (actual);                                                                 \
        size_t unit_length = (length);                                                                      \
        if (unit_length != strlen(expected) || (unit_length && memcmp(unit_actual, expected, unit_length))) \
            unit_fail(__FILE__, __LINE__, "\"%.*s\" instead of \"%s\"", (int)unit_length,                   \
                      unit_length ? unit_actual : "", expected);                                            \
    } while (0)

#endif
