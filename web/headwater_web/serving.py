"""Serving the application: the port first, then a worker for jobs beside the web server."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from headwater_catalog.errors import Conflict, SettingError
from headwater_catalog.settings import is_loopback

if TYPE_CHECKING:
    from flask import Flask

    from headwater_catalog.settings import Settings
    from headwater_catalog.store.database import Database

__all__ = ["claim_port", "require_closed", "serve"]

_THREADS = 8
_GRACE = 3  # seconds that a request may still take when the server is asked to end


@contextmanager
def claim_port(host: str, port: int, settings: Settings) -> Iterator[socket.socket]:
    """Hold the port, so that it is known to be free before anything else is done.

    Raises:
        SettingError: If the host is not an address of this machine, or strangers could reach it.
        Conflict: If the port is taken.
    """
    require_closed(host, settings)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as claimed:
        if sys.platform != "win32":  # there it would let two servers share the port
            claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(claimed, host, port)
        yield claimed


def require_closed(host: str, settings: Settings) -> None:
    """Raise SettingError unless only those who may can reach what the server would offer on this host.

    Without accounts whoever reaches the port may do everything, so it must not be reachable from outside;
    with them, the name must be known by which readers reach it, or other sites could pass for it.
    """
    if is_loopback(host.strip("[]")):
        return
    if settings.auth == "single":
        raise SettingError(
            f"Headwater does not listen on {host!r} without accounts: everybody who reaches it could run "
            "code. Set HEADWATER_AUTH to accounts, or use 127.0.0.1."
        )
    if not settings.url:
        raise SettingError(
            f"To listen on {host!r}, set HEADWATER_URL to the address by which readers reach Headwater, such "
            "as https://features.example.org."
        )


def serve(settings: Settings, listener: socket.socket, workers: int = 1, *, job_worker: bool = True) -> None:
    """Serve the catalog on a claimed port until the process is told to end.

    Args:
        settings: The settings.
        listener: The port.
        workers: How many processes answer, each with the searches of the whole catalog in memory; one where
            gunicorn does not run.
        job_worker: Whether a worker for jobs runs beside.

    Raises:
        SchemaOutdated: If the database is not of this version.
    """
    from headwater_catalog.accounts.settings_log import SERVER, note_settings
    from headwater_catalog.store.database import Database

    database = Database(settings.database_url)
    database.check()
    note_settings(database, settings, SERVER, int(time.time()))  # once, however many processes answer
    signal.signal(signal.SIGTERM, _leave)  # as Ctrl-C does, so that the worker is always ended
    with _job_worker(settings) if job_worker else nullcontext(), suppress(KeyboardInterrupt):
        _announce(listener, settings, database)
        if sys.platform == "linux":
            _serve_by_gunicorn(settings, listener, workers)
        else:
            _serve_by_waitress(settings, listener)


@contextmanager
def _job_worker(settings: Settings) -> Iterator[None]:
    """Run a worker for jobs as a child of this process."""
    from headwater_catalog.worker import start_child

    worker, owner = start_child(settings), os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:  # gunicorn's forked processes leave through here as well
            _end(worker)


def _bind(claimed: socket.socket, host: str, port: int) -> None:
    try:
        claimed.bind((host.strip("[]"), port))
        claimed.listen()  # a port that is only bound could be bound again; who connects early waits
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} on {host} is taken by another program. Choose another with --port, "
                "or PORT= with make."
            ) from error
        raise SettingError(f"Headwater cannot listen on {host} port {port}: {error}") from error


def _announce(listener: socket.socket, settings: Settings, database: Database) -> None:
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    address = settings.url or f"http://{name}:{port}"
    print(f"Headwater is at {address} (Ctrl-C ends it)")
    print(f"Its catalog is in {settings.home}", flush=True)
    if settings.auth == "accounts":
        _announce_accounts(address, settings, database)
    database.dispose()  # the server's own process opens it anew


def _announce_accounts(address: str, settings: Settings, database: Database) -> None:
    """Say how the first administrator is made, and what is dangerous."""
    from headwater_catalog.accounts.people import count_accounts
    from headwater_catalog.accounts.setup import setup_code

    with database.read() as session:
        if not count_accounts(session):
            print(f"Make the first administrator: {address}/setup?code={setup_code(settings)}", flush=True)
    if not settings.is_encrypted and not is_loopback(settings.site or "localhost"):
        print("Passwords travel unencrypted: put a server for https before it, and set HEADWATER_URL.")


def _serve_by_gunicorn(settings: Settings, listener: socket.socket, workers: int) -> None:
    from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

    class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            options = {
                "bind": f"fd://{os.dup(listener.fileno())}",  # gunicorn closes what it is given
                "workers": workers,
                "worker_class": "gthread",
                "threads": _THREADS,
                "graceful_timeout": _GRACE,
                "loglevel": "warning",
                "control_socket_disable": True,
                "forwarded_allow_ips": "",  # no proxy stands before it, so nobody may speak for one
            }
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self) -> Flask:
            return _application(settings)

    Server().run()


def _serve_by_waitress(settings: Settings, listener: socket.socket) -> None:
    import waitress  # type: ignore[import-untyped]

    waitress.serve(_application(settings), sockets=[listener], threads=_THREADS)


def _application(settings: Settings) -> Flask:
    from headwater_catalog.store.database import Database
    from headwater_web.app import create_app
    from headwater_web.reading import Catalog
    from headwater_web.warming import Warmer

    database = Database(settings.database_url)
    app = create_app(settings, database)
    Warmer(Catalog(settings, database)).start()
    return app


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _end(worker: subprocess.Popen[Any]) -> None:
    worker.terminate()
    try:
        worker.wait(_GRACE + 2)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
