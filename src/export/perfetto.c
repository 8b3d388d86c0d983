/* perfetto.c - Perfetto's own format: a sequence of packets, each a message of Protocol Buffers.
 *
 * What repeats is sent once and then goes by its number: names, modules and places of functions, which share the number
 * of their code, and the names of parameters and facts. The numbers of fields are those of Perfetto's .proto files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/label.h"
#include "export.h"
#include "facts.h"
#include "flows.h"
#include "protobuf.h"
#include "timeline.h"

enum { TRACE_PACKET = 1 };

enum packet_field {
    PACKET_CLOCK_SNAPSHOT = 6,
    PACKET_TIMESTAMP = 8,
    PACKET_SEQUENCE = 10,
    PACKET_TRACK_EVENT = 11,
    PACKET_INTERNED = 12,
    PACKET_FLAGS = 13,
    PACKET_TRACK_DESCRIPTOR = 60,
};

enum sequence_flags { FLAGS_CLEARED = 1, FLAGS_NEEDED = 2 };

enum clock_field { SNAPSHOT_CLOCKS = 1, CLOCK_ID = 1, CLOCK_TIMESTAMP = 2 };
enum clock_number { CLOCK_REALTIME = 1, CLOCK_BOOTTIME = 6 };

enum descriptor_field {
    DESCRIPTOR_UUID = 1,
    DESCRIPTOR_NAME = 2,
    DESCRIPTOR_PROCESS = 3,
    DESCRIPTOR_THREAD = 4,
    DESCRIPTOR_PARENT = 5,
    DESCRIPTOR_ORDERING = 11,
    DESCRIPTOR_RANK = 12,
    DESCRIPTOR_MERGE = 15,
};

enum { ORDERING_EXPLICIT = 3, MERGE_NONE = 2 };
enum process_field { PROCESS_PID = 1, PROCESS_NAME = 6, PROCESS_LABELS = 8 };
enum thread_field { THREAD_PID = 1, THREAD_TID = 2, THREAD_NAME = 5 };

enum event_field {
    EVENT_CATEGORY = 3,
    EVENT_ANNOTATION = 4,
    EVENT_TYPE = 9,
    EVENT_NAME_NUMBER = 10,
    EVENT_TRACK = 11,
    EVENT_NAME = 23,
    EVENT_PLACE = 34,
    EVENT_FLOW = 47,
    EVENT_FLOW_END = 48,
};

enum event_type { EVENT_BEGIN = 1, EVENT_END = 2, EVENT_INSTANT = 3 };

enum annotation_field {
    ANNOTATION_NAME_NUMBER = 1,
    ANNOTATION_TRUTH = 2,
    ANNOTATION_INT = 4,
    ANNOTATION_DOUBLE = 5,
    ANNOTATION_TEXT = 6,
    ANNOTATION_ENTRY = 11,
};

enum interned_field {
    INTERNED_CATEGORY = 1,
    INTERNED_NAME = 2,
    INTERNED_ANNOTATION = 3,
    INTERNED_PLACE = 4,
    INTERNED_NUMBER = 1,
    INTERNED_TEXT = 2, /* of a place: its file */
    PLACE_FUNCTION = 3,
    PLACE_LINE = 4,
};

/* Numbers of what is not of a function's. Parameters come behind the facts. */
enum { CATEGORY_WAIT = 1, CATEGORY_EXCEPTION = 2, CATEGORY_YIELD = 3, CATEGORY_CREATES = 4, CATEGORY_CODE = 5 };
enum { NAME_ARGUMENTS = FACT_COUNT + 1, NAME_EXCEPTION, NAME_CREATES, NAME_PARAMETER };

struct perfetto {
    struct sink *sink;
    const struct model *model;
    struct flows flows;
    uint64_t track;             /* uuid of the row that events stand on */
    uint8_t *grouped;           /* Owned; by process: a bit for each kind of tracks of which it has a group */
    uint32_t *parameters;       /* Owned; by code: the number of its first parameter's name; 0: it was not met yet */
    uint32_t next_parameter;
    struct text packet, scratch;
    size_t in_packet, in_part, in_arguments; /* as protobuf_begin() returned them */
};

static struct slice
scratch_of(struct perfetto *perfetto)
{
    struct text *scratch = &perfetto->scratch;
    struct slice slice = text_content(scratch);
    scratch->length = 0;
    return slice;
}

/* --- packets ---------------------------------------------------------------------- */

