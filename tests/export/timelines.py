"""Reads what `chrome` and `perfetto` write into slices, as their viewers do it: strictly, with nothing left over."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Slice:
    name: str
    category: str
    row: str  # "process / thread"
    depth: int
    begin: int  # ns
    end: int | None  # None: it has not ended
    arguments: dict[str, Any]
    parent: Slice | None
    comes_from: list[int] = field(default_factory=list)  # flows
    leads_to: list[int] = field(default_factory=list)
    is_instant: bool = False

    @property
    def is_call(self) -> bool:
        return not self.is_instant and self.category not in {"wait", "yield"} and "goes_on" not in self.arguments


class Rows:
    """Slices that stand upon each other, by row; events come in order of their row's time."""

    def __init__(self) -> None:
        self.slices: list[Slice] = []
        self.open: dict[object, list[Slice]] = {}
        self.last: dict[object, int] = {}

    def begin(self, key: object, ns: int, label: tuple[str, str, str], arguments: dict[str, Any]) -> Slice:
        stack = self.open.setdefault(key, [])
        assert ns >= self.last.get(key, 0), "time runs backwards"
        self.last[key] = ns
        row, name, category = label
        slice = Slice(name, category, row, len(stack), ns, None, arguments, stack[-1] if stack else None)
        stack.append(slice)
        self.slices.append(slice)
        return slice

    def end(self, key: object, ns: int) -> None:
        assert ns >= self.last[key], "time runs backwards"
        self.last[key] = ns
        self.open[key].pop().end = ns

    def instant(self, key: object, ns: int, label: tuple[str, str, str], arguments: dict[str, Any]) -> Slice:
        slice = self.begin(key, ns, label, arguments)
        slice.is_instant = True
        self.end(key, ns)
        return slice


def nanoseconds(ts: str) -> int:
    whole, _, decimals = ts.partition(".")
    assert len(decimals) == 3
    return int(whole) * 1000 + int(decimals)


def read_chrome(path: Path) -> list[Slice]:
    text = path.read_bytes().decode()
    events = json.loads(text, parse_float=Digits)
    lines = text.split("\n")
    assert lines[1:-2] == [line for line in lines if line.startswith('{"ph"')]
    rows = Rows()
    names: dict[tuple[str, int, int], str] = {}
    for event in events:
        key = (event["pid"], event.get("tid", 0))
        phase = event["ph"]
        row = f"{names.get(('process_name', key[0], 0))} / {names.get(('thread_name', *key))}"
        if phase == "M":
            names[event["name"], *key] = event["args"].get("name", "")
        elif phase in {"s", "f"}:
            top = rows.open[key][-1]
            (top.leads_to if phase == "s" else top.comes_from).append(event["id"])
            assert phase == "s" or event["bp"] == "e"
        elif phase == "B":
            rows.begin(key, nanoseconds(event["ts"]), (row, event["name"], event["cat"]), event["args"])
        elif phase == "E":
            top = rows.open[key][-1]
            rows.end(key, nanoseconds(event["ts"]))
            top.is_instant = top.category == "creates"
            assert not top.is_instant or top.begin == top.end
        else:
            assert (phase, event["s"]) == ("i", "t")
            rows.instant(key, nanoseconds(event["ts"]), (row, event["name"], event["cat"]), event["args"])
    for slice in rows.slices:
        slice.arguments = {name: plain(value) for name, value in slice.arguments.items()}
    return rows.slices


class Digits(str):
    """A number with a point, as it stands."""


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(its) for name, its in value.items()}
    return float(value) if isinstance(value, Digits) else value


class Interned:
    def __init__(self) -> None:
        self.categories: dict[int, str] = {}
        self.names: dict[int, str] = {}
        self.annotations: dict[int, str] = {}
        self.places: dict[int, str] = {}

    def add(self, data: Any) -> None:
        self.categories.update({entry.iid: entry.name for entry in data.event_categories})
        self.names.update({entry.iid: entry.name for entry in data.event_names})
        self.annotations.update({entry.iid: entry.name for entry in data.debug_annotation_names})
        places = {entry.iid: f"{Path(entry.file_name).name}:{entry.line_number}" for entry in data.source_locations}
        self.places.update(places)

    def value(self, annotation: Any) -> Any:
        if annotation.dict_entries:
            return {self.annotations[entry.name_iid]: self.value(entry) for entry in annotation.dict_entries}
        return getattr(annotation, annotation.WhichOneof("value"))


def read_perfetto(path: Path) -> list[Slice]:
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent

    trace = Trace.FromString(path.read_bytes())
    rows, known, names = Rows(), Interned(), {}
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        known.add(packet.interned_data)
        track = packet.track_descriptor
        if track.uuid:
            name = track.process.process_name or track.thread.thread_name or track.name
            names[track.uuid] = (
                f"{names[track.parent_uuid].partition(' / ')[0]} / {name}" if track.parent_uuid else name
            )
        if not packet.HasField("track_event"):
            continue
        event, ns = packet.track_event, packet.timestamp
        if event.type == TrackEvent.TYPE_SLICE_END:
            rows.end(event.track_uuid, ns)
            continue
        arguments = {known.annotations[one.name_iid]: known.value(one) for one in event.debug_annotations}
        if event.source_location_iid:
            arguments = {"at": known.places[event.source_location_iid], **arguments}
        name = event.name or known.names.get(event.name_iid, "")
        label = (names[event.track_uuid], name, known.categories[event.category_iids[0]])
        if event.type == TrackEvent.TYPE_INSTANT:
            rows.instant(event.track_uuid, ns, label, arguments).leads_to = list(event.flow_ids)
            continue
        slice = rows.begin(event.track_uuid, ns, label, arguments)
        slice.comes_from = list(event.terminating_flow_ids)
    return rows.slices
