#include "../../src/model/value_text.h"

#include <errno.h>
#include <math.h>

#include "trace_builder.h"
#include "unit.h"

/* A trace whose only record returns the value that the test builds. */
struct fixture {
    struct trace_builder b;
    struct reader reader;
    struct value value;
};

static void
begin(struct fixture *f)
{
    build_trace(&f->b, FLOW_CLOCK_MONOTONIC);
    build_chunk(&f->b, 1, 1, 0);
    build_record(&f->b, 1, FLOW_RETURN_VALUE);
}

static void
end(struct fixture *f)
{
    struct cursor cursor;
    struct record record;
    CHECK_NUMBER(build_open(&f->b, &f->reader), 0);
    cursor_open(&cursor, &f->reader, 0);
    CHECK_NUMBER(cursor_next(&cursor, &record), 1);
    f->value = record.values;
}

static void
check(struct fixture *f, unsigned width, unsigned depth, const char *expected, int line)
{
    struct text text = {0};
    struct value value = f->value;
    struct value_limits limits = {width, depth};
    int ret = value_text(&text, &f->reader, &value, &limits);
    if (ret != 0 || text.length != strlen(expected) || memcmp(text.data, expected, text.length))
        unit_fail(__FILE__, line, "%d, %.*s instead of %s", ret, (int)text.length, text.length ? text.data : "",
                  expected);
    if (ret == 0 && value.data != f->value.end)
        unit_fail(__FILE__, line, "the value was not read to its end");
    text_free(&text);
}

#define SHOWS(expected) check(&f, 0, 0, expected, __LINE__)
#define SHOWS_IN(width, depth, expected) check(&f, width, depth, expected, __LINE__)

static void
finish(struct fixture *f)
{
    reader_close(&f->reader);
    build_free(&f->b);
}

static void
check_float(double number, const char *expected, int line)
{
    struct fixture f;
    begin(&f);
    build_byte(&f.b, FLOW_VALUE_FLOAT);
    build_bytes(&f.b, &number, sizeof number);
    end(&f);
    check(&f, 0, 0, expected, line);
    finish(&f);
}

#define FLOAT(number, expected) check_float(number, expected, __LINE__)

TEST(floats_look_like_pythons_repr)
{
    FLOAT(0.0, "0.0");
    FLOAT(-0.0, "-0.0");
    FLOAT(1.0, "1.0");
    FLOAT(-2.5, "-2.5");
    FLOAT(0.1, "0.1");
    FLOAT(0.1 + 0.2, "0.30000000000000004");
    FLOAT(100.0, "100.0");
    FLOAT(1e15, "1000000000000000.0");
    FLOAT(1234567890123456.5, "1234567890123456.5");
    FLOAT(9999999999999998.0, "9999999999999998.0");
    FLOAT(1e16, "1e+16");
    FLOAT(1.5e300, "1.5e+300");
    FLOAT(0.0001, "0.0001");
    FLOAT(0.00012, "0.00012");
    FLOAT(0.00001, "1e-05");
    FLOAT(5e-324, "5e-324");
    FLOAT(2.2250738585072014e-308, "2.2250738585072014e-308");
    FLOAT(1.7976931348623157e308, "1.7976931348623157e+308");
    FLOAT(INFINITY, "inf");
    FLOAT(-INFINITY, "-inf");
    FLOAT((double)NAN, "nan");
}

static void
check_complex(double real, double imaginary, const char *expected, int line)
{
    struct fixture f;
    begin(&f);
    build_byte(&f.b, FLOW_VALUE_COMPLEX);
    build_bytes(&f.b, &real, sizeof real);
    build_bytes(&f.b, &imaginary, sizeof imaginary);
    end(&f);
    check(&f, 0, 0, expected, line);
    finish(&f);
}

TEST(complex_numbers_look_like_pythons_repr)
{
    check_complex(1, 2, "(1+2j)", __LINE__);
    check_complex(0, 2, "2j", __LINE__);
    check_complex(1.5, -0.1, "(1.5-0.1j)", __LINE__);
    check_complex(-0.0, 1, "(-0+1j)", __LINE__);
    check_complex((double)NAN, INFINITY, "(nan+infj)", __LINE__);
}

