/* tables.c - Tables: a trace as rows of tuples, for SQL, and as columns of many rows, as Arrow lays them out. */
#include "../export/tables.h"
#include "../export/sink.h"

#include <stdlib.h>

#include "binding.h"

#define ROWS_STEP 1024 /* between two looks at signals */

struct tables_object {
    PyObject_HEAD
    const struct binding_types *types; /* Borrowed from the module */
    struct reader reader;
    struct model model;
    bool is_open;
};

struct rows_object {
    PyObject_HEAD
    struct tables_object *tables; /* Owned */
    struct table_cursor cursor;
    uint32_t batch;               /* rows at a time, as columns; 0: as tuples */
    uint64_t told;                /* rows so far */
    struct block *block;          /* Owned; or NULL: a row at a time */
};

#define BLOCK_ROWS_MAX 10000
#define SHAPES_MAX 32

/* Many rows in one tuple, without the columns in which all of them have what is usual. What numbers the rows is usually
 * one more than in the row before, where None stands for it, as SQLite has it. */
struct block {
    uint32_t rows;
    bool is_numbered;
    uint64_t number; /* of the row before */
    uint32_t columns; /* a bit each: those that may be told */
    uint32_t shapes[SHAPES_MAX]; /* columns that blocks have had: there are to be few such sets */
    uint32_t shape_count;
    PyObject *items[]; /* Owned; of the block that is being made, by row; NULL: what is usual there */
};

/* --- rows ------------------------------------------------------------------------- */

