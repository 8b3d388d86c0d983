/* The story of exceptions alone. */
#include "../../src/model/fate.h"
#include "random_trace.h"
#include "show_fixture.h"

static const struct show_options PLAIN = {
    .lines = 200, .width = 80, .arguments = true, .results = true, .exceptions = 8};

#define SHOWS(expected) check_view(&f, show_errors, &options, expected, __FILE__, __LINE__)

TEST(exceptions_are_told_by_what_came_of_them)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ careful(5){ pay{ charge! }^ retry:3 }:7 report{ work! log_it } last{ end! }^ }^");
    SHOWS("Not caught\n"
          "\n"
          "✗ ValueError('message')\n"
          "   raised in  raiser                                           raiser.py:41\n"
          "   left       end()                                                          #10\n"
          "   left       last()                                                          #9\n"
          "   left       main()                                                          #1\n"
          "   not caught: it ended the program\n"
          "\n"
          "Swallowed: caught, and no recorded call tells that anything came of it\n"
          "\n"
          "✗ ValueError('message')\n"
          "   raised in  raiser                                           raiser.py:41\n"
          "   left       charge()                                                        #4\n"
          "   left       pay()                                                           #3\n"
          "   caught in  careful(a=5) → 7                                    file.py:9   #2\n"
          "   then       retry() → 3                                                     #5\n"
          "\n"
          "Caught\n"
          "\n"
          "✗ ValueError('message')\n"
          "   raised in  raiser                                           raiser.py:41\n"
          "   left       work()                                                          #7\n"
          "   caught in  report()                                            file.py:9   #6\n"
          "   told to    log_it()                                                        #8\n"
          "\n"
          "Library calls were not recorded: what went to print or logging is seen with\n"
          "flowtrace run --boundary.\n");
    finish(&f);
}

TEST(no_exception_is_said)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ load }");
    SHOWS("No exception was recorded. One that was raised and caught within one call leaves\n"
          "no trace unless the program is run with flowtrace run --caught.\n");
    finish(&f);
}

TEST(repeated_exceptions_fold_and_recursion_is_a_word)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ careful{ charge! }*30 deep{ down{ down{ down{ end! }^ }^ }^ } }");
    SHOWS("Swallowed: caught, and no recorded call tells that anything came of it\n"
          "\n"
          "✗ ValueError('message')                                                      ×30\n"
          "   raised in  raiser                                           raiser.py:41\n"
          "   left       charge()                                                        #3\n"
          "   caught in  careful()                                           file.py:9   #2\n"
          "\n"
          "✗ ValueError('message')\n"
          "   raised in  raiser                                           raiser.py:41\n"
          "   left       end()                                                          #66\n"
          "   left       down()                                                         #65\n"
          "   left       ↻ 2 more calls of itself\n"
          "   caught in  deep()                                              file.py:9  #62\n"
          "\n"
          "Library calls were not recorded: what went to print or logging is seen with\n"
          "flowtrace run --boundary.\n");
    finish(&f);
}

TEST(a_long_way_shows_its_ends)
{
    struct fixture f;
    struct show_options options = PLAIN;
    options.exceptions = 5;
    begin(&f, "main{ a{ b{ c{ d{ e{ f{ g! }^ }^ }^ }^ }^ }^ }^ }");
    SHOWS("Not caught\n"
          "\n"
          "✗ ValueError('message')\n"
          "   raised in  raiser                                            raiser.py:41\n"
          "   left       g()                                                             #8\n"
          "   left       … 5 more calls\n"
          "   left       a()                                                             #2\n"
          "   left       main()                                                          #1\n"
          "   not caught: it ended the program\n");
    finish(&f);
}

TEST(what_does_not_fit_is_counted)
{
    struct fixture f;
    struct show_options options = PLAIN;
    char calls[2048] = "main{ ";
    for (int i = 0; i < 30; i++)
        snprintf(calls + strlen(calls), sizeof calls - strlen(calls), "f%d{ g%d! } ", i, i);
    strcat(calls, "}");
    begin(&f, calls);
    options.lines = 24;
    text_truncate(&f.text, 0);
    CHECK_NUMBER(show_errors(&f.text, &f.model, &options), 0);
    unsigned lines = 0;
    for (size_t i = 0; i < f.text.length; i++)
        lines += f.text.data[i] == '\n';
    CHECK(lines <= 24);
    text_bytes(&f.text, "", 1);
    CHECK(strstr(f.text.data, "Not shown: 27 swallowed; --lines N shows more, --all everything."));
    options.lines = 0;
    text_truncate(&f.text, 0);
    CHECK_NUMBER(show_errors(&f.text, &f.model, &options), 0);
    text_bytes(&f.text, "", 1);
    CHECK(strstr(f.text.data, "g29()"));
    CHECK(!strstr(f.text.data, "Not shown"));
    finish(&f);
}

static bool
tells(const char *module, const char *qualname)
{
    struct code code = {.module = {module, strlen(module)}, .qualname = {qualname, strlen(qualname)}};
    return fate_tells(&code);
}

TEST(names_that_report_are_known)
{
    CHECK(tells("app", "log"));
    CHECK(tells("app", "log_failure"));
    CHECK(tells("app", "Store.logError"));
    CHECK(tells("app", "_print"));
    CHECK(tells("app", "on_exception"));
    CHECK(tells("logging", "Logger.info"));
    CHECK(tells("logging.handlers", "emit"));
    CHECK(tells("app", "Log.debug"));
    CHECK(!tells("app", "login"));
    CHECK(!tells("app", "get_info"));
    CHECK(!tells("app", "catalog"));
    CHECK(!tells("app", "blueprint"));
    CHECK(!tells("app", "Error.__init__"));
    CHECK(!tells("app", "fallback"));
    CHECK(!tells("app", ""));
}

/* Each exception that a story counts is told once, as itself or as what another was raised for. */
TEST(no_exception_is_lost_from_the_telling)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct random_trace r;
        struct fixture f = {.text = {0}};
        struct show_options options = PLAIN;
        options.lines = 0;
        random_trace(&r, seed, 20u << seed % 6);
        CHECK_NUMBER(build_open(&r.b, &f.reader), 0);
        CHECK_NUMBER(model_build(&f.model, &f.reader), 0);
        CHECK_NUMBER(show_errors(&f.text, &f.model, &options), 0);
        text_bytes(&f.text, "", 1);
        uint64_t told = 0, expected = 0;
        for (const char *p = strstr(f.text.data, "\n✗ "); p; p = strstr(p + 1, "\n✗ ")) {
            const char *end = strchr(p + 1, '\n');
            const char *times = end;
            while (times > p && *times != ' ')
                times--;
            unsigned long count = 1;
            if (strncmp(times, " ×", 3) == 0) {
                count = 0;
                for (const char *q = times + 3; q < end; q++)
                    count = *q == ',' ? count : 10 * count + (unsigned long)(*q - '0');
            }
            told += count;
        }
        for (uint32_t i = 0; i < f.model.exception_count; i++) {
            const struct exception *e = &f.model.exceptions[i];
            expected += (e->calls_left || e->caught_by != MODEL_NONE || e->landed_in != MODEL_NONE) && !e->benign;
        }
        if (told != expected)
            unit_fail(__FILE__, __LINE__, "seed %u tells %u of %u", (unsigned)seed, (unsigned)told, (unsigned)expected);
        text_free(&f.text);
        model_free(&f.model);
        reader_close(&f.reader);
        build_free(&r.b);
    }
}
