"""Applications served on this machine while a test asks them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref.types import WSGIApplication

from flask import Flask
from werkzeug.serving import make_server

__all__ = ["served"]


@contextmanager
def served(app: Flask | WSGIApplication) -> Iterator[str]:
    """Serve an application at a free port, and give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    # Its end is seen that often; half a second, as else, is longer than most tests take.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