static void
begin_packet(struct perfetto *perfetto, enum sequence_flags flags)
{
    perfetto->in_packet = protobuf_begin(&perfetto->packet, TRACE_PACKET);
    protobuf_number(&perfetto->packet, PACKET_SEQUENCE, 1);
    protobuf_number(&perfetto->packet, PACKET_FLAGS, flags);
}

static void
begin_part(struct perfetto *perfetto, enum packet_field field)
{
    perfetto->in_part = protobuf_begin(&perfetto->packet, field);
}

static void
end_part(struct perfetto *perfetto)
{
    protobuf_end(&perfetto->packet, perfetto->in_part);
}

static void
end_packet(struct perfetto *perfetto)
{
    protobuf_end(&perfetto->packet, perfetto->in_packet);
    sink_text(perfetto->sink, &perfetto->packet);
}

static void
begin_event(struct perfetto *perfetto, enum event_type type, uint64_t ns)
{
    begin_packet(perfetto, FLAGS_NEEDED);
    protobuf_number(&perfetto->packet, PACKET_TIMESTAMP, ns);
    begin_part(perfetto, PACKET_TRACK_EVENT);
    protobuf_number(&perfetto->packet, EVENT_TYPE, type);
    protobuf_number(&perfetto->packet, EVENT_TRACK, perfetto->track);
}

static void
end_event(struct perfetto *perfetto)
{
    end_part(perfetto);
    end_packet(perfetto);
}

/* --- what goes by a number ---------------------------------------------------------- */

static void
put_interned(struct perfetto *perfetto, enum interned_field kind, uint64_t number, struct slice text)
{
    size_t in_entry = protobuf_begin(&perfetto->packet, kind);
    protobuf_number(&perfetto->packet, INTERNED_NUMBER, number);
    protobuf_text(&perfetto->packet, INTERNED_TEXT, text);
    protobuf_end(&perfetto->packet, in_entry);
}

static void
put_interned_word(struct perfetto *perfetto, enum interned_field kind, uint64_t number, const char *word)
{
    put_interned(perfetto, kind, number, (struct slice){word, strlen(word)});
}

static void
put_fixed_names(struct perfetto *perfetto)
{
    begin_packet(perfetto, FLAGS_CLEARED);
    begin_part(perfetto, PACKET_INTERNED);
    put_interned_word(perfetto, INTERNED_CATEGORY, CATEGORY_WAIT, "wait");
    put_interned_word(perfetto, INTERNED_CATEGORY, CATEGORY_EXCEPTION, "exception");
    put_interned_word(perfetto, INTERNED_CATEGORY, CATEGORY_YIELD, "yield");
    put_interned_word(perfetto, INTERNED_CATEGORY, CATEGORY_CREATES, "creates");
    for (unsigned i = 0; i < FACT_COUNT; i++)
        put_interned_word(perfetto, INTERNED_ANNOTATION, i + 1, fact_names[i]);
    put_interned_word(perfetto, INTERNED_ANNOTATION, NAME_ARGUMENTS, "arguments");
    put_interned_word(perfetto, INTERNED_ANNOTATION, NAME_EXCEPTION, "exception");
    put_interned_word(perfetto, INTERNED_ANNOTATION, NAME_CREATES, "creates");
    end_event(perfetto);
}

static void
put_place(struct perfetto *perfetto, const struct code *code)
{
    size_t in_place = protobuf_begin(&perfetto->packet, INTERNED_PLACE);
    protobuf_number(&perfetto->packet, INTERNED_NUMBER, code->index + UINT64_C(1));
    text_name(&perfetto->scratch, code->file);
    protobuf_text(&perfetto->packet, INTERNED_TEXT, scratch_of(perfetto));
    text_name(&perfetto->scratch, code->qualname);
    protobuf_text(&perfetto->packet, PLACE_FUNCTION, scratch_of(perfetto));
    protobuf_number(&perfetto->packet, PLACE_LINE, code->first_line);
    protobuf_end(&perfetto->packet, in_place);
}

static void
put_code_names(struct perfetto *perfetto, const struct code *code)
{
    begin_packet(perfetto, FLAGS_NEEDED);
    begin_part(perfetto, PACKET_INTERNED);
    text_name(&perfetto->scratch, code_module(code));
    put_interned(perfetto, INTERNED_CATEGORY, code->index + (uint64_t)CATEGORY_CODE, scratch_of(perfetto));
    label_function(&perfetto->scratch, code);
    put_interned(perfetto, INTERNED_NAME, code->index + UINT64_C(1), scratch_of(perfetto));
    put_place(perfetto, code);
    perfetto->parameters[code->index] = perfetto->next_parameter;
    for (uint32_t i = 0; i < code->parameter_count; i++) {
        text_name(&perfetto->scratch, code->parameters[i].name);
        put_interned(perfetto, INTERNED_ANNOTATION, perfetto->next_parameter++, scratch_of(perfetto));
    }
    end_event(perfetto);
}