static void
check_integer(int64_t number, const char *expected)
{
    struct fixture f;
    begin(&f);
    build_byte(&f.b, FLOW_VALUE_INT);
    build_number(&f.b, varint_zigzag(number));
    end(&f);
    SHOWS(expected);
    finish(&f);
}

TEST(integers)
{
    check_integer(128, "128");
    check_integer(-33, "-33");
    check_integer(INT64_MAX, "9223372036854775807");
    check_integer(INT64_MIN, "-9223372036854775808");
    struct fixture f;
    begin(&f);
    build_int(&f.b, -32);
    end(&f);
    SHOWS("-32");
    finish(&f);
}

TEST(big_integers_are_decimal)
{
    static const uint8_t magnitude[9] = {0, 0, 0, 0, 0, 0, 0, 0, 1}; /* 2**64 */
    struct fixture f;
    begin(&f);
    build_byte(&f.b, FLOW_VALUE_BIG_INT);
    build_byte(&f.b, 1);
    build_number(&f.b, 65);
    build_number(&f.b, sizeof magnitude);
    build_bytes(&f.b, magnitude, sizeof magnitude);
    end(&f);
    SHOWS("-18446744073709551616");
    finish(&f);

    begin(&f);
    build_byte(&f.b, FLOW_VALUE_BIG_INT);
    build_byte(&f.b, 0);
    build_number(&f.b, 40000);
    build_number(&f.b, 0);
    end(&f);
    SHOWS("<int of 40000 bits>");
    finish(&f);
}

static void
check_str(const char *content, const char *expected, int line)
{
    struct fixture f;
    begin(&f);
    build_str(&f.b, content);
    end(&f);
    check(&f, 0, 0, expected, line);
    finish(&f);
}

TEST(strings_are_quoted_and_escaped_as_in_python)
{
    check_str("", "''", __LINE__);
    check_str("name", "'name'", __LINE__);
    check_str("it's", "\"it's\"", __LINE__);
    check_str("it's \"it\"", "'it\\'s \"it\"'", __LINE__);
    check_str("a\\b\n\r\t", "'a\\\\b\\n\\r\\t'", __LINE__);
    check_str("\x1b[31m\x7f\xc2\x9b", "'\\x1b[31m\\x7f\\x9b'", __LINE__);
    check_str("\xe2\x80\xae"
              "abc\xe2\x80\x8b",
              "'\\u202eabc\\u200b'", __LINE__);
    check_str("\xf3\xa0\x80\x81", "'\\U000e0001'", __LINE__);
    check_str("żółw \xd0\xb6 \xe4\xb8\xad", "'żółw ж 中'", __LINE__);
    check_str("bad \xff\xc0\x80 utf-8 \xe4\xb8",
              "'bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd utf-8 \xef\xbf\xbd\xef\xbf\xbd'", __LINE__);
    check_str("lone \xed\xb2\x80", "'lone \\udc80'", __LINE__);
}

TEST(strings_are_cut_inside_the_quotes)
{
    struct fixture f;
    begin(&f);
    build_str(&f.b, "a long text that does not fit");
    end(&f);
    SHOWS_IN(12, 0, "'a long te…'");
    SHOWS_IN(40, 0, "'a long text that does not fit'");
    finish(&f);

    begin(&f);
    build_byte(&f.b, FLOW_VALUE_STR);
    build_number(&f.b, 500);
    build_text(&f.b, "only the start was kept");
    end(&f);
    SHOWS("'only the start was kept…'");
    finish(&f);
}

TEST(bytes)
{
    struct fixture f;
    begin(&f);
    build_byte(&f.b, FLOW_VALUE_BYTES);
    build_number(&f.b, 6);
    build_number(&f.b, 6);
    build_bytes(&f.b, "a'\x00\n\xff\\", 6);
    end(&f);
    SHOWS("b\"a'\\x00\\n\\xff\\\\\"");
    finish(&f);

    begin(&f);
    build_byte(&f.b, FLOW_VALUE_BYTEARRAY);
    build_number(&f.b, 100);
    build_text(&f.b, "abc");
    end(&f);
    SHOWS("bytearray(b'abc…')");
    finish(&f);
}

