"""Rows at the edge of every rule, drawn by hypothesis: files of both families, with what must become of each row.

An `Example` is one session, or the designs of one run. Its rows are the texts of a file's fields: usual ones, edges
that must land, and now and then one that must not. The rules are those of `tests.loaders.odd`. What takes one row of
thousands, or two that meet, is left to no chance: `misfit_rows`, `parted_choices` and `extremes` have each once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.loaders.odd.expect import OddFile
from tests.loaders.odd.kinds import CORE, LOG, NAND, OddKind
from tests.loaders.odd.log import FIELDS, LogSheet
from tests.loaders.odd.sheet import Sheet
from tests.loaders.odd.values import CHARACTERS, LINES_NEED, Misfit, worth

Fields = Mapping[str, str]
INT = ("0", "-1", "21.0", "2147483647", "-2147483648")
DOUBLES = ("0", "-0", "7.2", "0.333333", "1.7e308", "-1.7e308", "1.7976931348623157e308", "5e-324", "-5e-324")
# Half ticks, the noise of sums, and the last ticks that can be told apart.
TIMES = ("0.005", "0.015", "-0.005", "0.1", "0.10000000000000002", "90071992547409.92", "-90071992547409.92", "9e13")
MISFITS = {
    "whole": ("2147483648", "-2147483649", "21.5", "x"),
    "double": ("1e309", "1e-400", "x"),
    "time": ("9.1e13", "inf", "1e300", "x"),
}
ENDS = {"whole": ("-2147483648", "2147483647"), "double": ("-1.7e308", "1.7e308")}
STATES = ("READ.ISSUE", "READ.CORE_BUSY", "ERASE.ISSUE", "ERASE.CORE_BUSY", "A.B.DATAIN")
EDGE_STATES = (
    "x" * 126 + ".A",
    "x" * 156 + ".ABC",
    "🧬" * 156 + ".ISS",
    "A." + "x" * 158,
    "A.END ",
    "END.ISSUE",
    " .X",
)
MISFIT_STATES = ("x" * 157 + ".A", "A." + "x" * 159, "READ.END", "READ", ".ISSUE", "READ.")
# What joins the files of an example, or is compared in it: few values, so that they meet.
_SOON, _LATER = (tuple(f"{tick / 100}" for tick in ticks) for ticks in (range(0, 40, 5), range(40, 80, 5)))
FEW: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("start", "start_us", "now_us", "phase_key_time"), _SOON),
    **dict.fromkeys(("end", "end_us"), (*_SOON[-2:], *_LATER)),
    **dict.fromkeys(("die", "plane", "phase_hook_die", "phase_hook_plane"), ("0", "1")),
    **dict.fromkeys(("step", "shutdown_step", "veto_streak"), ("1", "2", "-2147483648", "2147483647")),
    **dict.fromkeys(("SoMS_cumsum_window", "fallback_score", "risk_score_total"), ("7.2", "1.7e308", "-1.7e308")),
    **dict.fromkeys(("op_name", "op_base"), ("READ", "ERASE")),
    **dict.fromkeys(("phase_key", "phase_key_used"), (*STATES, "READ.END", "DEFAULT")),
}
ODDS, ODDS_OF_FEW = 3, 12  # one field in so many is at the edge, of those that join fewer
MISFIT_ODDS = 6  # one row in so many has a field that does not fit
RUNS = ("9", "0000010")  # in the order of the runs, not of their names


@dataclass(frozen=True)
class Line:
    """A row of a file: its kind, the run, its fields; of a log also the kind of line, `` for one that is cut off."""

    kind: str
    run: str
    fields: tuple[tuple[str, str], ...]
    line_kind: str = ""


@dataclass(frozen=True)
class Example:
    """One session, or the designs of one run; its number makes both its own."""

    number: int
    lines: tuple[Line, ...]

    def files(self) -> Iterator[OddFile]:
        """Yield the example's files, of each kind and run one."""
        places = dict.fromkeys((line.kind, line.run) for line in self.lines)
        for kind, run in places:
            lines = [line for line in self.lines if (line.kind, line.run) == (kind, run)]
            yield self._log(lines, run) if kind == LOG.name else self._table(KINDS[kind], lines, run)

    def _table(self, kind: OddKind, lines: Sequence[Line], run: str) -> OddFile:
        sheet = Sheet(kind, f"{kind.name} {self.number} {run}").head()
        own = {"run_id": f"{self.number} ".ljust(64, "🧬")} if not kind.is_nand else {}
        for line in lines:
            sheet.row({**dict(line.fields), **own})
        return sheet.landed("Edges", "", name=self._place(kind, run))

    def _log(self, lines: Sequence[Line], run: str) -> OddFile:
        sheet = LogSheet(f"log {self.number}").talk("# proposer debug log")
        for line in lines:
            fields = dict(line.fields)
            if line.line_kind:
                (sheet.phase_key if line.line_kind == "phase_key" else sheet.selected)(fields)
            else:
                sheet.broken("[proposer] selected op=")
        return sheet.landed("Edges", "", name=self._place(LOG, run))

    def _place(self, kind: OddKind, run: str) -> str:
        session = f"{self.number} ".ljust(64, "세")
        return f"{session}/{kind.named.replace('0000001', run)}"


