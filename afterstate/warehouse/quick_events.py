"""dbt's events without what each of them repeats: a third of what a small build costs.

dbt 1.7 packs each event, thousands in a build, into a message, and that into another, before it asks whether any log
takes one of its level; spells a line for each log before it asks whether that one does; and walks through the whole
environment for each event and each line, for variables to show and secrets to hide.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dbt.events import functions
from dbt.events.base_types import BaseEvent, EventLevel
from dbt.events.eventmgr import EventManager
from dbt.events.logger import _log_level_map, _Logger

_pack = BaseEvent.__init__
_fire_event = EventManager.fire_event
_find_secrets = functions.env_secrets
_find_metadata = functions.get_metadata_vars
_write_line = _Logger.write_line


def install() -> None:
    """Let dbt, in this process, ask its logs first, and read the environment once a command."""
    BaseEvent.__init__ = _pack_when_read
    BaseEvent.__getattr__ = _read_packed
    BaseEvent.__setattr__ = _write_packed
    EventManager.fire_event = _fire_event_that_is_taken
    _Logger.write_line = _write_line_that_is_taken
    functions.env_secrets = cache(_find_secrets)
    functions.get_metadata_vars = cache(_find_metadata)


def _pack_when_read(event: BaseEvent, *arguments: Any, **values: Any) -> None:
    vars(event)["given"] = (arguments, values)


def _packed(event: BaseEvent) -> Any:
    if "pb_msg" not in vars(event):
        vars(event)["pb_msg"] = None  # `_pack` replaces it
        arguments, values = vars(event).pop("given")
        _pack(event, *arguments, **values)
    return vars(event)["pb_msg"]


def _read_packed(event: BaseEvent, name: str) -> Any:
    return _packed(event) if name == "pb_msg" else getattr(_packed(event), name)


def _write_packed(event: BaseEvent, name: str, value: Any) -> None:
    if name == "pb_msg":
        vars(event)[name] = value
    else:
        setattr(_packed(event), name, value)


def _fire_event_that_is_taken(manager: EventManager, event: Any, level: Any = None) -> None:
    importance = _log_level_map[level or event.level_tag()]
    if manager.callbacks or any(_log_level_map[logger.level] <= importance for logger in manager.loggers):
        _fire_event(manager, event, level)


def _write_line_that_is_taken(logger: _Logger, event: Any) -> None:
    python_logger = logger._python_logger
    if python_logger is None or python_logger.isEnabledFor(_log_level_map[EventLevel(event.info.level)]):
        _write_line(logger, event)
