"""dbt's events, packed only when a log takes them.

dbt 1.7 packs each event, thousands in a build, into a message before it asks whether any log takes one of its level.
"""

from __future__ import annotations

from typing import Any

from dbt.events.eventmgr import EventManager
from dbt.events.logger import _log_level_map

_fire_event = EventManager.fire_event


def install() -> None:
    """Let dbt, in this process, ask its logs first."""
    EventManager.fire_event = _fire_event_that_is_taken


def _fire_event_that_is_taken(manager: EventManager, event: Any, level: Any = None) -> None:
    importance = _log_level_map[level or event.level_tag()]
    if manager.callbacks or any(_log_level_map[logger.level] <= importance for logger in manager.loggers):
        _fire_event(manager, event, level)
