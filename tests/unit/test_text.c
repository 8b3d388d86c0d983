/* How wide texts are on a terminal, and where they are cut. */
#include <stdlib.h>

#include "../../src/model/cluster.h"
#include "../../src/model/text.h"
#include "unit.h"

static size_t
columns(const char *string)
{
    return text_columns(string, strlen(string));
}

static void
check_fits(const char *string, size_t room, const char *expected, int line)
{
    size_t bytes = text_fit(string, strlen(string), room);
    if (bytes != strlen(expected) || memcmp(string, expected, bytes) != 0)
        unit_fail(__FILE__, line, "\"%.*s\" of \"%s\" in %zu columns, not \"%s\"", (int)bytes, string, string, room,
                  expected);
}

#define FITS(string, room, expected) check_fits(string, room, expected, __LINE__)

TEST(columns_of_characters)
{
    CHECK_NUMBER(columns(""), 0);
    CHECK_NUMBER(columns("abc"), 3);
    CHECK_NUMBER(columns("ж…"), 2);
    CHECK_NUMBER(columns("├─ "), 3);
    CHECK_NUMBER(columns("中文"), 4);
    CHECK_NUMBER(columns("ＡＢ"), 4); /* fullwidth */
    CHECK_NUMBER(columns("ｱｲ"), 2);   /* halfwidth */
    CHECK_NUMBER(columns("한국"), 4);
    CHECK_NUMBER(columns("\u1112\u1161\u11ab"), 2); /* the same in parts */
    CHECK_NUMBER(columns("e\u0301"), 1);
    CHECK_NUMBER(columns("中\u0301\u0302"), 2);
    CHECK_NUMBER(columns("\u0915\u093f"), 2); /* a spacing mark */
    CHECK_NUMBER(columns("\U00020000"), 2);
}

TEST(columns_of_emoji)
{
    CHECK_NUMBER(columns("😀!"), 3);
    CHECK_NUMBER(columns("❤"), 1);
    CHECK_NUMBER(columns("❤\ufe0f"), 2);
    CHECK_NUMBER(columns("a\ufe0f"), 1);
    CHECK_NUMBER(columns("1\ufe0f\u20e3"), 2);
    CHECK_NUMBER(columns("👍🏽"), 2);
    CHECK_NUMBER(columns("a🏽"), 3); /* no emoji before it */
    CHECK_NUMBER(columns("\U0001f1e9\U0001f1ea"), 2);
    CHECK_NUMBER(columns("\U0001f1e9\U0001f1ea\U0001f1eb"), 3);
    CHECK_NUMBER(columns("👨\u200d👩\u200d👧"), 2);
    CHECK_NUMBER(columns("a\u200d👩"), 3);
}

TEST(columns_of_what_is_no_text)
{
    CHECK_NUMBER(columns("\xff\xfe"), 2);
    CHECK_NUMBER(columns("\xe4\xb8"), 2); /* cut off */
    CHECK_NUMBER(columns("a\xcc"), 2);
    CHECK_NUMBER(columns("\u0301"), 1);
    CHECK_NUMBER(columns("\xed\xa0\x80"), 1); /* a lone surrogate */
}

