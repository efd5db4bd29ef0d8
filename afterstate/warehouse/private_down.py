"""Whether a warehouse's private server is down: another one on its port would refuse the accounts."""

from __future__ import annotations

from contextlib import suppress

from afterstate.errors import AccountRefused, AfterstateError, ServerError
from afterstate.server.private import PrivateServer
from afterstate.warehouse.profile import known_server
from afterstate.warehouse.settings import Settings
from afterstate.warehouse.up import is_private


def find_private_down(settings: Settings) -> ServerError | None:
    """Return what to say where the warehouse is on this home's private server, and that does not run; else None.

    Raises UsageError for a profile that cannot be read.
    """
    server, known = PrivateServer(settings), known_server(settings)
    uses_private = not settings.server_url and (known is None or is_private(settings, known))
    if not uses_private or not server.exists() or server.process():
        return None
    return ServerError(
        "the private server is not running", f"`afterstate up` starts it again, with its data in {server.places.data}"
    )


def refused_by_whom(settings: Settings, refusal: AccountRefused) -> ServerError:
    """Return the refusal, or what to say where it came from another server on the private one's port."""
    with suppress(AfterstateError):
        if down := find_private_down(settings):
            port = PrivateServer(settings).port
            return ServerError(f"{down.what}, and another server answers on its port, {port}", down.hint)
    return refusal
