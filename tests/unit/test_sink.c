/* What exporters write through: the buffer, failures, and the escaping of JSON and XML. */
#include "../../src/export/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit.h"

static struct slice
slice_of(const char *string)
{
    return (struct slice){string, strlen(string)};
}

TEST(what_goes_through_a_sink_comes_out_whole)
{
    static char big[700000];
    struct sink sink;
    int fd = memfd_create("sink", 0);
    memset(big, 'x', sizeof big);
    CHECK_NUMBER(sink_open(&sink, fd), 0);
    sink_string(&sink, "begin ");
    for (int i = 0; i < 100000; i++)
        sink_format(&sink, "%d,", i % 10);
    sink_bytes(&sink, big, sizeof big);
    sink_string(&sink, " end");
    uint64_t written = sink.written;
    CHECK_NUMBER(sink_close(&sink), 0);
    CHECK_NUMBER(lseek(fd, 0, SEEK_END), 6 + 200000 + sizeof big + 4);
    CHECK_NUMBER(written, 6 + 200000 + sizeof big + 4);
    char tail[8] = "";
    CHECK_NUMBER(pread(fd, tail, 6, (off_t)written - 6), 6);
    CHECK_TEXT(tail, strlen(tail), "xx end");
    close(fd);
}

TEST(a_sink_keeps_its_first_failure)
{
    struct sink sink;
    int fd = open("/dev/full", O_WRONLY);
    CHECK_NUMBER(sink_open(&sink, fd), 0);
    for (int i = 0; i < 100000; i++)
        sink_string(&sink, "much more than a buffer");
    CHECK_NUMBER(sink.error, -ENOSPC);
    CHECK_NUMBER(sink_close(&sink), -ENOSPC);
    close(fd);
}

static void
check_text(struct text *text, const char *expected)
{
    CHECK_TEXT(text->data, text->length, expected);
    text->length = 0;
}

TEST(texts_are_escaped_for_json)
{
    struct text text = {0};
    text_json(&text, slice_of("a\"b\\c\nd\te\x01\x7f \xd1\x8b </script> \xe2\x80\xa8"));
    check_text(&text, "\"a\\\"b\\\\c\\nd\\te\\u0001\\u007f \xd1\x8b \\u003c/script> \\u2028\"");
    text_json(&text, (struct slice){"\0\xff\xed\xa0\x80z", 6});
    check_text(&text, "\"\\u0000\xef\xbf\xbd\xef\xbf\xbdz\"");
    text_json(&text, slice_of(""));
    check_text(&text, "\"\"");
    text_free(&text);
}

TEST(texts_are_escaped_for_xml)
{
    struct text text = {0};
    text_xml(&text, slice_of("<a href='x' b=\"y\">&\x01\xff\xed\xa0\x80\xef\xbf\xbf\n"));
    check_text(&text,
               "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&#10;");
    text_free(&text);
}