TEST(texts_are_cut_between_clusters)
{
    FITS("abc", 2, "ab");
    FITS("中文", 3, "中");
    FITS("中文", 1, "");
    FITS("e\u0301e\u0301", 1, "e\u0301");
    FITS("❤\ufe0fx", 1, "");
    FITS("❤\ufe0fx", 2, "❤\ufe0f");
    FITS("👍🏽👍🏽", 3, "👍🏽");
    FITS("👨\u200d👩x", 2, "👨\u200d👩");
    FITS("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 3, "\U0001f1e9\U0001f1ea");
    CHECK_NUMBER(text_fit_end("中e\u0301文", 9, 3), 3);
    CHECK_NUMBER(text_fit_end("中文", 6, 1), 6);
    CHECK_NUMBER(text_fit_end("abc", 3, 9), 0);
    CHECK_NUMBER(text_cut("中文", 6, 5), 3);
    CHECK_NUMBER(text_cut("xe\u0301", 4, 3), 1);
    CHECK_NUMBER(text_cut("abc", 3, 3), 3);
}

static size_t
fit_escaped(const char *string, size_t room, bool ascii)
{
    struct text out = {.ascii = ascii};
    return text_fit_escaped(&out, (struct slice){string, strlen(string)}, '\'', room);
}

TEST(escapes_take_their_columns)
{
    CHECK_NUMBER(fit_escaped("a\n\n", 4, false), 2);
    CHECK_NUMBER(fit_escaped("\x1b[31m", 5, false), 2); /* \x1b[ */
    CHECK_NUMBER(fit_escaped("'ab", 2, false), 1);
    CHECK_NUMBER(fit_escaped("\u202e!", 6, false), 3);
    CHECK_NUMBER(fit_escaped("\u202e!", 5, false), 0);
    CHECK_NUMBER(fit_escaped("中文", 4, false), 6);
    CHECK_NUMBER(fit_escaped("中文", 6, true), 3); /* \u4e2d */
    CHECK_NUMBER(fit_escaped("\xff", 1, false), 1);
}

/* Nobody can make a line of any number of bytes that takes no columns. */
TEST(marks_without_end_take_columns)
{
    char text[8001];
    for (size_t i = 0; i < 4000; i++)
        memcpy(text + 2 * i, "\u0301", 2);
    text[8000] = '\0';
    CHECK(columns(text) >= 4000 / 31);
    CHECK(text_fit(text, 8000, 10) <= 10 * 31 * 2);
    CHECK(text_cut(text, 8000, 400) > 300);
}

TEST(long_names_are_cut_between_clusters)
{
    char name[900];
    struct text out = {0};
    memset(name, 'x', sizeof name);
    memcpy(name + 398, "中\u0301", 5); /* 398 to 403 */
    text_name(&out, (struct slice){name, sizeof name});
    CHECK_NUMBER(out.length, 398 + strlen("…"));
    text_free(&out);
}

/* --- at random ---------------------------------------------------------- */

static const char *const PIECES[] = {"a",      "é",          "中",         "\u0301",      "\ufe0f", "❤", "\u200d",
                                     "👩",     "🏽",         "\U0001f1e9", "\u093f",      "\u11a8", "1", "\u20e3",
                                     "\xff",   "\xe4\xb8",   "\xcc",       "\u202e",      "\033",   "'", "\n",
                                     "\u1112", "\U00020000", "#",          "\xf0\x9f\x91"};

#define PIECE_COUNT (sizeof PIECES / sizeof *PIECES)

static size_t
random_text(char *text, unsigned *seed, unsigned pieces)
{
    size_t length = 0;
    for (unsigned i = 0; i < pieces; i++) {
        const char *piece = PIECES[(unsigned)rand_r(seed) % PIECE_COUNT];
        memcpy(text + length, piece, strlen(piece));
        length += strlen(piece);
    }
    return length;
}

static void
check_cut(const char *text, size_t length, size_t room)
{
    size_t all = text_columns(text, length);
    size_t cut = text_fit(text, length, room);
    size_t end = text_fit_end(text, length, room);
    CHECK(text_columns(text, cut) <= room);
    CHECK_NUMBER(text_columns(text, cut) + text_columns(text + cut, length - cut), all);
    CHECK(cut == length || text_columns(text, cut) + cluster_first(text + cut, length - cut).columns > room);
    CHECK(text_columns(text + end, length - end) <= room);
    CHECK_NUMBER(text_columns(text, end) + text_columns(text + end, length - end), all);
    size_t bytes = text_cut(text, length, room);
    CHECK(bytes <= room || length <= room);
    CHECK_NUMBER(text_columns(text, bytes) + text_columns(text + bytes, length - bytes), all);
}

static void
check_escaped(const char *text, size_t length, size_t room, bool ascii)
{
    struct text out = {.ascii = ascii};
    struct slice slice = {text, length};
    slice.length = text_fit_escaped(&out, slice, '\'', room);
    text_escape(&out, slice, '\'');
    CHECK(out.length == 0 || text_columns(out.data, out.length) <= room);
    for (size_t i = 0; i < out.length; i++)
        CHECK((uint8_t)out.data[i] >= ' ' && (!ascii || (uint8_t)out.data[i] < 0x7f));
    text_free(&out);
}

TEST(random_texts_are_cut_where_they_may_be)
{
    unsigned seed = 7;
    char text[160];
    for (unsigned i = 0; i < 20000; i++) {
        size_t length = random_text(text, &seed, i % 30);
        size_t room = (unsigned)rand_r(&seed) % 24;
        check_cut(text, length, room);
        check_escaped(text, length, room, i % 2);
    }
}
