/* All of one call, chosen columns, values of full length, links. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/show/quote.h"
#include "show_fixture.h"

static const struct show_options PLAIN = {
    .lines = 200, .width = 80, .arguments = true, .results = true, .time = true, .exceptions = 8};

#define SHOWS(expected) check_view(&f, view, &options, expected, __FILE__, __LINE__)

TEST(a_call_is_told_in_full)
{
    struct fixture f;
    struct show_options options = PLAIN;
    view_function *view = show_call;
    begin(&f, "main{ price(5):7 work{ load(1){ price(2) }:8 price(5):9 price(6):9 load(2){ price(3) }:8 } pay{ charge! "
              "}^ save? ");
    options.call = 4;
    SHOWS("#4 load(a=1) → 8\n"
          "   arguments  a = 1\n"
          "   result     8\n"
          "   time       30 ns running, from 50 ns on\n"
          "   where      file.py:7\n"
          "   in         thread MainThread, process 1001\n"
          "\n"
          "Called by\n"
          "   main()                                                                     #1\n"
          "   work()                                                                     #3\n"
          "\n"
          "Made 1 call\n"
          "price(a=2)                                                                 10 ns\n"
          "\n"
          "Others like it\n"
          "   #8: 1 beside it did the same\n"
          "   2 calls of this function in all\n");
    options.call = 8;
    SHOWS("#8 load(a=2) → 8\n"
          "   arguments  a = 2\n"
          "   result     8\n"
          "   time       30 ns running, from 130 ns on\n"
          "   where      file.py:7\n"
          "   in         thread MainThread, process 1001\n"
          "\n"
          "Called by\n"
          "   main()                                                                     #1\n"
          "   work()                                                                     #3\n"
          "\n"
          "Made 1 call\n"
          "price(a=3)                                                                 10 ns\n"
          "\n"
          "Others like it\n"
          "   #4: 1 beside it did the same\n"
          "   2 calls of this function in all\n");
    options.call = 1;
    options.ascii = true;
    SHOWS("#1 main()  ... still running\n"
          "   end        had not ended when the recording did\n"
          "   time       210 ns running, from 10 ns on\n"
          "   where      file.py:7\n"
          "   in         thread MainThread, process 1001\n"
          "\n"
          "Caught\n"
          "   ValueError('message')                                                     #11\n"
          "\n"
          "Made 11 calls\n"
          "price(a=5) -> 7                                                            10 ns\n"
          "work()                                                                    130 ns\n"
          "|- load(a=1) -> 8                                                          30 ns\n"
          "|  `- price(a=2)                                                           10 ns\n"
          "|- price(a=5 ... 6) -> 9                                               x2  10 ns\n"
          "`- load(a=2) -> 8                                                          30 ns\n"
          "   `- price(a=3)                                                           10 ns\n"
          "pay()  ! ValueError                                                        30 ns\n"
          "`- charge()  ! ValueError('message')                                       10 ns\n"
          "      raised raiser.py:41 in raiser - left charge, pay\n"
          "      caught in main (file.py:9)\n"
          "save()  ... still running                                                   0 ns\n");
    options.arguments = options.results = options.time = options.ascii = false;
    options.call = 4;
    SHOWS("#4 load(…)\n"
          "   where      file.py:7\n"
          "   in         thread MainThread, process 1001\n"
          "\n"
          "Called by\n"
          "   main()                                                                     #1\n"
          "   work()                                                                     #3\n"
          "\n"
          "Made 1 call\n"
          "price(…)\n"
          "\n"
          "Others like it\n"
          "   #8: 1 beside it did the same\n"
          "   2 calls of this function in all\n");
    finish(&f);
}

TEST(a_number_that_is_not_there_is_said)
{
    struct fixture f;
    struct show_options options = PLAIN;
    begin(&f, "main{ load }");
    for (options.call = 0; options.call < 4; options.call += 3) {
        text_truncate(&f.text, 0);
        CHECK_NUMBER(show_call(&f.text, &f.model, &options), -ERANGE);
        CHECK(f.text.length && memmem(f.text.data, f.text.length, "here; the calls of this trace are #1 to #2", 42));
    }
    finish(&f);
}

TEST(of_deep_recursion_the_ends_of_the_callers_show)
{
    struct fixture f;
    struct show_options options = PLAIN;
    char calls[2048] = "";
    for (int i = 0; i < 60; i++)
        strcat(calls, "down{ ");
    begin(&f, calls);
    options.call = 60;
    text_truncate(&f.text, 0);
    CHECK_NUMBER(show_call(&f.text, &f.model, &options), 0);
    text_bytes(&f.text, "", 1);
    CHECK(strstr(f.text.data, "… 43 more"));
    CHECK(strstr(f.text.data, " #4\n"));
    CHECK(!strstr(f.text.data, " #5\n"));
    CHECK(!strstr(f.text.data, " #47\n"));
    CHECK(strstr(f.text.data, " #48\n"));
    finish(&f);
}

TEST(columns_are_chosen)
{
    struct fixture f;
    struct show_options options = PLAIN;
    view_function *view = show_tree;
    begin(&f, "main{ price(1) price(2) load{ price(3) } }");
    options.field_count = 4;
    memcpy(options.fields, (uint8_t[]){SHOW_SELF, SHOW_DURATION, SHOW_DEPTH, SHOW_CALL}, 4);
    SHOWS("                                              self  duration     depth      call\n"
          "main()                                       40 ns     90 ns         1        #1\n"
          "├─ price(a=1 … 2)                     ×2     10 ns     10 ns         2        #2\n"
          "└─ load()                                    20 ns     30 ns         2        #4\n"
          "   └─ price(a=3)                             10 ns     10 ns         3        #5\n");
    options.field_count = 3;
    memcpy(options.fields, (uint8_t[]){SHOW_START, SHOW_THREAD, SHOW_WHERE}, 3);
    SHOWS("                                           start        thread             where\n"
          "main()                                     10 ns    MainThread         file.py:7\n"
          "├─ price(a=1 … 2)                   ×2     20 ns    MainThread         file.py:7\n"
          "└─ load()                                  60 ns    MainThread         file.py:7\n"
          "   └─ price(a=3)                           70 ns    MainThread         file.py:7\n");
    options.time = false; /* what the trace doesn't have is no column */
    SHOWS("                                                        thread             where\n"
          "main()                                              MainThread         file.py:7\n"
          "├─ price(a=1 … 2)                             ×2    MainThread         file.py:7\n"
          "└─ load()                                           MainThread         file.py:7\n"
          "   └─ price(a=3)                                    MainThread         file.py:7\n");
    finish(&f);
}

