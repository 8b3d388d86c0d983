/* What `flowtrace report` prints, to the letter. */
#include "../../src/show/report.h"

#include "model_fixture.h"
#include "story_builder.h"

static struct report_options
usual(void)
{
    return (struct report_options){.show = {.width = 100, .time = true}, .limit = 40};
}

static void
check_report(const struct fixture *f, struct report_options options, const char *expected, int line)
{
    struct text text = {0};
    CHECK_NUMBER(show_report(&text, &f->model, &options), 0);
    check_told(&text, expected, __FILE__, line);
    text_free(&text);
}

#define REPORTS(f, options, expected) check_report(f, options, expected, __LINE__)

#define MEANING                                                                                            \
    "This is no profiler: times include what recording cost. total counts a recursion once, self leaves\n" \
    "out what was called, neither counts waits."

TEST(a_report_is_a_table)
{
    struct fixture f;
    build_story(&f.b, "main{ a{ b } b b }");
    end(&f);
    REPORTS(&f, usual(),
            "5 calls of 3 functions · 100 ns\n\n"
            "calls    total     self      min   median      max  shapes  function\n"
            "    1    90 ns    40 ns                                  1  main  file.py:7\n"
            "    1    30 ns    20 ns                                  1  a  file.py:7\n"
            "    3    30 ns    30 ns    10 ns    10 ns    10 ns       1  b  file.py:7\n\n" MEANING "\n");
    finish(&f);
}

TEST(a_report_is_sorted_by_any_column)
{
    struct fixture f;
    build_story(&f.b, "main{ a{ b } b b }");
    end(&f);
    struct report_options options = usual();
    options.show.time = false;
    options.sort = "calls";
    REPORTS(&f, options,
            "5 calls of 3 functions\n\n"
            "calls  shapes  function\n"
            "    3       1  b  file.py:7\n"
            "    1       1  main  file.py:7\n"
            "    1       1  a  file.py:7\n");
    options.sort = "name";
    options.limit = 1;
    REPORTS(&f, options,
            "5 calls of 3 functions\n\n"
            "calls  shapes  function\n"
            "    1       1  a  file.py:7\n"
            "… 2 more functions: --limit N\n");
    options.reverse = true;
    REPORTS(&f, options,
            "5 calls of 3 functions\n\n"
            "calls  shapes  function\n"
            "    1       1  main  file.py:7\n"
            "… 2 more functions: --limit N\n");
    finish(&f);
}

TEST(a_report_says_what_was_raised_and_what_has_not_ended)
{
    struct fixture f;
    build_story(&f.b, "main{ pay! wait?");
    end(&f);
    struct report_options options = usual();
    options.sort = "name";
    REPORTS(&f, options,
            "3 calls of 3 functions · 40 ns\n\n"
            "calls  open    total     self      min   median      max  raised  shapes  function\n"
            "    1     1    30 ns    20 ns                                          1  main  file.py:7\n"
            "    1          10 ns    10 ns                                  1       1  pay  file.py:7\n"
            "    1     1     0 ns     0 ns                                          1  wait  file.py:7\n\n" MEANING
            " 2 calls have not ended: counted as far as recorded.\n");
    options.by = REPORT_BY_EXCEPTION;
    options.sort = NULL;
    REPORTS(&f, options,
            "1 exception of 1 type · 40 ns\n\n"
            "raised  caught  left  places  exception\n"
            "     1       1     1       1  ValueError  raised raiser.py:41\n");
    finish(&f);
}

TEST(a_narrow_report_keeps_what_tells_most)
{
    struct fixture f;
    build_story(&f.b, "main{ a{ b } b b }");
    end(&f);
    struct report_options options = usual();
    options.limit = 1;
    options.show.width = 50;
    REPORTS(&f, options,
            "5 calls of 3 functions · 100 ns\n\n"
            "calls    total     self  function\n"
            "    1    90 ns    40 ns  main  file.py:7\n"
            "… 2 more functions: --limit N\n\n"
            "This is no profiler: times include what recording\n"
            "cost. total counts a recursion once, self leaves\n"
            "out what was called, neither counts waits. Not all\n"
            "columns fit: --width N, --csv.\n");
    options.show.width = 1;
    options.show.time = false;
    options.show.ascii = true;
    REPORTS(&f, options,
            "5\ncalls\nof\n3\nfunctions\n\n"
            "f\n"
            "b\n"
            "...\n2\nmore\nfunctions:\n--limit\nN\n\n"
            "Not\nall\ncolumns\nfit:\n--width\nN,\n--csv.\n");
    finish(&f);
}