static void
build_identity(struct trace_builder *b, uint64_t number)
{
    build_byte(b, FLOW_VALUE_IDENTITY);
    build_number(b, number);
}

/* [Order#1(1), Order#300] */
static void
build_orders(struct trace_builder *b)
{
    build_head(b, FLOW_VALUE_LIST, 2, 2);
    build_identity(b, 1);
    build_typed(b, FLOW_VALUE_WRAPPED, "Order");
    build_int(b, 1);
    build_identity(b, 300);
    build_typed(b, FLOW_VALUE_OBJECT, "Order");
}

TEST(identities)
{
    struct fixture f;
    begin(&f);
    build_orders(&f.b);
    end(&f);
    SHOWS("[Order#1(1), Order#300]");
    finish(&f);

    begin(&f);
    build_head(&f.b, FLOW_VALUE_LIST, 2, 2);
    for (uint64_t i = 1; i <= 2; i++) {
        build_identity(&f.b, i);
        build_typed(&f.b, FLOW_VALUE_OBJECT, "AnOrderOfSomeLength");
    }
    end(&f);
    SHOWS_IN(30, 0, "[AnOrderOfSomeLength ×2]");
    finish(&f);

    begin(&f);
    build_identity(&f.b, 2);
    build_int(&f.b, 5);
    end(&f);
    SHOWS("5#2");
    finish(&f);

    begin(&f);
    build_identity(&f.b, 0);
    build_typed(&f.b, FLOW_VALUE_OBJECT, "Order");
    end(&f);
    SHOWS("Order");
    finish(&f);
}

TEST(constants)
{
    static const struct {
        enum flow_value tag;
        const char *text;
    } constants[] = {
        {FLOW_VALUE_NONE, "None"},         {FLOW_VALUE_TRUE, "True"},           {FLOW_VALUE_FALSE, "False"},
        {FLOW_VALUE_ELLIPSIS, "Ellipsis"}, {FLOW_VALUE_REDACTED, "<redacted>"}, {FLOW_VALUE_TRUNCATED, "…"},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        struct fixture f;
        begin(&f);
        build_byte(&f.b, (int)constants[i].tag);
        end(&f);
        SHOWS(constants[i].text);
        finish(&f);
    }
}

static void
build_ints(struct trace_builder *b, enum flow_value tag, uint64_t total, int count)
{
    build_head(b, tag, total, (uint64_t)count);
    for (int i = 1; i <= count; i++)
        build_int(b, i);
}

static void
check_ints(enum flow_value tag, uint64_t total, int count, const char *expected, int line)
{
    struct fixture f;
    begin(&f);
    build_ints(&f.b, tag, total, count);
    end(&f);
    check(&f, 0, 0, expected, line);
    finish(&f);
}

TEST(containers)
{
    check_ints(FLOW_VALUE_LIST, 0, 0, "[]", __LINE__);
    check_ints(FLOW_VALUE_LIST, 2, 2, "[1, 2]", __LINE__);
    check_ints(FLOW_VALUE_LIST, 9, 2, "[1, 2, …7]", __LINE__);
    check_ints(FLOW_VALUE_LIST, 3, 0, "[…3]", __LINE__);
    check_ints(FLOW_VALUE_TUPLE, 0, 0, "()", __LINE__);
    check_ints(FLOW_VALUE_TUPLE, 1, 1, "(1,)", __LINE__);
    check_ints(FLOW_VALUE_TUPLE, 2, 2, "(1, 2)", __LINE__);
    check_ints(FLOW_VALUE_SET, 0, 0, "set()", __LINE__);
    check_ints(FLOW_VALUE_SET, 1, 1, "{1}", __LINE__);
    check_ints(FLOW_VALUE_FROZENSET, 0, 0, "frozenset()", __LINE__);
    check_ints(FLOW_VALUE_FROZENSET, 2, 2, "frozenset({1, 2})", __LINE__);
    struct fixture f;
    begin(&f);
    build_head(&f.b, FLOW_VALUE_DICT, 4, 2);
    build_str(&f.b, "a");
    build_int(&f.b, 1);
    build_str(&f.b, "b");
    build_byte(&f.b, FLOW_VALUE_NONE);
    end(&f);
    SHOWS("{'a': 1, 'b': None, …2}");
    finish(&f);
}