static void
rows_dealloc(PyObject *self)
{
    struct rows_object *rows = (struct rows_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    table_close(&rows->cursor);
    PyMem_Free(rows->block);
    Py_XDECREF(rows->tables);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* Signals are heard, and whoever waits sees how far it is. 0, or -1 with an exception set. */
static int
step(struct rows_object *rows)
{
    PyObject *progress = rows->tables->types->progress; /* Borrowed */
    if (PyErr_CheckSignals() < 0)
        return -1;
    PyObject *result = progress ? PyObject_CallFunction(progress, "sII", "writing", table_done(&rows->cursor),
                                                        table_total(&rows->cursor))
                                : Py_NewRef(Py_None);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static PyObject *
object_of(const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_NUMBER: return PyLong_FromUnsignedLongLong(cell->number);
    case CELL_TEXT: return binding_str(cell->text);
    default: return Py_NewRef(Py_None);
    }
}

/* Whoever waits for many rows is to be heard now and then. 0, or -1 with an exception set. */
static int
count_row(struct rows_object *rows)
{
    return rows->told++ % ROWS_STEP == ROWS_STEP - 1 ? step(rows) : 0;
}

/* NULL at the end, too. */
static PyObject *
next_tuple(struct rows_object *rows)
{
    struct table_cursor *cursor = &rows->cursor;
    if (count_row(rows) < 0 || !table_next(cursor))
        return NULL;
    PyObject *tuple = PyTuple_New(cursor->table->column_count);
    for (uint32_t i = 0; tuple && i < cursor->table->column_count; i++) {
        PyObject *item = object_of(&cursor->cells[i]);
        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* --- blocks ----------------------------------------------------------------------- */

static bool
is_next(struct block *block, const struct cell *number)
{
    uint64_t before = block->number;
    block->number = number->number;
    return number->number == before + 1;
}

/* The items of a row, and which columns it needs. 0, or -1 with an exception set. */
static int
read_row(struct block *block, const struct table_cursor *cursor, PyObject **items, uint32_t *needed)
{
    for (uint32_t i = 0; i < cursor->table->column_count; i++) {
        const struct cell *cell = &cursor->cells[i];
        bool is_usual = i == 0 && block->is_numbered ? is_next(block, cell)
                                                     : column_is_usual(&cursor->table->columns[i], cell);
        if (is_usual || !(block->columns >> i & 1))
            continue;
        items[i] = object_of(cell);
        if (!items[i])
            return -1;
        *needed |= 1u << i;
    }
    return 0;
}

/* The columns that are told if these are needed: as they were before, or all. */
static uint32_t
shape_for(struct block *block, uint32_t needed)
{
    for (uint32_t i = 0; i < block->shape_count; i++)
        if (block->shapes[i] == needed)
            return needed;
    if (block->shape_count == SHAPES_MAX)
        return block->columns;
    return block->shapes[block->shape_count++] = needed;
}

/* Takes the items. NULL with an exception set. */
static PyObject *
tuple_of_items(struct block *block, const struct table *table, uint32_t count, uint32_t shape)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)count * __builtin_popcount(shape));
    Py_ssize_t filled = 0;
    for (uint32_t row = 0; tuple && row < count; row++)
        for (uint32_t i = 0; tuple && i < table->column_count; i++) {
            PyObject **item = &block->items[row * table->column_count + i];
            if (!(shape >> i & 1))
                continue;
            if (!*item && !(*item = object_of(&table->columns[i].usual)))
                Py_CLEAR(tuple);
            else
                PyTuple_SET_ITEM(tuple, filled++, *item);
            *item = NULL;
        }
    return tuple;
}

/* (columns, values), or NULL at the end, too. */
static PyObject *
next_block(struct rows_object *rows)
{
    struct block *block = rows->block;
    const struct table *table = rows->cursor.table;
    uint32_t needed = 0, count = 0;
    int ret = 0;
    while (ret == 0 && count < block->rows && table_next(&rows->cursor)) {
        ret = count_row(rows);
        if (ret == 0)
            ret = read_row(block, &rows->cursor, &block->items[count++ * table->column_count], &needed);
    }
    uint32_t shape = ret == 0 && count ? shape_for(block, needed ? needed : 1) : 0;
    PyObject *values = shape ? tuple_of_items(block, table, count, shape) : NULL;
    for (uint32_t i = 0; !values && i < count * table->column_count; i++)
        Py_CLEAR(block->items[i]);
    return values ? Py_BuildValue("(IN)", shape, values) : NULL;
}

/* --- columns ---------------------------------------------------------------------- */

/* One of Arrow's arrays of int64, or of UTF-8 with offsets of 64 bits. */
struct column_buffer {
    uint8_t *valid; /* Owned; a bit a row */
    uint64_t *number; /* Owned; or the offsets of texts, one more than rows */
    struct text text;
    uint32_t nulls;
};

#define BATCH_TEXT_MAX ((size_t)64 << 20) /* bytes of a column: a batch ends behind the row that fills it */

static bool
open_columns(struct column_buffer *columns, uint32_t count, uint32_t rows)
{
    bool failed = false;
    for (uint32_t i = 0; i < count; i++) {
        columns[i].valid = calloc(rows / 8 + (size_t)1, 1);
        columns[i].number = calloc(rows + (size_t)1, sizeof *columns[i].number);
        failed |= !columns[i].valid || !columns[i].number;
    }
    return !failed;
}

static void
close_columns(struct column_buffer *columns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(columns[i].valid);
        free(columns[i].number);
        text_free(&columns[i].text);
    }
}

/* Returns whether there is room for more. */
static bool
add_row(struct column_buffer *columns, const struct table_cursor *cursor, uint32_t row)
{
    bool fits = true;
    for (uint32_t i = 0; i < cursor->table->column_count; i++) {
        const struct cell *cell = &cursor->cells[i];
        struct column_buffer *column = &columns[i];
        if (cell->kind == CELL_NULL)
            column->nulls++;
        else
            column->valid[row / 8] |= (uint8_t)(1 << row % 8);
        if (cell->kind == CELL_TEXT)
            text_utf8(&column->text, cell->text); /* else it would not be Arrow's */
        if (cursor->table->columns[i].is_text)
            column->number[row + 1] = column->text.length;
        else
            column->number[row] = cell->number;
        fits &= column->text.length < BATCH_TEXT_MAX;
    }
    return fits;
}

static PyObject *
bytes_of(const void *data, size_t length)
{
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)length);
}