/* --- processes and rows --------------------------------------------------------------- */

/* Uuids: processes and then tracks from 1 on, the further rows of a track 2^32 apart, groups beyond all of them. */
#define GROUP_OF_PROCESS (UINT64_C(1) << 62)
#define GROUP_OF_THREAD (UINT64_C(1) << 61)

static uint64_t
uuid_of_process(uint32_t process)
{
    return (uint64_t)process + 1;
}

static uint64_t
uuid_of_row(const struct perfetto *perfetto, uint32_t track, uint32_t level)
{
    return (uint64_t)level << 32 | (perfetto->model->process_count + (uint64_t)track + 1);
}

static void
put_process(struct perfetto *perfetto, uint32_t index)
{
    const struct process *process = &perfetto->model->processes[index];
    begin_packet(perfetto, FLAGS_NEEDED);
    begin_part(perfetto, PACKET_TRACK_DESCRIPTOR);
    protobuf_number(&perfetto->packet, DESCRIPTOR_UUID, uuid_of_process(index));
    size_t in_process = protobuf_begin(&perfetto->packet, DESCRIPTOR_PROCESS);
    protobuf_number(&perfetto->packet, PROCESS_PID, timeline_pid(perfetto->model, index));
    timeline_process_name(&perfetto->scratch, perfetto->model, process);
    protobuf_text(&perfetto->packet, PROCESS_NAME, scratch_of(perfetto));
    text_clean(&perfetto->scratch, process_info(process, "host"));
    if (perfetto->scratch.length)
        protobuf_text(&perfetto->packet, PROCESS_LABELS, scratch_of(perfetto));
    protobuf_end(&perfetto->packet, in_process);
    end_event(perfetto);
}

static void
put_thread(struct perfetto *perfetto, const struct track *track, uint32_t index)
{
    size_t in_thread = protobuf_begin(&perfetto->packet, DESCRIPTOR_THREAD);
    protobuf_number(&perfetto->packet, THREAD_PID, timeline_pid(perfetto->model, track->process));
    protobuf_number(&perfetto->packet, THREAD_TID, timeline_tid(perfetto->model, index, 0));
    timeline_row_name(&perfetto->scratch, track, 0);
    protobuf_text(&perfetto->packet, THREAD_NAME, scratch_of(perfetto));
    protobuf_end(&perfetto->packet, in_thread);
}

static void
begin_track(struct perfetto *perfetto, uint64_t uuid, uint64_t parent)
{
    begin_packet(perfetto, FLAGS_NEEDED);
    begin_part(perfetto, PACKET_TRACK_DESCRIPTOR);
    protobuf_number(&perfetto->packet, DESCRIPTOR_UUID, uuid);
    protobuf_number(&perfetto->packet, DESCRIPTOR_PARENT, parent);
}

/* The UI sorts what stands below a process or a thread by name, whatever order it is given; what stands in a group has
 * its own. */
static uint64_t
group_of(struct perfetto *perfetto, const struct track *track, uint32_t index, uint32_t level)
{
    bool is_thread = track->kind == TRACK_MAIN || track->kind == TRACK_THREAD;
    if (level && !is_thread)
        return uuid_of_row(perfetto, index, 0);
    uint64_t group = is_thread ? GROUP_OF_THREAD | (index + UINT64_C(1))
                               : GROUP_OF_PROCESS | (uint64_t)track->kind << 32 | uuid_of_process(track->process);
    uint8_t bit = (uint8_t)(1 << track->kind);
    if (is_thread ? level > 1 : perfetto->grouped[track->process] & bit)
        return group;
    perfetto->grouped[track->process] |= bit;
    begin_track(perfetto, group, uuid_of_process(track->process));
    if (is_thread)
        timeline_row_name(&perfetto->scratch, track, 0);
    else
        text_format(&perfetto->scratch, "%s", label_track_kind(track));
    text_string(&perfetto->scratch, is_thread ? ", deeper" : "s");
    protobuf_text(&perfetto->packet, DESCRIPTOR_NAME, scratch_of(perfetto));
    protobuf_number(&perfetto->packet, DESCRIPTOR_ORDERING, ORDERING_EXPLICIT);
    protobuf_number(&perfetto->packet, DESCRIPTOR_MERGE, MERGE_NONE);
    end_event(perfetto);
    return group;
}

