"""Partial parsing that is safe: dbt reads everything again when a macro has changed.

dbt 1.7 keeps what it parsed and reads changed files only, which saves seconds of every command. After a change to a
macro file it finds that file's materializations twice and stops. Here what was parsed is used only while the macro
files are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbt.clients.system import load_file_contents
from dbt.contracts.files import FileHash
from dbt.parser.manifest import ManifestLoader

MACROS = ("macro", "generic_test")
_read: Callable[[Any], Any] = ManifestLoader.read_manifest_for_partial_parse


def install() -> None:
    """Make dbt, in this process, discard what it parsed when macros have changed."""
    ManifestLoader.read_manifest_for_partial_parse = _read_unless_macros_changed


def _read_unless_macros_changed(loader: Any) -> Any:
    manifest = _read(loader)
    if manifest is None or _parsed(manifest, loader.root_project.project_name) != _found(loader.root_project):
        return None
    return manifest


def _parsed(manifest: Any, project: str) -> dict[Path, str]:
    """Return the checksum of each macro file, as it was parsed."""
    return {
        Path(file.path.full_path): file.checksum.checksum
        for file in manifest.files.values()
        if file.parse_file_type in MACROS and file.project_name == project
    }


def _found(project: Any) -> dict[Path, str]:
    """Return the checksum of each macro file, as it is now."""
    root = Path(project.project_root)
    folders = [root / folder for folder in (*project.macro_paths, *project.generic_test_paths)]
    return {
        file: FileHash.from_contents(load_file_contents(str(file), strip=True)).checksum
        for folder in folders
        for file in folder.rglob("*.sql")
    }
