"""Asks the server of this machine how it is: `python -m headwater_web.health_check`, for containers."""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from headwater_catalog.settings import load_settings

__all__ = ["main"]


def main() -> int:
    """Return 0 when the server answers that it is well, else 1."""
    settings = load_settings()
    connection = HTTPConnection("127.0.0.1", settings.port, timeout=4)
    # The name by which readers reach the server is the one that it answers to.
    host = urlsplit(settings.url).netloc or f"127.0.0.1:{settings.port}"
    try:
        connection.request("GET", "/healthz", headers={"Host": host})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"The server does not answer: {error}\n")
        return 1
    finally:
        connection.close()
    if status != 200:
        sys.stderr.write(f"The server answers {status}.\n")
    return int(status != 200)


if __name__ == "__main__":
    sys.exit(main())
