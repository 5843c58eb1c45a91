"""Arrays of numpy in and out."""

import io

import numpy as np
import pytest

from headwater.materialize.arrays import NumpyNpyReader, NumpyNpyWriter


def test_array_comes_back_as_it_went(tmp_path) -> None:
    path = tmp_path / "array.dat"  # exactly this name, though numpy would add a suffix

    NumpyNpyWriter(path=str(path)).save_data(np.array([[1, 2], [3, 4]]))
    loaded, known = NumpyNpyReader(path=path).load_data(np.ndarray)

    assert loaded.tolist() == [[1, 2], [3, 4]]
    assert known["file_metadata"]["size"] == path.stat().st_size
    mapped, _ = NumpyNpyReader(path=str(path), mmap_mode="r").load_data(np.ndarray)
    assert isinstance(mapped, np.memmap)


def test_buffer_is_written_and_read() -> None:
    buffer = io.BytesIO()

    NumpyNpyWriter(path=buffer).save_data(np.array([1]))
    buffer.seek(0)
    assert NumpyNpyReader(path=buffer).load_data(np.ndarray)[0].tolist() == [1]


def test_array_of_objects_is_pickled_only_where_asked(tmp_path) -> None:
    path = str(tmp_path / "a.npy")
    objects = np.array([{}], dtype=object)

    with pytest.raises(ValueError, match="allow_pickle"):
        NumpyNpyWriter(path=path).save_data(objects)
    NumpyNpyWriter(path=path, allow_pickle=True).save_data(objects)
    with pytest.raises(ValueError, match="allow_pickle"):
        NumpyNpyReader(path=path).load_data(np.ndarray)
    assert NumpyNpyReader(path=path, allow_pickle=True).load_data(np.ndarray)[0].tolist() == [{}]