KINDS = {kind.name: kind for kind in (*CORE, *NAND)}


def sessions() -> st.SearchStrategy[tuple[Line, ...]]:
    """Draw a session: proposals without a timeline, a timeline without proposals, log lines in every order."""
    kinds = [st.lists(_row(kind), max_size=5) for kind in NAND]
    one = (
        st.sampled_from(("phase_key", "phase_key", "selected", "selected", ""))
        .flatmap(_log_line)
        .map(lambda line: [line])
    )
    choice = st.tuples(_log_line("phase_key"), _log_line("selected"), st.just("")).map(_choice)
    hollow = st.tuples(_log_line("phase_key"), _log_line("selected"), st.sampled_from(("now_us", "die", "plane"))).map(
        _choice
    )
    some = st.lists(st.one_of(one, choice, hollow), max_size=4)
    lines = some.map(lambda lists: [line for few in lists for line in few])
    return _joined(*kinds, lines)


def designs() -> st.SearchStrategy[tuple[Line, ...]]:
    """Draw two designs of a run: events with and without what they look up, steps before and after."""
    name = st.sampled_from(("antibody_C", "antibody_c", *_edges("text64"))).filter(
        lambda text: _fits("text64", text, False)
    )

    def of(case: str, antibodies: tuple[str, str]) -> st.SearchStrategy[tuple[Line, ...]]:
        few = {**FEW, "case_id": (case,), "antibody_id": antibodies}
        return _joined(*(st.lists(_row(kind, few), max_size=6) for kind in CORE))

    return st.tuples(name, st.tuples(name, name)).flatmap(lambda names: of(*names))


def misfit_rows(kinds: Sequence[OddKind]) -> Iterator[Line]:
    """Yield for each text that does not fit into a column one row that has it, and is usual otherwise."""
    for kind in kinds:
        usual = _usual_fields(kind.types)
        for name, type_ in kind.types.items():
            for text in dict.fromkeys(_misfits(type_, name not in kind.filled)):
                yield Line(kind.name, RUNS[0] if kind.is_nand else "", tuple({**usual, name: text}.items()))


def parted_choices() -> Iterator[Line]:
    """Yield a log in which each line that does not fit stands between a choice and an operation that is not its own."""
    words = {word: _usual_fields({name: LOG.types[name] for name in FIELDS[word]}) for word in FIELDS}
    chosen, selected = (Line(LOG.name, RUNS[0], tuple(words[word].items()), word) for word in ("phase_key", "selected"))
    for word, usual in words.items():
        for name in usual:
            for text in filter(None, dict.fromkeys(_misfits(LOG.types[name], name not in LINES_NEED[word]))):
                yield from (chosen, Line(LOG.name, RUNS[0], tuple({**usual, name: text}.items()), word), selected)
    yield from (chosen, Line(LOG.name, RUNS[0], ()), selected)


def extremes() -> Iterator[Line]:
    """Yield designs whose numbers go from one end of their types to the other: with the steps, and at the steps."""
    for antibody, steps, turn in (("up", ("1", "2"), 1), ("down", ("1", "2"), -1), ("far", ENDS["whole"], 1)):
        for kind in CORE:
            for number, step in enumerate(steps[:1] if "shutdown_step" in kind.types else steps):
                own = {"antibody_id": antibody, "shutdown_step": step, "step": step}
                ends = {name: ENDS[type_][::turn][number] for name, type_ in kind.types.items() if type_ in ENDS}
                fields = {**_usual_fields(kind.types), **ends}
                yield Line(kind.name, "", tuple({name: own.get(name, fields[name]) for name in fields}.items()))


def _usual_fields(types: Mapping[str, str]) -> dict[str, str]:
    return {name: (FEW.get(name) or _usual(type_))[0] for name, type_ in types.items()}


def _joined(*parts: st.SearchStrategy[list[Line]]) -> st.SearchStrategy[tuple[Line, ...]]:
    return st.tuples(*parts).map(lambda lists: tuple(line for part in lists for line in part)).filter(bool)


