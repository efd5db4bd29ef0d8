"""An S3 server for the tests: VersityGW, on a folder and a port of this machine, with credentials of its own."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

import pytest

from tests import programs
from tests.bench import ROOT, missing
from tests.loaders.faults import TIMEOUT_SECONDS

BUCKET = "afterstate"


class ObjectStore:
    """A running server with one bucket, which is at `uri`."""

    uri = f"s3://{BUCKET}"

    def __init__(self, folder: Path) -> None:
        program = _program()
        buckets = folder / "buckets"
        (buckets / BUCKET).mkdir(parents=True)
        access, secret = secrets.token_hex(10), secrets.token_hex(20)
        port = programs.free_port()
        address = f"127.0.0.1:{port}"
        self._environment = {
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_ENDPOINT_URL": f"http://{address}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
        }
        command = [program, "--port", address, "--quiet", "posix", buckets]
        keys = {"ROOT_ACCESS_KEY": access, "ROOT_SECRET_KEY": secret}
        self._process = programs.start(command, port, keys, folder / "versitygw.log")

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Have the environment say where the server is, and the credentials, by the names that delta-rs takes."""
        for name, value in self._environment.items():
            patch.setenv(name, value)

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.wait(TIMEOUT_SECONDS)


def _program() -> str:
    """Return the server's program, which is built where it is missing."""
    done = subprocess.run([ROOT / "script" / "fetch-versitygw"], capture_output=True, text=True, check=False)
    if done.returncode:
        missing(done.stderr.strip())
    return done.stdout.strip()