static int
on_row(void *context, uint32_t index, uint32_t level, bool is_new)
{
    struct perfetto *perfetto = context;
    const struct track *track = &perfetto->model->tracks[index];
    bool is_thread = level == 0 && (track->kind == TRACK_MAIN || track->kind == TRACK_THREAD);
    perfetto->track = uuid_of_row(perfetto, index, level);
    if (!is_new)
        return 0;
    uint64_t above = is_thread ? uuid_of_process(track->process) : group_of(perfetto, track, index, level);
    begin_track(perfetto, perfetto->track, above);
    if (is_thread) {
        put_thread(perfetto, track, index);
    }
    else {
        timeline_row_name(&perfetto->scratch, track, level);
        protobuf_text(&perfetto->packet, DESCRIPTOR_NAME, scratch_of(perfetto));
        protobuf_number(&perfetto->packet, DESCRIPTOR_RANK, level ? level : index & 0x3fffffff);
        protobuf_number(&perfetto->packet, DESCRIPTOR_ORDERING, ORDERING_EXPLICIT);
        protobuf_number(&perfetto->packet, DESCRIPTOR_MERGE, MERGE_NONE);
    }
    end_event(perfetto);
    return 0;
}

/* --- what is said of a call -------------------------------------------------------------- */

static void
put_annotation(struct text *out, uint32_t field, uint64_t name, const struct plain *value)
{
    size_t in_annotation = protobuf_begin(out, field);
    protobuf_number(out, ANNOTATION_NAME_NUMBER, name);
    switch (value->kind) {
    case PLAIN_INT: protobuf_number(out, ANNOTATION_INT, (uint64_t)value->integer); break;
    case PLAIN_FLOAT: protobuf_double(out, ANNOTATION_DOUBLE, value->real); break;
    case PLAIN_TRUTH: protobuf_number(out, ANNOTATION_TRUTH, value->truth); break;
    default: protobuf_text(out, ANNOTATION_TEXT, value->text);
    }
    protobuf_end(out, in_annotation);
}

static void
put_fact(void *context, enum fact fact, const struct plain *value)
{
    struct perfetto *perfetto = context;
    put_annotation(&perfetto->packet, EVENT_ANNOTATION, fact + UINT64_C(1), value);
}

static void
begin_arguments(void *context)
{
    struct perfetto *perfetto = context;
    perfetto->in_arguments = protobuf_begin(&perfetto->packet, EVENT_ANNOTATION);
    protobuf_number(&perfetto->packet, ANNOTATION_NAME_NUMBER, NAME_ARGUMENTS);
}

static void
put_argument(void *context, const struct code *code, uint32_t parameter, const struct plain *value)
{
    struct perfetto *perfetto = context;
    put_annotation(&perfetto->packet, ANNOTATION_ENTRY, perfetto->parameters[code->index] + (uint64_t)parameter, value);
}

static void
end_arguments(void *context)
{
    struct perfetto *perfetto = context;
    protobuf_end(&perfetto->packet, perfetto->in_arguments);
}

static const struct fact_visitor facts = {put_fact, begin_arguments, put_argument, end_arguments};

/* --- events ------------------------------------------------------------------------------- */

static int
on_begin(void *context, uint32_t call, uint64_t ns, bool goes_on)
{
    struct perfetto *perfetto = context;
    const struct code *code = perfetto->model->calls[call].code;
    if (!perfetto->parameters[code->index])
        put_code_names(perfetto, code);
    begin_event(perfetto, EVENT_BEGIN, ns);
    protobuf_number(&perfetto->packet, EVENT_NAME_NUMBER, code->index + UINT64_C(1));
    protobuf_number(&perfetto->packet, EVENT_CATEGORY, code->index + (uint64_t)CATEGORY_CODE);
    protobuf_number(&perfetto->packet, EVENT_PLACE, code->index + UINT64_C(1));
    if (goes_on)
        facts_tell_number(perfetto->model, call, &facts, perfetto);
    else
        facts_tell(perfetto->model, call, &perfetto->scratch, &facts, perfetto);
    if (perfetto->flows.ends[call] & FLOWS_END && !goes_on)
        protobuf_fixed64(&perfetto->packet, EVENT_FLOW_END, flow_id(call));
    end_event(perfetto);
    return 0;
}

