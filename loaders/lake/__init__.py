"""Landing into a lake: Delta tables in a folder or an object store, under the same rules as into a server.

It differs only where rows are written: what a file is, and what fits, is the code of `loaders`.
"""

import os
from importlib.util import find_spec

from afterstate.errors import UsageError

if find_spec("deltalake") is None:  # the two commands of the README work without
    raise UsageError(
        "a lake needs the package deltalake, which is not in this environment",
        "run `./script/setup --lake`, then the same command again",
    )
os.environ.setdefault("RUST_LOG", "error")  # what delta-rs warns of is in the error that follows
