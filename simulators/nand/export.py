"""The files of one run (design section 3), written while it goes on; memory holds what can still change.

Data flow: decisions -> proposal rows and log lines at once; operations -> the sequence when they start, the timeline
and the counts when they are over; segments -> the state timeline when no suspend can cut them any more. A run's state
timeline begins with the segments that were running when it began: what a suspend did to them since is stated again.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from typing import IO, Any

from afterstate.phase_key import Boundary, Segment
from simulators.nand.operations import Operation, Proposal
from simulators.nand.resource_manager import ResourceManager
from simulators.nand.rows import PROPOSAL_COLUMNS, proposal_values
from simulators.nand.scheduler import Decision
from simulators.nand.state_timeline import TICKS_PER_US
from simulators.whole_files import WholeFiles

HEADERS = {
    "operation_sequence": ("seq", "time_us", "op_uid", "op_name", "op_base", "die", "addresses"),
    "operation_timeline": (
        *("start", "end", "die", "plane", "block", "page", "op_name", "op_base", "source", "op_uid"),
        *("op_state", "phase_key_used", "phase_key_virtual"),
    ),
    "op_state_timeline": ("start", "end", "die", "plane", "op_state", "lane", "op_name", "duration"),
    "proposal_rows": PROPOSAL_COLUMNS,
    "phase_proposal_counts": (
        *("phase_key_used", "phase_key_virtual", "die", "plane", "propose_time", "op_name", "count"),
    ),
    "address_touch_count": ("die", "plane", "block", "page", "op_base", "count"),
}
LOG, LOG_TITLE = "proposer_debug", "# proposer debug log\n"


class RunExporter:
    """Takes note of one run in files; the recorder of a `Simulation`."""

    def __init__(
        self, files: WholeFiles, resources: ResourceManager, run_name: str, start_tick: int, boundary: Boundary
    ) -> None:
        self._files, self._resources, self._boundary = files, resources, boundary
        self._streams: dict[str, IO[str]] = {kind: files.open(f"{kind}_{run_name}.csv") for kind in HEADERS}
        self._writers = {kind: csv.writer(stream, lineterminator="\n") for kind, stream in self._streams.items()}
        for kind, header in HEADERS.items():
            self._writers[kind].writerow(header)
        self._log = files.open(f"{LOG}_{run_name}.log")
        self._log.write(LOG_TITLE)
        self._unstarted: dict[int, Operation] = {}
        self._unwritten: deque[Operation] = deque()  # of the operation timeline, by uid
        self._sequence = 0
        self._counts: dict[tuple[str, str, int, int, str], list[int]] = {}  # key -> first tick, count
        self._touches: dict[tuple[int, int, int, int, str], int] = {}
        self._virtual_keys: tuple[Proposal | None, str] = (None, "")
        self._tail = resources.timeline.running_at(start_tick)
        self._segments_until = start_tick

    def decided(self, decision: Decision) -> None:
        """Write the decision to the log, and the proposal rows that came of it."""
        self._log.write(log_lines(decision))
        for operation in decision.operations:
            self._writers["proposal_rows"].writerows(proposal_values(operation))
            self._unstarted[operation.uid] = operation
            self._unwritten.append(operation)
            for plane, block, page in operation.addresses:
                if block is not None and page is not None:
                    touched = (operation.die, plane, block, page, operation.op.base.name)
                    self._touches[touched] = self._touches.get(touched, 0) + 1

    def started(self, operation: Operation) -> None:
        """Write an operation of this run to the sequence."""
        if self._unstarted.get(operation.uid) is not operation:
            return  # it was proposed in an earlier run, and is in that run's sequence
        del self._unstarted[operation.uid]
        self._sequence += 1
        addresses = [{"plane": plane, "block": block, "page": page} for plane, block, page in operation.addresses]
        self._writers["operation_sequence"].writerow(
            (
                *(self._sequence, operation.first_tick / TICKS_PER_US, operation.uid),
                *(operation.op.name, operation.op.base.name, operation.die, json.dumps(addresses)),
            )
        )

    def flush(self, now: int) -> None:
        """Write what is settled by a tick, and let the timeline forget what nobody will ask for."""
        self._files.stop_if_asked()
        while self._unwritten and self._unwritten[0].is_over:
            self._write_operation(self._unwritten.popleft())
        settled = self._resources.timeline.settled_until(now)
        if settled > self._segments_until:
            self._write_segments(settled)
        asked = [self._unwritten[0].proposal] if self._unwritten else []
        needed = [proposal.at_tick for proposal in asked if proposal]
        self._resources.timeline.forget_before(min(settled, *needed) if needed else settled)

    def close(self, end_tick: int) -> None:
        """Write the rest, as it is known at the run's end: what still runs then has its planned end."""
        for operation in sorted(self._unstarted.values(), key=lambda operation: operation.first_tick):
            self.started(operation)
        while self._unwritten:
            self._write_operation(self._unwritten.popleft())
        self._write_segments(end_tick)
        rows = [(*key, first / TICKS_PER_US, count) for key, (first, count) in self._counts.items()]
        rows.sort(key=lambda row: (row[2], row[3], row[4], row[0], row[1]))
        self._writers["phase_proposal_counts"].writerows(
            (used, virtual, die, plane, first, op_name, count)
            for used, virtual, die, plane, op_name, first, count in rows
        )
        self._writers["address_touch_count"].writerows((*key, count) for key, count in sorted(self._touches.items()))

    def _write_operation(self, operation: Operation) -> None:
        """Write an operation's rows and count them; all before its proposal's tick, and at it, has happened."""
        asked, op = operation.proposal, operation.op
        if asked is None:
            raise AssertionError("a simulation that records nothing has no files")
        virtual = self._virtual_key(asked)
        start, end = operation.first_tick / TICKS_PER_US, operation.last_tick / TICKS_PER_US
        for plane, block, page in operation.addresses:
            op_state = self._resources.phase_key_at(operation.die, plane, start, boundary="before")
            self._writers["operation_timeline"].writerow(
                (
                    *(start, end, operation.die, plane, block, page, op.name, op.base.name),
                    *(operation.source, operation.uid, op_state, asked.phase_key, virtual),
                )
            )
            key = (asked.phase_key, virtual, asked.die, asked.plane, op.name)
            count = self._counts.setdefault(key, [asked.at_tick, 0])
            count[0] = min(count[0], asked.at_tick)
            count[1] += 1

    def _virtual_key(self, asked: Proposal) -> str:
        """Return the key that was really true at a proposal; the operations of a batch share theirs."""
        if self._virtual_keys[0] is not asked:
            time_us = asked.at_tick / TICKS_PER_US
            key = self._resources.phase_key_at(asked.die, asked.plane, time_us, boundary=self._boundary)
            self._virtual_keys = (asked, key)
        return self._virtual_keys[1]

    def _write_segments(self, until_tick: int) -> None:
        """Write the segments that start before a tick and are not yet written."""
        started = [*self._tail, *self._resources.timeline.started_between(self._segments_until, until_tick)]
        self._writers["op_state_timeline"].writerows(segment_values(*row) for row in started)
        self._tail, self._segments_until = [], until_tick


def segment_values(_start: int, die: int, plane: int, segment: Segment) -> tuple[Any, ...]:
    """Return a row of the state timeline; its op_name is the base, as simulators write it."""
    duration = (segment.end_tick - segment.start_tick) / TICKS_PER_US
    lane = f"d{die}-p{plane}"
    return segment.start_us, segment.end_us, die, plane, segment.key, lane, segment.op_base, duration


def log_lines(decision: Decision) -> str:
    """Return the log's lines about a decision: the key that was used, what was refused, and what was selected."""
    asked, selected = decision.proposal, decision.selected
    lines = (
        f"[proposer] phase_key: now={asked.at_tick / TICKS_PER_US:.3f} die={asked.die} plane={asked.plane} "
        f"rm_state={decision.op_state} hook_label={asked.label} -> key={asked.phase_key}\n"
    )
    for name, reason in decision.refusals:
        lines += f"[proposer] try name={name} -> {reason}\n"
    if selected:
        lines += (
            f"[proposer] selected op={selected.first.name} base={selected.first.base.name} "
            f"start_us={decision.start_tick / TICKS_PER_US:.3f} len_batch={len(selected.items)}\n"
        )
    return lines