static int
on_pause(void *context, uint32_t call, uint64_t ns, struct slice what, bool waits)
{
    struct perfetto *perfetto = context;
    struct plain number = plain_number(model_call_number(perfetto->model, call));
    begin_event(perfetto, EVENT_BEGIN, ns);
    protobuf_text(&perfetto->packet, EVENT_NAME, what);
    protobuf_number(&perfetto->packet, EVENT_CATEGORY, waits ? CATEGORY_WAIT : CATEGORY_YIELD);
    put_fact(perfetto, FACT_CALL, &number);
    end_event(perfetto);
    return 0;
}

static int
on_end(void *context, uint64_t ns)
{
    struct perfetto *perfetto = context;
    begin_event(perfetto, EVENT_END, ns);
    end_event(perfetto);
    return 0;
}

static int
on_create(void *context, const struct flow *flow, struct slice what, uint64_t ns)
{
    struct perfetto *perfetto = context;
    struct plain number = plain_number(model_call_number(perfetto->model, flow->created));
    begin_event(perfetto, EVENT_INSTANT, ns);
    protobuf_text(&perfetto->packet, EVENT_NAME, what);
    protobuf_number(&perfetto->packet, EVENT_CATEGORY, CATEGORY_CREATES);
    put_annotation(&perfetto->packet, EVENT_ANNOTATION, NAME_CREATES, &number);
    protobuf_fixed64(&perfetto->packet, EVENT_FLOW, flow_id(flow->created));
    end_event(perfetto);
    return 0;
}

static int
on_mark(void *context, enum timeline_mark_kind kind, uint32_t call, const struct exception *exception, uint64_t ns)
{
    struct perfetto *perfetto = context;
    struct plain number = plain_number(model_call_number(perfetto->model, call));
    begin_event(perfetto, EVENT_INSTANT, ns);
    timeline_mark_name(&perfetto->scratch, perfetto->model, kind, exception);
    protobuf_text(&perfetto->packet, EVENT_NAME, scratch_of(perfetto));
    protobuf_number(&perfetto->packet, EVENT_CATEGORY, CATEGORY_EXCEPTION);
    label_exception(&perfetto->scratch, perfetto->model, exception, true, 0);
    struct plain text = plain_text(scratch_of(perfetto));
    put_annotation(&perfetto->packet, EVENT_ANNOTATION, NAME_EXCEPTION, &text);
    put_fact(perfetto, kind == MARK_CAUGHT ? FACT_CAUGHT_BY : FACT_CALL, &number);
    end_event(perfetto);
    return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

static void
put_clock(struct perfetto *perfetto, enum clock_number clock, uint64_t ns)
{
    size_t in_clock = protobuf_begin(&perfetto->packet, SNAPSHOT_CLOCKS);
    protobuf_number(&perfetto->packet, CLOCK_ID, clock);
    protobuf_number(&perfetto->packet, CLOCK_TIMESTAMP, ns);
    protobuf_end(&perfetto->packet, in_clock);
}

/* Times are from the start of the trace, which was then. */
static void
put_start(struct perfetto *perfetto)
{
    begin_packet(perfetto, FLAGS_NEEDED);
    begin_part(perfetto, PACKET_CLOCK_SNAPSHOT);
    put_clock(perfetto, CLOCK_BOOTTIME, 0);
    put_clock(perfetto, CLOCK_REALTIME, perfetto->model->reader->header->start_unix_ns);
    end_event(perfetto);
}

int
export_perfetto(struct export *export)
{
    static const struct timeline_visitor visitor = {on_row, on_begin, on_pause, on_end, on_create, on_mark};
    const struct model *model = export->model;
    struct perfetto perfetto = {.sink = export->sink, .model = model, .next_parameter = NAME_PARAMETER};
    perfetto.parameters = calloc(model->reader->code_count + (size_t)1, sizeof *perfetto.parameters);
    perfetto.grouped = calloc(model->process_count + (size_t)1, 1);
    int ret = perfetto.parameters && perfetto.grouped ? flows_find(&perfetto.flows, model) : -ENOMEM;
    if (ret == 0) {
        put_fixed_names(&perfetto);
        put_start(&perfetto);
        for (uint32_t i = 0; i < model->process_count; i++)
            put_process(&perfetto, i);
        ret = timeline_walk(export, &perfetto.flows, &visitor, &perfetto);
    }
    if (ret == 0 && (perfetto.packet.failed || perfetto.scratch.failed))
        ret = -ENOMEM;
    free(perfetto.parameters);
    free(perfetto.grouped);
    flows_free(&perfetto.flows);
    text_free(&perfetto.packet);
    text_free(&perfetto.scratch);
    return ret;
}