TEST(lists_are_cut_to_the_width)
{
    struct fixture f;
    begin(&f);
    build_ints(&f.b, FLOW_VALUE_LIST, 100, 20);
    end(&f);
    SHOWS_IN(20, 0, "[1, 2, 3, 4, 5, …95]");
    SHOWS("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, …80]");
    finish(&f);
}

TEST(depth_is_limited)
{
    struct fixture f;
    begin(&f);
    build_head(&f.b, FLOW_VALUE_LIST, 2, 2);
    build_ints(&f.b, FLOW_VALUE_LIST, 3, 3);
    build_head(&f.b, FLOW_VALUE_DICT, 1, 1);
    build_int(&f.b, 1);
    build_int(&f.b, 2);
    end(&f);
    SHOWS_IN(0, 1, "[[…3], {…1}]");
    SHOWS_IN(0, 2, "[[1, 2, 3], {1: 2}]");
    finish(&f);
}

static void
build_order(struct trace_builder *b, int id)
{
    build_typed(b, FLOW_VALUE_FIELDS, "Order");
    build_number(b, 2);
    build_number(b, 2);
    build_string(b, "id");
    build_int(b, id);
    build_string(b, "customer");
    build_str(b, "somebody");
}

TEST(objects)
{
    struct fixture f;
    begin(&f);
    build_order(&f.b, 5);
    end(&f);
    SHOWS("Order(id=5, customer='somebody')");
    SHOWS_IN(25, 0, "Order(id=5, …)");
    finish(&f);

    begin(&f);
    build_typed(&f.b, FLOW_VALUE_OBJECT, "Gateway");
    end(&f);
    SHOWS("Gateway");
    finish(&f);

    begin(&f);
    build_typed(&f.b, FLOW_VALUE_WRAPPED, "Decimal");
    build_str(&f.b, "1.50");
    end(&f);
    SHOWS("Decimal('1.50')");
    finish(&f);

    begin(&f);
    build_typed(&f.b, FLOW_VALUE_ARGS, "PaymentError");
    build_number(&f.b, 2);
    build_number(&f.b, 2);
    build_str(&f.b, "card declined");
    build_int(&f.b, 7);
    end(&f);
    SHOWS("PaymentError('card declined', 7)");
    finish(&f);

    begin(&f);
    build_typed(&f.b, FLOW_VALUE_TEXT, "Color");
    build_text(&f.b, "Color.RED\x1b");
    end(&f);
    SHOWS("Color.RED\\x1b");
    finish(&f);
}

TEST(many_objects_of_one_type_are_counted)
{
    struct fixture f;
    begin(&f);
    build_head(&f.b, FLOW_VALUE_LIST, 12, 3);
    for (int i = 0; i < 3; i++)
        build_order(&f.b, i);
    end(&f);
    SHOWS_IN(40, 0, "[Order ×12]");
    SHOWS_IN(200, 0,
             "[Order(id=0, customer='somebody'), Order(id=1, customer='somebody'), "
             "Order(id=2, customer='somebody'), …9]");
    SHOWS_IN(200, 1, "[Order(…), Order(…), Order(…), …9]");
    finish(&f);

    begin(&f);
    build_head(&f.b, FLOW_VALUE_LIST, 3, 3);
    for (int i = 0; i < 3; i++)
        build_typed(&f.b, FLOW_VALUE_OBJECT, "Order");
    end(&f);
    SHOWS("[Order ×3]");
    finish(&f);
}

TEST(a_long_field_leaves_room_for_the_next)
{
    struct fixture f;
    begin(&f);
    build_head(&f.b, FLOW_VALUE_TUPLE, 2, 2);
    build_str(&f.b, "a text that alone takes more than all of the room that there is");
    build_int(&f.b, 7);
    end(&f);
    SHOWS_IN(40, 0, "('a text that al…', 7)");
    finish(&f);
}