/* (nulls, valid, data, offsets or None) */
static PyObject *
column_tuple(const struct column_buffer *column, bool is_text, uint32_t rows)
{
    if (column->text.failed)
        return PyErr_NoMemory();
    if (!is_text)
        return Py_BuildValue("(INNO)", column->nulls, bytes_of(column->valid, rows / 8 + (size_t)1),
                             bytes_of(column->number, rows * sizeof *column->number), Py_None);
    return Py_BuildValue("(INNN)", column->nulls, bytes_of(column->valid, rows / 8 + (size_t)1),
                         bytes_of(column->text.data ? column->text.data : "", column->text.length),
                         bytes_of(column->number, (rows + (size_t)1) * sizeof *column->number));
}

/* (rows, list of columns), or NULL at the end. */
static PyObject *
next_batch(struct rows_object *rows)
{
    struct table_cursor *cursor = &rows->cursor;
    struct column_buffer columns[TABLE_COLUMNS_MAX] = {0};
    uint32_t column_count = cursor->table->column_count;
    uint32_t count = 0;
    PyObject *list = NULL;
    if (open_columns(columns, column_count, rows->batch)) {
        bool fits = true;
        while (fits && count < rows->batch && table_next(cursor))
            fits = add_row(columns, cursor, count++);
        list = count && step(rows) == 0 ? PyList_New(column_count) : NULL;
    }
    else {
        PyErr_NoMemory();
    }
    for (uint32_t i = 0; list && i < column_count; i++) {
        PyObject *column = column_tuple(&columns[i], cursor->table->columns[i].is_text, count);
        if (column)
            PyList_SET_ITEM(list, i, column);
        else
            Py_CLEAR(list);
    }
    close_columns(columns, column_count);
    return list ? Py_BuildValue("(IN)", count, list) : NULL;
}

static PyObject *
rows_next(PyObject *self)
{
    struct rows_object *rows = (struct rows_object *)self;
    if (rows->batch)
        return next_batch(rows);
    return rows->block ? next_block(rows) : next_tuple(rows);
}

static PyType_Slot rows_slots[] = {
    {Py_tp_dealloc, rows_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, rows_next},
    {0, NULL},
};

static PyType_Spec rows_spec = {.name = "flowtrace._core.Rows",
                                .basicsize = sizeof(struct rows_object),
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                .slots = rows_slots};

/* --- Tables -------------------------------------------------------------------------- */

static PyObject *
tables_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"path", "newest", "filters", NULL};
    PyObject *path, *filters = NULL;
    unsigned long long newest = BINDING_NEWEST;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|$KO:Tables", names, PyUnicode_FSConverter, &path, &newest,
                                     &filters))
        return NULL;
    struct tables_object *all = PyObject_New(struct tables_object, type);
    if (all) {
        all->types = binding_types_of(PyType_GetModule(type));
        all->is_open = binding_load_filtered(all->types, &all->reader, &all->model, PyBytes_AS_STRING(path), newest,
                                             filters)
                       == 0;
        if (!all->is_open)
            Py_CLEAR(all);
    }
    Py_DECREF(path);
    return (PyObject *)all;
}

static void
tables_dealloc(PyObject *self)
{
    struct tables_object *all = (struct tables_object *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (all->is_open) {
        model_free(&all->model);
        reader_close(&all->reader);
    }
    PyObject_Free(self);
    Py_DECREF(type);
}

/* NULL with an exception set. */
static struct rows_object *
open_rows(struct tables_object *all, const char *name)
{
    const struct table *table = table_find(name);
    if (!table) {
        PyErr_Format(PyExc_ValueError, "no table %s", name);
        return NULL;
    }
    struct rows_object *rows = PyObject_New(struct rows_object, all->types->rows);
    if (!rows)
        return NULL;
    rows->tables = (struct tables_object *)Py_NewRef(all);
    rows->batch = 0;
    rows->told = 0;
    rows->block = NULL;
    if (table_open(&rows->cursor, &all->model, table) < 0) {
        PyErr_NoMemory();
        Py_CLEAR(rows);
    }
    return rows;
}

static PyObject *
tables_rows(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"table", "batch", NULL};
    const char *name;
    unsigned batch = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$I:rows", names, &name, &batch))
        return NULL;
    struct rows_object *rows = open_rows((struct tables_object *)self, name);
    if (rows)
        rows->batch = batch;
    return (PyObject *)rows;
}

