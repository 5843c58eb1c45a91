"""A way to PostgreSQL on which a connection is lost after a commit and before its answer."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url

__all__ = ["losing_answers"]

_SIZE = 1 << 16


@contextmanager
def losing_answers(url: str, after: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Give the URL of a database by another way, and a list of the answers that were lost on it.

    The first connection on which `after` was sent and then COMMIT is closed once the server has committed.

    Args:
        url: The URL of the database.
        after: What the transaction sends whose end is not to be heard of.
    """
    server = make_url(url)
    lost: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = (server.host or "127.0.0.1", server.port or 5432)
        threading.Thread(target=_accept, args=(listener, place, after, lost), daemon=True).start()
        way = server.set(host="127.0.0.1", port=listener.getsockname()[1])
        way = way.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
        yield way.render_as_string(hide_password=False), lost
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, place: tuple[str, int], after: bytes, lost: list[bytes]) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(place)
            way = _Way(client, server, after, lost)
            for pass_on in (way.pass_questions, way.pass_answers):
                threading.Thread(target=pass_on, daemon=True).start()


class _Way:
    """One connection."""

    def __init__(self, client: socket.socket, server: socket.socket, after: bytes, lost: list[bytes]) -> None:
        self._client, self._server = client, server
        self._after, self._lost = after, lost
        self._is_marked = self._is_ending = False

    def pass_questions(self) -> None:
        last = b""  # of what came before: a word may come in two pieces
        with contextlib.suppress(OSError):
            while data := self._client.recv(_SIZE):
                read = last + data
                self._is_marked |= self._after in read
                self._is_ending |= self._is_marked and b"COMMIT" in read and not self._lost
                last = read[-max(len(self._after), len(b"COMMIT")) + 1 :]
                self._server.sendall(data)
        self._close()

    def pass_answers(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(_SIZE):
                if self._is_ending and b"COMMIT" in data:
                    self._lost.append(data)
                    break
                self._client.sendall(data)
        self._close()

    def _close(self) -> None:
        for each in (self._client, self._server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
