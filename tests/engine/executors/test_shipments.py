"""Feature modules that are imported from memory, where their files are not."""

import importlib
import pickle
import shutil
import sys
import traceback

import pytest

from headwater.errors import HeadwaterError
from headwater.executors.shipments import forget, shipment_of


@pytest.fixture
def ship(tmp_path, monkeypatch):
    """Give what ships files and takes them away, as if they went to another machine."""
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))

    def ship(files, roots=("",), required=()):
        base = tmp_path / "tree"
        for path, text in files.items():
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            (base / path).write_text(text)
        shipment = pickle.loads(pickle.dumps(shipment_of(base, roots, required)))
        shutil.rmtree(base)
        return shipment

    yield ship
    forget()


def test_modules_are_imported_in_packages_with_and_without_a_file_of_their_own(ship):
    files = {
        "shipped_one/__init__.py": "from . import deep\nLEVEL = deep.LEVEL\n",
        "shipped_one/deep.py": "from shipped_two.part import LEVEL\n",
        "shipped_two/part.py": "LEVEL = 3\ndef later():\n    import shipped_three\n    return shipped_three\n",
        "shipped_three.py": "",
        "data.csv": "not python",
    }
    ship(files).establish()
    one, part = importlib.import_module("shipped_one"), importlib.import_module("shipped_two.part")

    assert one.LEVEL == 3
    assert part.later() is sys.modules["shipped_three"]
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("shipped_one.nothing")


def test_the_first_root_comes_first_and_is_named_in_tracebacks(ship, tmp_path):
    code = "def broken():\n    raise ValueError('no')\n"
    ship(
        {"src/shipped_m.py": code, "lib/shipped_m.py": "", "lib/shipped_n.py": ""}, ("src", "lib")
    ).establish()
    with pytest.raises(ValueError) as caught:
        importlib.import_module("shipped_m").broken()
    importlib.import_module("shipped_n")
    told = "".join(traceback.format_tb(caught.value.__traceback__))

    assert f'File "{tmp_path}/tree/src/shipped_m.py", line 2' in told
    assert "raise ValueError('no')" in told


def test_another_shipment_replaces_all_modules_of_the_one_before(ship):
    ship({"shipped_p/a.py": "N = 1\n", "shipped_p/b.py": "N = 1\n"}).establish()
    assert importlib.import_module("shipped_p.a").N + importlib.import_module("shipped_p.b").N == 2
    second = ship({"shipped_p/a.py": "N = 5\n"})
    second.establish()
    again = importlib.import_module("shipped_p.a")
    second.establish()

    assert again.N == 5 and sys.modules["shipped_p.a"] is again
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("shipped_p.b")
    forget()
    assert not [name for name in sys.modules if name.startswith("shipped_p")]


def test_modules_that_a_process_has_of_its_own_stay(ship):
    shipped = ship({"json/__init__.py": "", "colorsys.py": ""}, required=["colorsys"])
    own = importlib.import_module("colorsys")
    json = importlib.import_module("json")
    with pytest.raises(HeadwaterError, match="A worker has a module 'colorsys' of its own"):
        shipped.establish()
    forget()

    assert (sys.modules["colorsys"], sys.modules["json"]) == (own, json)


def test_links_are_not_followed(tmp_path):
    (tmp_path / "outside.py").write_text("SECRET = 1\n")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "shipped_link.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "tree" / "shipped_folder").symlink_to(tmp_path)

    assert shipment_of(tmp_path / "tree", [""]).files == {}
