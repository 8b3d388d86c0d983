/* value_time.c - dates, times and durations, and the time zones that they are in. */
#include "value_parts.h"

#include <datetime.h>
#include <string.h>

/* "+02:00", with seconds where there are some. */
static int
format_offset(PyObject *delta, char *out, size_t room)
{
    long seconds = PyDateTime_DELTA_GET_DAYS(delta) * 86400L + PyDateTime_DELTA_GET_SECONDS(delta);
    char sign = seconds < 0 ? '-' : '+';
    seconds = seconds < 0 ? -seconds : seconds;
    int n = PyOS_snprintf(out, room, "%c%02ld:%02ld", sign, seconds / 3600, seconds / 60 % 60);
    if (seconds % 60)
        n += PyOS_snprintf(out + n, room - (size_t)n, ":%02ld", seconds % 60);
    return n;
}

/* New reference to what timezone() was given: an offset and perhaps a name. NULL if it is no timezone. */
static PyObject *
timezone_arguments(PyObject *zone)
{
    if (strcmp(Py_TYPE(zone)->tp_name, "datetime.timezone") != 0
        || !(Py_TYPE(zone)->tp_flags & Py_TPFLAGS_IMMUTABLETYPE))
        return NULL;
    PyObject *args = value_call_method(zone, Py_TYPE(zone), "__getinitargs__");
    if (args && (!PyTuple_CheckExact(args) || PyTuple_GET_SIZE(args) == 0))
        Py_CLEAR(args);
    return args;
}

/* New reference to the key of a ZoneInfo, or NULL. */
static PyObject *
zone_key(PyObject *zone)
{
    if (strcmp(Py_TYPE(zone)->tp_name, "zoneinfo.ZoneInfo") != 0)
        return NULL;
    PyObject *key = value_read_member(zone, Py_TYPE(zone), "key");
    if (key && !PyUnicode_CheckExact(key))
        Py_CLEAR(key);
    return key;
}

/* The offset of a fixed zone, the key of a named one, the type of any other: asking those would run their code. */
static int
format_zone(PyObject *zone, char *out, size_t room)
{
    if (zone == Py_None)
        return 0;
    PyObject *args = timezone_arguments(zone);
    PyObject *key = args ? NULL : zone_key(zone);
    char name[64];
    bool complete;
    int n;
    if (args) {
        n = format_offset(PyTuple_GET_ITEM(args, 0), out, room);
    }
    else if (key) {
        name[value_utf8(key, name, sizeof name - 1, &complete)] = '\0';
        n = PyOS_snprintf(out, room, " %s", name);
    }
    else {
        n = PyOS_snprintf(out, room, " %.60s", value_plain_type(Py_TYPE(zone)));
    }
    Py_XDECREF(args);
    Py_XDECREF(key);
    return n;
}

static int
format_clock(int hour, int minute, int second, int microsecond, char *out, size_t room)
{
    int n = PyOS_snprintf(out, room, "%02d:%02d:%02d", hour, minute, second);
    if (microsecond)
        n += PyOS_snprintf(out + n, room - (size_t)n, ".%06d", microsecond);
    return n;
}

uint8_t *
value_put_date(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    char text[32];
    PyOS_snprintf(text, sizeof text, "%04d-%02d-%02d", PyDateTime_GET_YEAR(object), PyDateTime_GET_MONTH(object),
                  PyDateTime_GET_DAY(object));
    return value_put_content(encoder, p, object, base, text);
}

uint8_t *
value_put_datetime(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    char text[160];
    int n = PyOS_snprintf(text, sizeof text, "%04d-%02d-%02d ", PyDateTime_GET_YEAR(object),
                          PyDateTime_GET_MONTH(object), PyDateTime_GET_DAY(object));
    n += format_clock(PyDateTime_DATE_GET_HOUR(object), PyDateTime_DATE_GET_MINUTE(object),
                      PyDateTime_DATE_GET_SECOND(object), PyDateTime_DATE_GET_MICROSECOND(object), text + n,
                      sizeof text - (size_t)n);
    format_zone(PyDateTime_DATE_GET_TZINFO(object), text + n, sizeof text - (size_t)n);
    return value_put_content(encoder, p, object, base, text);
}

uint8_t *
value_put_time(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    char text[128];
    int n = format_clock(PyDateTime_TIME_GET_HOUR(object), PyDateTime_TIME_GET_MINUTE(object),
                         PyDateTime_TIME_GET_SECOND(object), PyDateTime_TIME_GET_MICROSECOND(object), text,
                         sizeof text);
    format_zone(PyDateTime_TIME_GET_TZINFO(object), text + n, sizeof text - (size_t)n);
    return value_put_content(encoder, p, object, base, text);
}

uint8_t *
value_put_timedelta(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    long seconds = PyDateTime_DELTA_GET_SECONDS(object);
    int microseconds = PyDateTime_DELTA_GET_MICROSECONDS(object);
    char text[80];
    int n = PyOS_snprintf(text, sizeof text, "timedelta(%d days, %ld:%02ld:%02ld", PyDateTime_DELTA_GET_DAYS(object),
                          seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (microseconds)
        n += PyOS_snprintf(text + n, sizeof text - (size_t)n, ".%06d", microseconds);
    PyOS_snprintf(text + n, sizeof text - (size_t)n, ")");
    return value_put_content(encoder, p, object, base, text);
}

uint8_t *
value_put_timezone(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    PyObject *args = timezone_arguments(object);
    PyObject *offset = args ? PyTuple_GET_ITEM(args, 0) : NULL; /* Borrowed */
    if (!offset) {
        p = value_put_type(encoder, p, object);
    }
    else if (PyTuple_GET_SIZE(args) == 1 && PyDateTime_DELTA_GET_DAYS(offset) == 0
             && PyDateTime_DELTA_GET_SECONDS(offset) == 0 && PyDateTime_DELTA_GET_MICROSECONDS(offset) == 0) {
        p = value_put_content(encoder, p, object, base, "timezone.utc");
    }
    else {
        p = value_put_typed(encoder, p, FLOW_VALUE_ARGS, Py_TYPE(object));
        p = value_put_items(encoder, p, object, ((PyTupleObject *)args)->ob_item, PyTuple_GET_SIZE(args));
    }
    Py_XDECREF(args);
    return p;
}

uint8_t *
value_put_zoneinfo(struct value_encoder *encoder, uint8_t *p, PyObject *object, PyTypeObject *base)
{
    (void)base;
    PyObject *key = zone_key(object);
    p = value_put_typed(encoder, p, key ? FLOW_VALUE_WRAPPED : FLOW_VALUE_OBJECT, Py_TYPE(object));
    if (key)
        p = value_put_str(encoder, p, key);
    Py_XDECREF(key);
    return p;
}