static void
build_evil(struct trace_builder *b)
{
    build_trace(b, FLOW_CLOCK_MONOTONIC);
    build_chunk(b, 1, 1, 0);
    build_call(b, 10, "a\x1b[31m\n\"b\",");
    build_record(b, 10, FLOW_RETURN);
    build_call(b, 10, "\xe5\x8f\x96\xff");
    build_record(b, 10, FLOW_RETURN);
}

TEST(names_in_a_report_do_nothing_to_a_terminal)
{
    struct fixture f;
    build_evil(&f.b);
    end(&f);
    struct report_options options = usual();
    options.show.time = false;
    options.sort = "name";
    REPORTS(&f, options,
            "2 calls of 2 functions\n\n"
            "calls  shapes  function\n"
            "    1       1  a\\x1b[31m\\n\"b\",  file.py:7\n"
            "    1       1  取\xef\xbf\xbd  file.py:7\n");
    options.format = REPORT_CSV;
    REPORTS(&f, options,
            "function,module,file,line,calls,open,raised,stops,cancelled,shapes\n"
            "\"a\\x1b[31m\\n\"\"b\"\",\",module,file.py,7,1,0,0,0,0,1\n"
            "取\xef\xbf\xbd,module,file.py,7,1,0,0,0,0,1\n");
    options.format = REPORT_JSON;
    options.show.ascii = true;
    REPORTS(&f, options,
            "{\"program\": \"\", \"by\": \"function\", \"calls\": 2, \"open\": 0, \"rows_in_all\": 2, \"rows\": [\n"
            "{\"function\": \"a\\u001b[31m\\u000a\\\"b\\\",\", \"module\": \"module\", \"file\": \"file.py\", "
            "\"line\": 7, \"calls\": 1, \"open\": 0, \"raised\": 0, \"stops\": 0, \"cancelled\": 0, \"shapes\": 1},\n"
            "{\"function\": \"\\u53d6\\ufffd\", \"module\": \"module\", \"file\": \"file.py\", "
            "\"line\": 7, \"calls\": 1, \"open\": 0, \"raised\": 0, \"stops\": 0, \"cancelled\": 0, \"shapes\": 1}\n"
            "]}\n");
    finish(&f);
}

TEST(a_report_of_nothing_says_why)
{
    struct fixture f;
    build_trace(&f.b, FLOW_CLOCK_MONOTONIC);
    end(&f);
    struct text text = {0};
    struct report_options options = usual();
    for (int by = REPORT_BY_FUNCTION; by <= REPORT_BY_EXCEPTION; by++) {
        options.by = (enum report_by)by;
        text_truncate(&text, 0);
        CHECK_NUMBER(show_report(&text, &f.model, &options), 0);
        CHECK(text.length > 20 && memcmp(text.data, "No call of the program's own code", 33) == 0);
    }
    text_free(&text);
    options.format = REPORT_CSV;
    REPORTS(&f, options, "type,module,function,file,line,raised,caught,left,places\n");
    options.by = REPORT_BY_TRACK;
    options.show.time = false;
    REPORTS(&f, options, "kind,name,pid,id,calls,open,raised,stops,cancelled,shapes\n");
    options.format = REPORT_JSON;
    REPORTS(&f, options, "{\"by\": \"track\", \"calls\": 0, \"open\": 0, \"rows_in_all\": 0, \"rows\": [\n]}\n");
    finish(&f);
}

TEST(a_trace_without_exceptions_says_so)
{
    struct fixture f;
    build_story(&f.b, "main{ a }");
    end(&f);
    struct report_options options = usual();
    options.by = REPORT_BY_EXCEPTION;
    REPORTS(&f, options, "No exception left a call of the program's own code.\n");
    finish(&f);
}

TEST(every_column_of_a_report_has_a_name_of_its_own)
{
    for (int by = REPORT_BY_FUNCTION; by <= REPORT_BY_EXCEPTION; by++) {
        uint32_t count;
        const struct report_column *columns = report_columns((enum report_by)by, &count);
        for (uint32_t i = 0; i < count; i++)
            CHECK_NUMBER(report_column((enum report_by)by, columns[i].name), i);
    }
    CHECK_NUMBER(report_column(REPORT_BY_FILE, "totl"), MODEL_NONE);
}