TEST(wide_lines_are_whole)
{
    struct fixture f;
    struct show_options options = PLAIN;
    view_function *view = show_tree;
    options.width = 40;
    options.time = false;
    begin(&f, "");
    build_free(&f.b);
    build_story(&f.b, "");
    build_record(&f.b, 10, FLOW_CALL_VALUES);
    build_code_definition(&f.b, 50, "save", 0, 1);
    build_str(&f.b,
              "an argument of many words that is wider than the terminal, than any, and so would be cut, and that "
              "even where there is room for it, until somebody asks for all of it");
    build_record(&f.b, 10, FLOW_RETURN);
    model_free(&f.model);
    reader_close(&f.reader);
    CHECK_NUMBER(build_open(&f.b, &f.reader), 0);
    CHECK_NUMBER(model_build(&f.model, &f.reader), 0);
    SHOWS("save(a='an argument of many words t…')\n");
    options.wide = true;
    SHOWS("save(a='an argument of many words that is wider than the terminal, than any, and so would be cut, and that "
          "even where there i…')\n");
    options.full = true;
    SHOWS("save(a='an argument of many words that is wider than the terminal, than any, and so would be cut, and that "
          "even where there is room for it, until somebody asks for all of it')\n");
    finish(&f);
}

TEST(names_lead_to_their_lines)
{
    struct fixture f;
    struct show_options options = PLAIN;
    options.links = true;
    begin(&f, "");
    build_free(&f.b);
    build_story(&f.b, "main{ }");
    model_free(&f.model);
    reader_close(&f.reader);
    CHECK_NUMBER(build_open(&f.b, &f.reader), 0);
    CHECK_NUMBER(model_build(&f.model, &f.reader), 0);
    struct code *code = (struct code *)f.model.calls[0].code;
    text_truncate(&f.text, 0);
    CHECK_NUMBER(show_tree(&f.text, &f.model, &options), 0);
    CHECK(!memmem(f.text.data, f.text.length, "]8;;f", 5)); /* where the file is, is not known */
    code->file = (struct slice){"/a b/\033]x.py", 11};
    text_truncate(&f.text, 0);
    CHECK_NUMBER(show_tree(&f.text, &f.model, &options), 0);
    text_bytes(&f.text, "", 1);
    const char *link = strstr(f.text.data, "\033]8;;file://");
    CHECK(link && strstr(link, "/a%20b/%1B%5Dx.py#"));
    CHECK(link && strstr(link, "\033\\main\033]8;;\033\\()"));
    finish(&f);
}

TEST(a_line_of_the_source_is_read_unless_it_changed)
{
    char path[] = "/tmp/flowtrace-source-XXXXXX";
    static const char source[] = "first\n    def pay(amount):  \n\tlast\033[31m";
    struct text text = {0};
    struct stat status;
    int file = mkstemp(path);
    CHECK(file >= 0 && write(file, source, sizeof source - 1) > 0 && fstat(file, &status) == 0);
    close(file);
    struct slice name = {path, strlen(path)};
    CHECK_NUMBER(quote_line(&text, name, 2, UINT64_MAX), QUOTE_READ);
    CHECK_TEXT(text.data, text.length, "def pay(amount):");
    text_truncate(&text, 0);
    CHECK_NUMBER(quote_line(&text, name, 3, UINT64_MAX), QUOTE_READ);
    CHECK_TEXT(text.data, text.length, "last\\x1b[31m");
    text_truncate(&text, 0);
    CHECK_NUMBER(quote_line(&text, name, 4, UINT64_MAX), QUOTE_UNREADABLE);
    CHECK_NUMBER(quote_line(&text, name, 0, UINT64_MAX), QUOTE_UNREADABLE);
    CHECK_NUMBER(quote_line(&text, name, 2, (uint64_t)(status.st_mtime - 5) * 1000000000u), QUOTE_CHANGED);
    CHECK_NUMBER(unlink(path), 0);
    CHECK_NUMBER(quote_line(&text, name, 2, UINT64_MAX), QUOTE_UNREADABLE);
    CHECK_NUMBER(mkfifo(path, 0600), 0);
    CHECK_NUMBER(quote_line(&text, name, 1, UINT64_MAX), QUOTE_UNREADABLE); /* and nobody waits for a writer */
    CHECK_NUMBER(unlink(path), 0);
    CHECK_NUMBER(quote_line(&text, (struct slice){"relative.py", 11}, 1, UINT64_MAX), QUOTE_UNREADABLE);
    CHECK_NUMBER(text.length, 0);
    text_free(&text);
}
