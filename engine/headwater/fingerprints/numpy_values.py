"""How arrays and scalars of numpy are written for a fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater.fingerprints.encoder import Encoder, Unknown, Writer

if TYPE_CHECKING:
    import numpy as np

__all__ = ["WRITERS", "write_array", "writer_of"]

WRITERS: dict[type, Writer] = {}
"""Nothing is known without looking at the class."""


def writer_of(of: type) -> Writer:
    """Return the writer of a class of numpy; subclasses of arrays may mean anything and are refused."""
    import numpy as np

    if of is np.ndarray:
        return write_array
    if issubclass(of, np.generic):
        return _scalar
    if issubclass(of, np.dtype):
        return _dtype
    return _refuse


def _refuse(value: Any, encoder: Encoder) -> None:
    raise Unknown(f"{type(value)} is not known")


def _dtype(value: np.dtype[Any], encoder: Encoder) -> None:
    if value.metadata:
        raise Unknown("metadata of a dtype may mean anything")
    encoder.add_text(b"dtype", repr(value))


def _scalar(value: np.generic, encoder: Encoder) -> None:
    import numpy as np

    encoder.add_text(b"numpy scalar", type(value).__name__)
    write_array(np.asarray(value), encoder)


def write_array(value: np.ndarray[Any, Any], encoder: Encoder) -> None:
    """Write an array: its type, its shape, and its elements in the order of their places."""
    dtype = value.dtype
    if dtype.kind in "fc" and dtype.itemsize // (1 if dtype.kind == "f" else 2) > 8:
        raise Unknown("long doubles have bytes that mean nothing")
    encoder.write_all(b"array", value.shape)
    encoder.add_text(b"dtype", repr(dtype))
    if dtype.names is not None:
        # Between the fields there may be bytes that mean nothing, so each is written for itself.
        for name in dtype.names:
            write_array(value[name], encoder)
    elif dtype.kind in "OT":
        encoder.write_inside(b"elements", value, value.ravel().tolist())
    else:
        encoder.add_large(b"bytes", _bytes(value))


def _bytes(value: np.ndarray[Any, Any]) -> Any:
    import numpy as np

    if value.nbytes == 0:
        return b""
    flat: Any = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    return memoryview(flat)