def _row(kind: OddKind, few: Mapping[str, tuple[str, ...]] = FEW) -> st.SearchStrategy[Line]:
    fitting = {name: _field(few.get(name, ()), type_, name not in kind.filled) for name, type_ in kind.types.items()}
    misfits = {name: _misfits(type_, name not in kind.filled) for name, type_ in kind.types.items()}
    run = st.sampled_from(RUNS) if kind.is_nand else st.just("")
    return _drawn(fitting, misfits, lambda fields, of_run: Line(kind.name, of_run, fields), run)


def _log_line(word: str) -> st.SearchStrategy[Line]:
    """Draw a line of a log: what it may leave without a value is `nan` at times, and so is what it may not."""
    if not word:
        return st.sampled_from(RUNS).map(lambda run: Line(LOG.name, run, ()))
    types = {name: LOG.types[name] for name in FIELDS[word]}
    fitting = {
        name: _field(FEW.get(name, ()), type_, name not in LINES_NEED[word], nothing="nan").filter(bool)
        for name, type_ in types.items()
    }
    misfits = {name: _misfits(type_, name not in LINES_NEED[word]) for name, type_ in types.items()}
    misfits = {name: [text for text in texts if text] for name, texts in misfits.items()}
    return _drawn(fitting, misfits, lambda fields, run: Line(LOG.name, run, fields, word), st.sampled_from(RUNS))


def _choice(drawn: tuple[Line, Line, str]) -> list[Line]:
    """Let what was selected follow its choice, as models rely on; the choice may lack one of its fields."""
    chosen, selected, lacking = drawn
    fields = {**dict(chosen.fields), **({lacking: "nan"} if lacking else {})}
    return [replace(chosen, fields=tuple(fields.items())), replace(selected, run=chosen.run)]


def _drawn(
    fitting: Mapping[str, st.SearchStrategy[str]],
    misfits: Mapping[str, Sequence[str]],
    line: Callable[[tuple[tuple[str, str], ...], str], Line],
    run: st.SearchStrategy[str],
) -> st.SearchStrategy[Line]:
    """Draw a row of fields that fit, and into one row in some a field that does not."""
    spoilt = st.sampled_from([name for name, texts in misfits.items() if texts]).flatmap(
        lambda name: st.sampled_from(misfits[name]).map(lambda text: {name: text})
    )
    change = st.integers(1, MISFIT_ODDS).flatmap(lambda number: spoilt if number == MISFIT_ODDS else st.just({}))
    return st.builds(
        lambda fields, changed, of_run: line(tuple({**fields, **changed}.items()), of_run),
        st.fixed_dictionaries(dict(fitting)),
        change,
        run,
    )


def _field(few: Sequence[str], type_: str, may_be_empty: bool, nothing: str = "") -> st.SearchStrategy[str]:
    edges = [text for text in _edges(type_) if _fits(type_, text, may_be_empty)]
    if may_be_empty and (not nothing or type_ not in CHARACTERS):
        edges.append(nothing)
    usual, odds = st.sampled_from(few or _usual(type_)), ODDS_OF_FEW if few else ODDS
    return st.integers(1, odds).flatmap(lambda number: st.sampled_from(edges) if number == odds else usual)


def _usual(type_: str) -> Sequence[str]:
    return {"op_state": STATES, "whole": ("21",), "double": ("0.333333", "7.2"), "time": ("1.5",)}.get(type_, ("x",))


def _edges(type_: str) -> Sequence[str]:
    if type_ == "op_state":
        return EDGE_STATES
    if type_ in CHARACTERS:
        longest = CHARACTERS[type_]
        return ("x" * longest, "🧬" * longest, "NULL", '"', "\\N", "nan", "x ", "한글", "a,b", "%s", "'; --")
    return {"whole": INT, "double": DOUBLES, "time": TIMES}[type_]


def _misfits(type_: str, may_be_empty: bool) -> list[str]:
    """Return what does not fit; where nothing may stand is what models rely on most, so that is half of it."""
    if type_ == "op_state":
        texts, nothings = list(MISFIT_STATES), [""]
    elif type_ in CHARACTERS:
        texts, nothings = ["x" * (CHARACTERS[type_] + 1), "🧬" * (CHARACTERS[type_] + 1)], [""]
    else:
        texts, nothings = list(MISFITS[type_]), ["", "nan"]
    return texts if may_be_empty else texts + nothings * (len(texts) // len(nothings))


def _fits(type_: str, text: str, may_be_empty: bool) -> bool:
    try:
        return worth(type_, text) is not None or may_be_empty
    except Misfit:
        return False
