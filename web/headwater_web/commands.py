"""The commands that serve: `headwater serve`, and `headwater demo serve`, which first makes a catalog."""

from __future__ import annotations

from dataclasses import replace

import click

from headwater_catalog.settings import Settings, load_settings
from headwater_web.serving import claim_port
from headwater_web.serving import serve as serve_catalog

__all__ = ["demo_serve", "serve"]

_HOST = click.option("--host", help="Address to listen on; 127.0.0.1 unless the settings say otherwise.")
_PORT = click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on; 8000 unless the settings say otherwise."
)

_WORKERS = click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that answer, on Linux; each keeps what searches need in its own memory.",
)


@click.command()
@_HOST
@_PORT
@_WORKERS
@click.option(
    "--job-worker/--no-job-worker",
    default=True,
    show_default=True,
    help="Also run a worker for scans and runs; without one, `headwater worker` does that.",
)
def serve(host: str | None, port: int | None, workers: int, job_worker: bool) -> None:
    """Serve the catalog to browsers, with a worker that performs its runs."""
    settings = _settings(host, port)
    with claim_port(settings.host, settings.port, settings) as listener:
        serve_catalog(settings, listener, workers, job_worker=job_worker)


@click.command()
@_HOST
@_PORT
def demo_serve(host: str | None, port: int | None) -> None:
    """Build the demo repository, catalog its history, make one dataset, and serve it all.

    What is there already is kept, so that a second time is quick.
    """
    settings = _settings(host, port)
    with claim_port(settings.host, settings.port, settings) as listener:
        from headwater_web.demo import prepare_demo

        prepare_demo(settings)
        serve_catalog(settings, listener)


def _settings(host: str | None, port: int | None) -> Settings:
    """Return the settings, with what the command line says in place of theirs."""
    settings = load_settings()
    return replace(settings, host=host or settings.host, port=port or settings.port)