/* A bit for each column; without those that can be made of others, if so wished. */
static uint32_t
told_columns(const struct table *table, bool derived)
{
    uint32_t columns = 0;
    for (uint32_t i = 0; i < table->column_count; i++)
        columns |= (uint32_t)(derived || !table->columns[i].formula) << i;
    return columns;
}

static PyObject *
tables_blocks(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"table", "rows", "derived", NULL};
    const char *name;
    unsigned count;
    int derived;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s$Ip:blocks", names, &name, &count, &derived))
        return NULL;
    if (count < 1 || count > BLOCK_ROWS_MAX)
        return PyErr_Format(PyExc_ValueError, "rows is 1 to %d", BLOCK_ROWS_MAX);
    struct rows_object *rows = open_rows((struct tables_object *)self, name);
    if (!rows)
        return NULL;
    const struct table *table = rows->cursor.table;
    size_t size = sizeof *rows->block + count * (size_t)table->column_count * sizeof(PyObject *);
    rows->block = PyMem_Calloc(1, size);
    if (!rows->block) {
        Py_DECREF(rows);
        return PyErr_NoMemory();
    }
    rows->block->rows = count;
    rows->block->is_numbered = table_is_numbered(table);
    rows->block->columns = told_columns(table, derived);
    return (PyObject *)rows;
}

static PyObject *
tables_facts(PyObject *self, void *Py_UNUSED(closure))
{
    const struct tables_object *all = (struct tables_object *)self;
    const struct flow_file_header *header = all->reader.header;
    return Py_BuildValue("{s:K, s:O, s:I, s:y#}", "start_unix_ns", (unsigned long long)header->start_unix_ns, "timed",
                         header->clock == FLOW_CLOCK_NONE ? Py_False : Py_True, "calls", model_count_calls(&all->model),
                         "trace_id", (const char *)header->trace_id, (Py_ssize_t)sizeof header->trace_id);
}

static PyGetSetDef tables_getset[] = {
    {"facts", tables_facts, NULL, "dict: start_unix_ns, timed, calls, trace_id (bytes).", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef tables_methods[] = {
    {"rows", (PyCFunction)(void (*)(void))tables_rows, METH_VARARGS | METH_KEYWORDS, NULL},
    {"blocks", (PyCFunction)(void (*)(void))tables_blocks, METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot tables_slots[] = {
    {Py_tp_new, tables_new},
    {Py_tp_dealloc, tables_dealloc},
    {Py_tp_getset, tables_getset},
    {Py_tp_methods, tables_methods},
    {0, NULL},
};

static PyType_Spec tables_spec = {.name = "flowtrace._core.Tables",
                                  .basicsize = sizeof(struct tables_object),
                                  .flags = Py_TPFLAGS_DEFAULT,
                                  .slots = tables_slots};

PyObject *
binding_table_columns(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list && i < table_count; i++) {
        const struct table *table = &tables[i];
        PyObject *columns = PyTuple_New(table->column_count);
        for (uint32_t j = 0; columns && j < table->column_count; j++) {
            const struct column *column = &table->columns[j];
            PyObject *item = Py_BuildValue("(sOsNz)", column->name, column->is_text ? Py_True : Py_False, column->what,
                                           object_of(&column->usual), column->formula);
            if (item)
                PyTuple_SET_ITEM(columns, j, item);
            else
                Py_CLEAR(columns);
        }
        PyObject *item = columns ? Py_BuildValue("(ssN)", table->name, table->what, columns) : NULL;
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

int
binding_add_table_types(PyObject *module)
{
    struct binding_types *types = binding_types_of(module);
    types->rows = (PyTypeObject *)PyType_FromModuleAndSpec(module, &rows_spec, NULL);
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &tables_spec, NULL);
    int ret = types->rows && type ? PyModule_AddType(module, type) : -1;
    Py_XDECREF(type);
    return ret;
}
