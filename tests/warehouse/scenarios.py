"""Small governed runs, one a way in which real files differ; each is told from the others by its run_id."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

STEPS = range(19, 24)
SHUTDOWN_STEP = 21
# What dbt is asked to build here: the models of the shutdowns, not those of the phase keys.
SHUTDOWN = ("--select", "tag:core", "source:core", "models/audit", "--exclude", "models/marts/governance")


def only(*models: str) -> tuple[str, ...]:
    """Return what has dbt build these models, and what they are built from, alone."""
    return ("--select", *(f"+{model}" for model in models))


SNAPSHOTS = only("shutdown_state_snapshot")


@dataclass(frozen=True)
class Scenario:
    """The files of one run as their producers would write them; None is a file that is missing."""

    name: str
    prevents: str
    files: dict[str, str | None] = field(default_factory=dict)

    def write(self, folder: Path) -> dict[str, Path | None]:
        """Write the files into a folder of their own and give their paths by kind."""
        place = folder / self.name
        place.mkdir(parents=True)
        paths: dict[str, Path | None] = {}
        for kind, text in {**base_files(self.name), **self.files}.items():
            paths[kind] = None if text is None else place / f"{kind}.csv"
            if text is not None:
                (place / f"{kind}.csv").write_bytes(text.encode())
        return paths


def base_files(run: str, antibody: str = "antibody_C") -> dict[str, str]:
    """Return the four files of a plain run with one design, shut down at step 21."""
    key = f"{run},B_GOVERNED,{antibody}"
    trace = [f"{key},{step},{step / 10},0.{step}3333,0.2,{step % 3}" for step in STEPS]
    fallback = [f"{key},{step},PARTIAL_SEAL,REASON_{step},0.4417{step}" for step in STEPS]
    reservation = [f"{key},{step},NONE,REASON_WITHIN_BOUNDS,0.2328{step}" for step in STEPS]
    return {
        "events": csv(
            "run_id,case_id,antibody_id,shutdown_step,shutdown_trigger_final", f"{key},21,CORE8_PARTIAL_SEAL"
        ),
        "trace": csv(
            "run_id,case_id,antibody_id,step,SoMS_cumsum_window,action_toggle_rate,blocked_rate_window,veto_streak",
            *trace,
        ),
        "fallback": csv(
            "run_id,case_id,antibody_id,step,fallback_stage,fallback_reason_code,fallback_score", *fallback
        ),
        "reservation": csv(
            "run_id,case_id,antibody_id,step,reservation_status,reservation_reason_code,risk_score_total", *reservation
        ),
    }


def csv(*lines: str, end: str = "\n") -> str:
    """Join lines into a file's text."""
    return "".join(line + end for line in lines)


def _renamed(run: str, **names: str) -> dict[str, str]:
    """Return a run's files with texts replaced in all of them."""
    files = base_files(run)
    for old, new in names.items():
        files = {kind: text.replace(old, new) for kind, text in files.items()}
    return files


def _several_antibodies(run: str, *antibodies: str) -> dict[str, str]:
    """Return files with one design for each name; all differ in their measures."""
    parts = [base_files(run, name) for name in antibodies]
    files = {}
    for kind in parts[0]:
        header = parts[0][kind].splitlines()[0]
        rows = []
        for number, part in enumerate(parts):
            for line in part[kind].splitlines()[1:]:
                rows.append(line.replace(",0.2,", f",0.{number + 1},").replace("REASON_", f"REASON_{number}_"))
        files[kind] = csv(header, *rows)
    return files


def _trace_without(run: str, *columns: str) -> str:
    lines = [line.split(",") for line in base_files(run)["trace"].splitlines()]
    kept = [index for index, name in enumerate(lines[0]) if name not in columns]
    return csv(*(",".join(line[index] for index in kept) for line in lines))


def _with_step(run: str, spelled: str) -> dict[str, str]:
    return {kind: text.replace(",21,", f",{spelled},") for kind, text in base_files(run).items()}


def _windows_trace(run: str) -> str:
    lines = base_files(run)["trace"].splitlines()
    noted = [lines[0] + ",note", *(line + ',"two\r\nlines, one ""note"""' for line in lines[1:])]
    return "\ufeff" + csv(*noted, end="\r\n")


def _windows_fallback(run: str) -> str:
    text = base_files(run)["fallback"].replace("REASON_21", '"REASON\r\n21"')
    return "\ufeff" + text.replace("\n", "\r\n").replace("\r\r\n", "\r\n")


def _repeated_header(run: str) -> str:
    lines = base_files(run)["trace"].splitlines()
    return csv(lines[0] + ",veto_streak,action_toggle_rate", *(line + ",99,0.99" for line in lines[1:]))


def _unknown_columns(run: str) -> str:
    lines = base_files(run)["trace"].splitlines()
    return csv("policy," + lines[0] + ",SoMS", *(f"v{n}," + line + f",0.{n}" for n, line in enumerate(lines[1:])))


SCENARIOS = (
    Scenario("plain", "nothing odd: the join itself"),
    Scenario("no_fallback", "a missing fallback file drops the event", {"fallback": None}),
    Scenario("no_reservation", "a missing reservation log drops the event", {"reservation": None}),
    Scenario("neither", "both missing drop the event", {"fallback": None, "reservation": None}),
    Scenario(
        "trace_without_two",
        "a trace that lacks columns cannot be used",
        {"trace": _trace_without("trace_without_two", "SoMS_cumsum_window", "veto_streak")},
    ),
    Scenario("step_as_float", "21.0 and 21 are different steps", _with_step("step_as_float", "21.0")),
    Scenario(
        "windows_files",
        "a BOM, CRLF or quoted line breaks shift columns or change values",
        {"trace": _windows_trace("windows_files"), "fallback": _windows_fallback("windows_files")},
    ),
    Scenario("repeated_header", "the second of two columns wins", {"trace": _repeated_header("repeated_header")}),
    Scenario(
        "unknown_columns", "columns that nobody knows shift others", {"trace": _unknown_columns("unknown_columns")}
    ),
    Scenario(
        "exact_keys",
        "keys that differ only by case, accent or a trailing blank are taken for one",
        _several_antibodies("exact_keys", "antibody_C", "antibody_c", "antibody_Ç", "antibody_C ", "antibody_C\u0327"),
    ),
    Scenario(
        "korean_emoji_🧬",
        "text of other languages is lost or changed",
        _renamed("korean_emoji_🧬", antibody_C="항체_🧬", PARTIAL_SEAL="부분_봉인"),
    ),
    Scenario(
        "no_trace_row",
        "an event without its trace row vanishes",
        {"trace": base_files("no_trace_row")["trace"].replace(",21,", ",20,", 1)},
    ),
    Scenario(
        "big_and_small",
        "doubles are rounded on their way",
        {"trace": base_files("big_and_small")["trace"].replace(",2.1,0.213333,0.2,", ",1e300,1e-300,0.123456789,")},
    ),
)
