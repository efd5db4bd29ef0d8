"""What the command line says of itself: help, reference, completion, and the answer to wrong usage. Needs no server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from afterstate.cli.main import SECTIONS, main
from tests.bench import ROOT
from tests.cli.commands import Found, all_commands
from tools.cli_reference import PAGE, page

AFTERSTATE = Path(sys.executable).parent / "afterstate"


def test_the_reference_is_what_the_code_says() -> None:
    """Prevents a command or an option that stands in no reference, and a reference of what is gone."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run ./script/cli-reference"


@pytest.mark.parametrize("found", all_commands(), ids=lambda found: found.name)
def test_each_command_explains_itself(found: Found) -> None:
    """Prevents a command without an example, an option without a text, and help that stands in no reference."""
    done = CliRunner().invoke(main, [*found.words, "--help"])
    assert done.exit_code == 0
    assert found.examples, "its help shows no call of it"
    assert all(example in done.stdout for example in found.examples)
    text = PAGE.read_text(encoding="utf-8")
    assert f"### afterstate {found.name}\n" in text
    part = text.partition(f"### afterstate {found.name}\n")[2].partition("\n### ")[0]
    for option in found.options:
        assert option.help, option.name
        assert all(f"{name}" in part for name in option.opts), option.opts


def test_the_help_lists_every_command_once() -> None:
    """Prevents a command that nobody finds."""
    shown = CliRunner().invoke(main, ["--help"]).stdout
    assert "..." not in shown.replace("[ARGS]...", "")  # each line says all that it has to say
    for heading, names in SECTIONS.items():
        assert f"\n{heading}:\n" in shown
        assert all(shown.count(f"\n  {name} ") == 1 for name in names)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lnd"], "there is no command `lnd`; did you mean `land`?"),
        (["export", "snapshto"], "Did you mean 'snapshot'?"),
        (["--dbug"], "Did you mean '--debug'?"),
        (["land"], "missing argument 'PATHS...'"),
        (["land", "--knid", "x", "."], "Did you mean '--kind'?"),
        (["land", "nothing/here.csv"], "'nothing/here.csv' does not exist"),
        (["phase-key", "--session", "s", "--die", "x", "--plane", "0", "--at", "1"], "'x' is not a valid integer"),
        (["export", "snapshot", "--out", "docs"], "`docs` is a folder: name a file in it, or `-` for standard output"),
        (["export", "phase-counts", "--out", "README.md"], "`README.md` is a file: name a folder"),
        (["export", "snapshot", "--out", ""], "it is empty: name a path, or `-` for standard output"),
        (["report", "--out", ""], "it is empty: name a path"),
        (["watch", "pyproject.toml"], "is a file"),
        (["watch", ".", "--settle", "0"], "0.0 is not in the range"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_wrong_usage_says_what_and_where_to_look(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents an answer to a typing error that helps nobody, and one that a script takes for a result."""
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    what, usage, hint = done.stderr.splitlines()
    assert what.startswith("afterstate: ")
    assert said in what
    assert usage.startswith("  usage: ")
    assert hint.endswith("--help` has examples")


def test_without_arguments_it_shows_its_help() -> None:
    """Prevents a first call that ends in an error message alone."""
    for words in ([], ["export"]):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 2
        assert "Usage:" in done.output
        assert "afterstate: " not in done.output


SHELL_WORDS = {
    "wat": ["watch"],
    "land --k": ["--kind"],
    "land --kind core10": ["core10_shutdown_events"],
    "export ": ["snapshot", "phase-counts"],
    "export phase-counts --boundary b": ["before"],
    "--de": ["--debug"],
}


QUOTES = "''"
TAB = """\
set -eu
eval "$(afterstate completion bash)"
complete_as_tab() {
  COMP_WORDS=(afterstate "$@") COMP_CWORD=$# COMPREPLY=()
  _afterstate_completion afterstate
  echo "${COMPREPLY[*]}"
}
"""


def test_bash_completes(tmp_path: Path) -> None:
    """Prevents a completion script that a shell does not take, or that completes nothing."""
    asked = "".join(f"complete_as_tab {words}{QUOTES if words.endswith(' ') else ''}\n" for words in SHELL_WORDS)
    script = tmp_path / "complete.bash"
    script.write_text(TAB + asked)
    environment = {**os.environ, "PATH": f"{AFTERSTATE.parent}:{os.environ['PATH']}", "AFTERSTATE_HOME": str(tmp_path)}
    done = subprocess.run(["bash", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [sorted(line.split()) for line in done.stdout.splitlines()] == [sorted(to) for to in SHELL_WORDS.values()]
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_given_a_script_of_theirs(shell: str, tmp_path: Path) -> None:
    """Prevents a script that zsh or fish does not take; where the shell is installed, it reads it."""
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert f"_AFTERSTATE_COMPLETE={shell}_complete" in done.stdout
    program = shutil.which(shell)
    if program:
        (tmp_path / "script").write_text(done.stdout)
        subprocess.run([program, "-n", tmp_path / "script"], check=True)


def test_completing_a_name_waits_for_nothing_else() -> None:
    """Prevents a Tab that takes a second, since every command and both drivers are loaded for it."""
    code = (
        "import sys; import afterstate.cli.main; "
        "print([name for name in ('sqlalchemy', 'pymysql', 'pyarrow', 'rich', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_module_of_the_command_line_is_long() -> None:
    """Prevents a command line that grows into one module again."""
    long = {path.name: count for path in (ROOT / "afterstate" / "cli").glob("*.py") if (count := _lines(path)) >= 300}
    assert not long


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
