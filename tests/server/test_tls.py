"""TLS to a server of one's own: what the URL asks for holds for the loaders and for plain `dbt`, or nothing is sent.

`secured` is a server with a certificate of our own authority, which the tests exchange for others'.
"""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import mysql.connector
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import dbt_afterstate
from afterstate.errors import ServerError
from afterstate.server import private
from afterstate.warehouse.connect import connect, open_cursor
from afterstate.warehouse.profile import TLS_VARIABLE, Credentials
from tests.bench import ROOT, Bench, Server
from tests.server.helpers import bench_in, private_home, up

DBT = Path(sys.executable).parent / "dbt"
CAPABILITY_SSL = 0x0800


class Authority:
    """A certificate authority in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(_pem(self._signed(self.name, self.key.public_key(), x509.BasicConstraints(True, 0))))

    def issue(self, file: str, *names: str) -> tuple[Path, Path]:
        """Write a certificate for these hosts, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = [x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._signed(subject, key.public_key(), x509.SubjectAlternativeName(hosts))
        places = self.folder / f"{file}-cert.pem", self.folder / f"{file}-key.pem"
        places[0].write_bytes(_pem(certificate))
        places[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return places

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(timezone.utc)
        draft = x509.CertificateBuilder(
            issuer_name=self.name,
            subject_name=subject,
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=1),
            not_valid_after=now + timedelta(days=1),
        )
        return draft.add_extension(extension, critical=False).sign(self.key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@dataclass
class Secured:
    """A server whose certificate can be exchanged, and warehouses on it that are reached through a URL."""

    server: Server
    folder: Path
    authority: Authority
    stranger: Authority
    numbers: Iterator[int]

    @property
    def admin(self) -> Credentials:
        return self.server.admin

    def present(self, authority: Authority, *names: str) -> None:
        """Let the server show a certificate of this authority for these names from now on."""
        authority.issue("fresh", *names)
        for part in ("cert", "key"):
            (authority.folder / f"fresh-{part}.pem").replace(self.folder / f"server-{part}.pem")
        with open_cursor(self.admin) as cursor:
            cursor.execute({"mysql": "alter instance reload tls", "mariadb": "flush ssl"}[self.server.engine])

    def bench(self, options: str, host: str = "localhost", **more: str) -> Bench:
        """Return a checkout of its own that names this server by a URL with these options."""
        number = next(self.numbers)
        admin = self.admin
        environment = {
            "AFTERSTATE_MYSQL_URL": f"mysql://{admin.username}:{admin.password}@{host}:{admin.port}/?{options}",
            "AFTERSTATE_SCHEMA": f"tls_{number}",
            "AFTERSTATE_SERVER_PROGRAM": "",
        }
        return bench_in(self.server, self.folder / f"checkout-{number}", **environment, **more)


@pytest.fixture(scope="module")
def secured(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Start a server with a certificate for localhost and 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = Authority(folder, "our-authority"), Authority(folder, "strange-authority")
    certificate, key = authority.issue("server", "localhost", "127.0.0.1")
    options = f"ssl-ca = {authority.file}\nssl-cert = {certificate}\nssl-key = {key}\n"
    with private_home(server, folder / "home") as bench:
        with pytest.MonkeyPatch.context() as patch:
            plain = private.option_file
            patch.setattr(private, "option_file", lambda *arguments: plain(*arguments) + options)
            bench.server.private.start(print)
        yield Secured(bench.server, folder, authority, stranger, count(1))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def good_certificate(secured: Secured) -> None:
    """Let the server show its own certificate, whatever the test before did."""
    secured.present(secured.authority, "localhost", "127.0.0.1")


def plain_dbt(bench: Bench, program: tuple[str, ...] = (str(DBT),)) -> tuple[int, str]:
    """Run `dbt debug` as people do, from the root; give its exit code and what it printed."""
    home = bench.server.home
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERSTATE_", "DBT_"))}
    environment |= {"DBT_TARGET_PATH": str(home / "target"), "DBT_LOG_PATH": str(home / "logs"), "NO_COLOR": "1"}
    command = [*program, "debug", "--profiles-dir", str(home)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def dbt_cipher(target: Credentials) -> str:
    """Connect as dbt's adapters do, and give the cipher of the session, empty without TLS."""
    arguments = {"host": target.server, "port": target.port, "user": target.username, "passwd": target.password}
    with closing(dbt_afterstate.ProfileConnection(target, {**arguments, "buffered": True})) as opened:
        cursor = opened.cursor()
        cursor.execute("show session status like 'Ssl_cipher'")
        return str(cursor.fetchone()[1])


def loader_cipher(target: Credentials) -> str:
    """Connect as the loaders do, and give the cipher of the session."""
    with open_cursor(target) as cursor:
        cursor.execute("show session status like 'Ssl_cipher'")
        return str(cursor.fetchone()[1])


CIPHERS = (loader_cipher, dbt_cipher)


def assert_refused(target: Credentials, because: str) -> None:
    """Check that neither the loaders nor dbt connect, for this reason."""
    for cipher in CIPHERS:
        with pytest.raises(Exception, match=because):
            cipher(target)


def change_profile(bench: Bench, **settings: object) -> None:
    """Write settings into every output of the profile, as a person might."""
    path = bench.settings.profiles_path
    profile = yaml.safe_load(path.read_text(encoding="utf-8"))
    for output in profile["afterstate"]["outputs"].values():
        output.update(settings)
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")


@pytest.mark.usefixtures("good_certificate")
def test_a_named_authority_verifies_the_server_for_loaders_and_dbt(secured: Secured) -> None:
    """Prevents an encrypted connection to whoever answers; dbt-mysql drops a profile's TLS settings without a word."""
    for host in ("localhost", "127.0.0.1"):
        bench = secured.bench(f"ssl_ca={secured.authority.file}", host)
        found = up(bench)
        assert (found.dbt.ssl_verify_cert, found.dbt.ssl_verify_identity) == (True, True)
        assert [bool(cipher(found.dbt)) for cipher in CIPHERS] == [True, True]
    with open_cursor(secured.admin) as cursor:
        cursor.execute("alter user %s@'%%' require ssl", (found.dbt.username,))
    code, output = plain_dbt(bench)
    assert code == 0, output
    assert bench.run("doctor").exit_code == 0


@pytest.mark.usefixtures("good_certificate")
def test_another_authority_is_refused_by_loaders_and_dbt(secured: Secured) -> None:
    """Prevents passwords and data going to a server that only claims to be ours."""
    refused = secured.bench(f"ssl_ca={secured.stranger.file}").run("up")
    assert refused.exit_code == 1
    assert "certificate verify failed" in refused.output

    bench = secured.bench(f"ssl_ca={secured.authority.file}")
    up(bench)
    change_profile(bench, ssl_ca=str(secured.stranger.file))
    assert bench.run("status").exit_code == 1
    code, output = plain_dbt(bench)
    assert code != 0
    assert "certificate verify failed" in output.lower()
    assert_refused(bench.warehouse.dbt, "certificate verify failed")


def test_a_certificate_for_another_host_is_refused_unless_only_the_authority_counts(secured: Secured) -> None:
    """Prevents any server with any certificate of the same authority passing for ours."""
    secured.present(secured.authority, "elsewhere.example")
    refused = secured.bench(f"ssl_ca={secured.authority.file}").run("up")
    assert refused.exit_code == 1
    assert "localhost" in refused.output

    accepted = secured.bench(f"ssl_ca={secured.authority.file}&ssl_mode=VERIFY_CA")
    target = up(accepted).dbt
    assert [bool(cipher(target)) for cipher in CIPHERS] == [True, True]
    change_profile(accepted, ssl_verify_identity=True)
    code, output = plain_dbt(accepted)
    assert code != 0
    assert "hostname mismatch" in output.lower()
    assert_refused(accepted.warehouse.dbt, "(?i)hostname mismatch")


@pytest.mark.usefixtures("good_certificate")
def test_the_systems_authorities_count_only_where_none_is_named(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents any public authority passing beside the one in the URL, and host names that are not compared.

    The first is MySQL Connector's habit, the second PyMySQL's where no authority is named.
    """
    monkeypatch.setenv("SSL_CERT_FILE", str(secured.authority.file))
    admin = replace(secured.admin, server="localhost", ssl_verify_cert=True, ssl_verify_identity=True)
    assert [bool(cipher(admin)) for cipher in CIPHERS] == [True, True]
    assert_refused(replace(admin, ssl_ca=str(secured.stranger.file)), "certificate verify failed")
    secured.present(secured.authority, "elsewhere.example")
    assert_refused(admin, "(?i)hostname mismatch")


def test_required_encrypts_and_does_not_verify(secured: Secured) -> None:
    """Prevents REQUIRED meaning "if the server likes", as both drivers take it without a certificate to verify."""
    secured.present(secured.authority, "elsewhere.example")
    bench = secured.bench("ssl-mode=required")
    target = up(bench).dbt
    assert target.needs_tls
    assert [bool(cipher(target)) for cipher in CIPHERS] == [True, True]


@pytest.mark.usefixtures("good_certificate")
def test_disabled_does_not_encrypt_and_still_seals_the_password(secured: Secured) -> None:
    """Prevents DISABLED being ignored; MySQL Connector sending the password in clear text where MySQL asks for it."""
    bench = secured.bench("ssl_mode=DISABLED")
    target = up(bench).dbt
    with open_cursor(secured.admin) as cursor:
        cursor.execute("flush privileges")  # the server forgets who logged in before, and asks for the whole password
    with overheard(target) as (port, heard):
        change_profile(bench, port=port)
        code, output = plain_dbt(bench)
        assert code == 0, output
        talk = b"".join(heard)
    assert b"select 1" in talk.lower()
    assert target.username.encode() in talk
    assert target.password.encode() not in talk
    assert [cipher(target) for cipher in CIPHERS] == ["", ""]


@pytest.mark.usefixtures("good_certificate")
def test_client_certificates_reach_the_server(secured: Secured) -> None:
    """Prevents `ssl_cert` and `ssl_key` of the URL being accepted and then forgotten."""
    certificate, key = secured.authority.issue("client", "somebody.example")
    bench = secured.bench(f"ssl_ca={secured.authority.file}&ssl_cert={certificate}&ssl_key={key}")
    target = up(bench).dbt
    with open_cursor(secured.admin) as cursor:
        cursor.execute("alter user %s@'%%' require x509", (target.username,))
    assert [bool(cipher(target)) for cipher in CIPHERS] == [True, True]
    assert_refused(replace(target, ssl_cert=None, ssl_key=None), "(?i)refused|denied")


@pytest.mark.usefixtures("good_certificate")
def test_a_dbt_that_would_drop_the_settings_stops_before_it_connects(secured: Secured) -> None:
    """Prevents a dbt from elsewhere, or one started as a module, connecting unverified where TLS is asked for."""
    bench = secured.bench(f"ssl_ca={secured.authority.file}")
    up(bench)
    code, output = plain_dbt(bench, program=(sys.executable, "-m", "dbt.cli.main"))
    assert code != 0
    assert TLS_VARIABLE in output
    assert "Connection test: [OK" not in output


@pytest.mark.usefixtures("good_certificate")
def test_the_target_that_dbt_builds_decides(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents dbt taking the TLS settings of another warehouse with the same server and account."""
    bench = secured.bench("ssl_mode=PREFERRED")
    target = up(bench).dbt
    path = bench.settings.profiles_path
    profile = yaml.safe_load(path.read_text(encoding="utf-8"))
    outputs = profile["afterstate"]["outputs"]
    outputs["strict"] = {**outputs[profile["afterstate"]["target"]], "ssl_ca": str(secured.stranger.file)}
    outputs["strict"]["ssl_verify_cert"] = True
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    arguments = {"host": target.server, "port": target.port, "user": target.username, "passwd": target.password}
    flags = SimpleNamespace(PROFILES_DIR=path.parent, PROFILE=None, TARGET=None)
    monkeypatch.setattr(dbt_afterstate, "get_flags", lambda: flags)
    dbt_afterstate.connect(**arguments).close()
    flags.TARGET = "strict"
    with pytest.raises(mysql.connector.Error, match="certificate verify failed"):
        dbt_afterstate.connect(**arguments)


# --- somebody between us and the server


@contextmanager
def overheard(target: Credentials) -> Iterator[tuple[int, list[bytes]]]:
    """Pass connections on to the server; give the port, and what clients said."""
    heard: list[bytes] = []

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((target.server, target.port)) as real:
                back = threading.Thread(target=self._pass_on, args=(real, self.request, []), daemon=True)
                back.start()
                self._pass_on(self.request, real, heard)
                back.join(10)

        @staticmethod
        def _pass_on(source: socket.socket, sink: socket.socket, notes: list[bytes]) -> None:
            with suppress(OSError):
                while data := source.recv(65536):
                    notes.append(data)
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as relay:
        relay.daemon_threads = True
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield relay.server_address[1], heard
        relay.shutdown()


@contextmanager
def stripped(server: Server) -> Iterator[tuple[int, list[bytes]]]:
    """Greet clients as the real server does, less any offer of TLS; give the port, and what clients then sent."""
    admin = server.admin
    with socket.create_connection((admin.server, admin.port)) as real:
        greeting = bytearray(real.recv(4096))
    at = greeting.index(b"\0", 5) + 1 + 4 + 8 + 1  # behind version, thread id, nonce and filler
    capabilities = int.from_bytes(greeting[at : at + 2], "little")
    greeting[at : at + 2] = (capabilities & ~CAPABILITY_SSL).to_bytes(2, "little")
    sent: list[bytes] = []

    def greet(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.sendall(greeting)
                sent.append(client.recv(4096))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1], sent
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.mark.parametrize("verifies", [False, True], ids=["REQUIRED", "VERIFY_CA"])
def test_nothing_is_sent_to_a_server_that_offers_no_tls(server: Server, verifies: bool) -> None:
    """Prevents a password on the wire because somebody in between took the offer of TLS out of the greeting."""
    with stripped(server) as (port, sent):
        target = replace(server.admin, port=port, ssl_verify_cert=verifies, ssl_verify_identity=False)
        assert_refused(target, "TLS|SSL")
    assert sent == [b""] * len(sent)
    assert len(sent) == len(CIPHERS)


def test_files_that_cannot_be_used_are_named(server: Server, tmp_path: Path) -> None:
    """Prevents "no such file" without saying which, when the authority's file has been moved."""
    for path in (tmp_path / "gone.pem", Path(__file__)):
        with pytest.raises(ServerError, match=path.name) as refusal:
            connect(replace(server.admin, ssl_ca=str(path), ssl_verify_cert=True))
        assert "PEM" in refusal.value.hint