TEST(shapes)
{
    static const char *const names[] = {"id", "next"};
    struct fixture f;
    begin(&f);
    build_head(&f.b, FLOW_VALUE_LIST, 3, 3);
    build_shaped(&f.b, 0, "Order", names, 2);
    build_int(&f.b, 1);
    build_shaped(&f.b, 0, "Empty", names, 0);
    build_shaped(&f.b, 1, NULL, NULL, 0);
    build_int(&f.b, 2);
    build_shaped(&f.b, 1, NULL, NULL, 0);
    build_int(&f.b, 3);
    build_byte(&f.b, FLOW_VALUE_NONE);
    build_shaped(&f.b, 2, NULL, NULL, 0);
    end(&f);
    SHOWS("[Order(id=1, next=Empty()), Order(id=2, next=Order(id=3, next=None)), Empty()]");
    SHOWS_IN(0, 1, "[Order(…), Order(…), Empty()]");
    SHOWS_IN(44, 0, "[Order(id=1, …), Order(…), Empty()]");
    finish(&f);
}

/* A number that no shape has, and a shape that has more names than fields. */
TEST(damaged_shapes_are_refused)
{
    static const char *const names[] = {"id"};
    for (int damage = 0; damage < 2; damage++) {
        struct fixture f;
        begin(&f);
        build_head(&f.b, FLOW_VALUE_LIST, 2, 2);
        build_shaped(&f.b, 0, "Order", names, 1);
        if (damage == 1)
            f.b.p[-6] = 0; /* the fields in all */
        build_int(&f.b, 1);
        build_shaped(&f.b, damage == 0 ? 2 : 1, NULL, NULL, 0);
        build_int(&f.b, 2);
        struct cursor cursor;
        struct record record;
        CHECK_NUMBER(build_open(&f.b, &f.reader), 0);
        cursor_open(&cursor, &f.reader, 0);
        CHECK_NUMBER(cursor_next(&cursor, &record), 0);
        CHECK_NUMBER(f.reader.damaged, 1);
        finish(&f);
    }
}

TEST(damaged_values_are_refused)
{
    struct fixture f;
    begin(&f);
    build_ints(&f.b, FLOW_VALUE_LIST, 3, 3);
    end(&f);
    struct text text = {0};
    struct value_limits limits = {0, 0};
    struct value value = f.value;
    value.end--;
    CHECK_NUMBER(value_text(&text, &f.reader, &value, &limits), -EBADMSG);
    text_free(&text);
    finish(&f);
}

TEST(an_absent_value_shows_as_such)
{
    struct fixture f;
    begin(&f);
    build_byte(&f.b, FLOW_VALUE_NONE);
    end(&f);
    struct text text = {0};
    struct value_limits limits = {0, 0};
    struct value value = {0};
    CHECK_NUMBER(value_text(&text, &f.reader, &value, &limits), 0);
    CHECK_TEXT(text.data, text.length, "?");
    text_free(&text);
    finish(&f);
}

TEST(a_few_bytes_do_not_become_gigabytes)
{
    struct fixture f;
    begin(&f);
    build_head(&f.b, FLOW_VALUE_LIST, 20000, 20000);
    build_byte(&f.b, FLOW_VALUE_STR_WHOLE);
    build_number(&f.b, 0);
    build_number(&f.b, 20000);
    memset(f.b.p, 'x', 20000);
    f.b.p += 20000;
    for (int i = 1; i < 20000; i++) {
        build_byte(&f.b, FLOW_VALUE_STR_WHOLE);
        build_number(&f.b, 1);
    }
    f.b.chunk->units = 2;
    f.b.units++;
    end(&f);
    struct text text = {0};
    struct value_limits limits = {0, 0};
    struct value value = f.value;
    CHECK_NUMBER(value_text(&text, &f.reader, &value, &limits), 0);
    CHECK(text.length < 10000000);
    CHECK(value.data == f.value.end);
    text_free(&text);
    finish(&f);
}

TEST(type_names)
{
    struct fixture f;
    begin(&f);
    build_order(&f.b, 1);
    end(&f);
    struct slice name = value_type_name(&f.reader, f.value);
    CHECK_TEXT(name.data, name.length, "Order");
    finish(&f);
    begin(&f);
    build_byte(&f.b, FLOW_VALUE_NONE);
    end(&f);
    name = value_type_name(&f.reader, f.value);
    CHECK_TEXT(name.data, name.length, "NoneType");
    finish(&f);
}
