"""What a warehouse says of the sessions of `phase_key_cases`, compared with what their segments say."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from tests.warehouse.phase_key_cases import Case, expected, place_of, proposals_of, run_id, segments_of

Query = Callable[[str], list[tuple[Any, ...]]]  # `{marts}` is the marts' schema


def compare_with_expected(query: Query, sessions: dict[str, list[Case]]) -> int:
    """Compare every proposal's keys with the scan's, and every gap; return the number of proposals."""
    found = {
        (session, run, row): answers
        for session, run, row, *answers in query(
            "select session_id, run_id, row_no, phase_key_covering, phase_key_before, op_state, key_die, key_plane, "
            "propose_tick, context_source from {marts}.proposal_phase_keys"
        )
        if session in sessions
    }
    gaps = {
        (session, (die, plane), number): gap
        for session, die, plane, number, *gap in query(
            "select session_id, die, plane, segment_no, virtual_end_key, virtual_end_from_tick, virtual_end_until_tick "
            "from {marts}.op_state_spans"
        )
        if session in sessions
    }
    proposals = 0
    for session, planes in sessions.items():
        segments = [segments_of(case) for case in planes]
        for run in (1, 2, 3):
            for row, (number, proposal) in enumerate(proposals_of(planes, run), start=1):
                source = "hook" if proposal.has_hook else "operation"
                answer = [*expected(segments[number], proposal.at), *place_of(number), proposal.at, source]
                assert found[session, run_id(run), row] == answer, (planes[number], proposal)
                proposals += 1
        for case, held in enumerate(segments):
            for number, (segment, following) in enumerate(itertools.zip_longest(held, held[1:]), start=1):
                has_gap = following is None or following.start > segment.end
                until = following.start if has_gap and following else None
                gap = [f"{segment.base}.END", segment.end, until] if has_gap else [None, None, None]
                assert gaps.pop((session, place_of(case), number)) == gap, (planes[case], number)
    assert gaps == {}
    assert len(found) == proposals
    return proposals
