"""Explanations as people read them: the same dictionaries that `--json` prints, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afterstate.phase_key import BOUNDARIES

NOTHING = "nothing"


def snapshot_text(answer: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a snapshot's explanation."""
    design = " / ".join(str(answer[name]) for name in ("run_id", "case_id", "antibody_id"))
    yield f"snapshot {answer['snapshot_id']}: {design}, shut down at step {answer['shutdown_step']}"
    yield f"  rule {answer['rule']}, taken {answer['created_at']:%Y-%m-%d %H:%M:%S} UTC"
    if not answer["is_complete"]:
        yield "  incomplete: what is missing is taken when it arrives"
    for source in answer["inputs"]:
        yield ""
        yield from _input_lines(source)
    yield ""
    for one in answer["disagreements"]:
        copied, joined = one["event_value"], _shown(one["joined_value"])
        yield f"the event's own copy of {one['column']} is {copied}, the file says {joined}"
    drifted = [name for source in answer["inputs"] for name, one in source["columns"].items() if one["has_drifted"]]
    yield f"drifted since it was frozen: {', '.join(drifted)}" if drifted else "nothing has drifted"


def _input_lines(source: dict[str, Any]) -> Iterator[str]:
    name, place = source["input"], source["taken_from"]
    if place:
        yield f"{name}: {_place(place)}"
    elif source["was_there"]:
        yield f"{name}: no landed row says this any more"
    else:
        arrived = "; it has landed since" if source["statements"] else ""
        yield f"{name}: was not there when the snapshot was taken{arrived}"
    for column, value in source["columns"].items():
        drift = f"  drifted: the files now say {_shown(value['now'])}" if value["has_drifted"] else ""
        yield f"  {column:<24} {_shown(value['frozen'])}{drift}"
    others = [one for one in source["statements"] if not one["is_taken"]]
    for one in others:
        said = ", ".join(f"{column} {_shown(value)}" for column, value in one["values"].items())
        holds = ", holds now" if one["is_current"] else ""
        yield f"  also stated, {one['valid_from']:%Y-%m-%d %H:%M:%S} UTC{holds}: {_place(one['place'])}: {said}"


def phase_key_text(answer: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a phase key's explanation."""
    context = answer["context"]
    if "proposal" in answer:
        proposal = answer["proposal"]
        yield f"proposal {answer['row']} of run {answer['run']}, session {answer['session']}: {proposal['op_name']}"
        yield f"  {_place(proposal['place'])}"
    yield f"context: die {context['die']}, plane {context['plane']}, {context['time_us']} µs (tick {context['tick']})"
    if "proposal" in answer:
        yield f"  {_context_reason(context)}"
    yield ""
    yield from _segment_lines("last-started segment", answer["segment"])
    yield from _segment_lines("the segment before it", answer["segment_before"])
    yield ""
    for boundary in BOUNDARIES:
        one = answer[boundary]
        used = (
            ""
            if "is_used" not in one
            else ", the key that was used"
            if one["is_used"]
            else ", not the key that was used"
        )
        yield f"{boundary}: {one['key']}{used}"
        yield f"  row {one['rule_row']} of the rule: {one['case']}: {one['answer']}"
    if "used" in answer:
        default = " (the proposal names none)" if answer["used"]["is_default"] else ""
        yield f"used: {answer['used']['key']}{default}"
        yield from _log_lines(answer["log"])


def _context_reason(context: dict[str, Any]) -> str:
    time = f"the time is its {context['time_from']}"
    if context["source"] == "hook":
        label = f" (label {context['hook_label']})" if context["hook_label"] else ""
        return f"from its hook{label}: phase_hook_die and phase_hook_plane are both there; {time}"
    return f"from the operation itself, since its hook lacks the die or the plane; {time}"


def _segment_lines(title: str, segment: dict[str, Any] | None) -> Iterator[str]:
    if segment is None:
        yield f"{title}: none"
        return
    name = f"{segment['op_base']}.{segment['state']}"
    ticks = f"ticks {segment['start_tick']} to {segment['end_tick']}"
    yield f"{title} ({segment['segment_no']}): {name}, {segment['start_us']} to {segment['end_us']} µs ({ticks})"
    for one in segment["statements"]:
        holds = "holds" if one["holds"] else f"stated by run {one['run_id']}, {one['load_status']}, does not hold"
        yield f"  {_place(one['place'])}: {holds}"


def _log_lines(log: dict[str, Any]) -> Iterator[str]:
    if not log["lines"]:
        yield f"the proposer's log: {log['verdict']}"
        return
    yield f"the proposer's log {log['verdict']}:"
    for line in log["lines"]:
        said = f"key {_shown(line['phase_key'])}, state {_shown(line['rm_state'])}, led to {line['op_name']}"
        yield f"  {_place(line['place'])}: {said}"


def _place(place: dict[str, Any]) -> str:
    return f"{place['file']}, line {place['line_no']} (row {place['row_no']} of load {place['load_id']})"


def _shown(value: Any) -> str:
    return NOTHING if value is None else str(value)
