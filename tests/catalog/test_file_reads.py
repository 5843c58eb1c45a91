"""Files that code reads: those that its text names count by their content, others make it opaque."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from headwater_catalog.compare import compare
from headwater_catalog.lineage_hash import Revision
from headwater_catalog.mentions import differing
from support.git_repo import GitRepo
from support.revisions import Revisions

HEAD = """\
import os, io, json, gzip, importlib.resources
import os.path as op
from importlib import resources
from pathlib import Path
import pathlib
import numpy as np
import pandas as pd
from numpy import load as np_load
from headwater import dataloader
from shop import places
from shop.places import RATES as HERE
ROOT = Path(__file__).resolve().parent
NAME = "rates.txt"
RATES = ROOT / NAME
FOLDER = "shop"

"""
PLACES = "from pathlib import Path\nRATES = Path(__file__).with_name('rates.txt')\n"


@pytest.fixture(scope="module")
def revisions(tmp_path_factory: pytest.TempPathFactory) -> Revisions:
    return Revisions(GitRepo(tmp_path_factory.mktemp("revisions")))


def _state(code: str, rates: str = "2", **more: str) -> Mapping[str, str]:
    return {
        "shop/__init__.py": "",
        "shop/places.py": PLACES,
        "shop/features.py": HEAD + code + "\ndef total(rate: float) -> float:\n    return rate\n",
        "shop/rates.txt": rates,
        "shop/other.txt": "5",
        "pyproject.toml": '[tool.headwater.dataflows.d]\nmodules = ["shop.features"]\n',
        **more,
    }


def _opaque(revision: Revision) -> tuple[str, ...]:
    return revision.lineages.opaque_of("shop.features:rate")


EXACT = [
    "return float(open('shop/rates.txt').read())",
    "with open('./shop/rates.txt', encoding='utf-8') as f:\n        return float(f.read())",
    "return float(RATES.read_text())",
    "return float(HERE.read_bytes())",
    "return float(places.RATES.open().read())",
    "return float(Path('shop', NAME).read_text())",
    "return float(pathlib.Path(FOLDER).joinpath(NAME).read_text())",
    "return float((ROOT / 'rates.txt').read_text())",
    "return float((Path(__file__).parents[1] / 'shop' / 'rates.txt').read_text())",
    "return float(open(op.join(op.dirname(__file__), 'rates.txt')).read())",
    "return float(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), NAME)).read())",
    "return json.load(open(RATES))",
    "return pd.read_csv(RATES).sum()",
    "return pd.read_csv(filepath_or_buffer='shop/rates.txt').sum()",
    "return np.loadtxt('shop/rates.txt')",
    "return np_load('shop/rates.txt')",
    "return gzip.open('shop/rates.txt').read()",
    "return float(resources.files('shop').joinpath('rates.txt').read_text())",
    "return parsed(str(Path(__file__).parent / 'rates.txt'))",
    "return float(open(r'shop/rates.txt').read())",
    "return _read()\n\ndef _read():\n    return float(RATES.read_text())",
]


@pytest.mark.parametrize("body", EXACT)
def test_a_file_that_the_text_names_counts_by_its_content(revisions: Revisions, body: str):
    code = f"def rate() -> float:\n    {body}\n\nparsed = float\n"
    before, same, after = revisions.of(
        _state(code), _state(code, **{"shop/other.txt": "6"}), _state(code, rates="3")
    )

    assert _opaque(before) == ()
    assert before.lineages.hashes == same.lineages.hashes
    assert before.lineages.hashes["shop.features:rate"] != after.lineages.hashes["shop.features:rate"]
    found = {change.key: (change.classes, change.because) for change in compare(before, after).features}
    assert found == {
        "shop.features:rate": (("logic",), ("shop/rates.txt changed",)),
        "shop.features:total": (("upstream only",), ()),
    }
    assert compare(before, same).features == ()
    assert ("shop.features", "total") not in differing(before.lineages.sources, after.lineages.sources)


@pytest.mark.parametrize(
    "body",
    [
        "return float(open(os.environ['RATES']).read())",
        "return float(open(f'shop/{NAME}').read())",
        "return float(open('sh' 'op/ra' 'tes.txt').read())",
        "return float(open('shop/ra\\x74es.txt').read())",
        "return float(open('shop/nothing.txt').read())",
        "return float(open('/etc/hostname').read())",
        "return float(open('../rates.txt').read())",
        "path = RATES\n    return path.read_text()",
        "return [float(each.read_text()) for each in ROOT.glob('*.txt')]",
        "return len(os.listdir('shop'))",
        "return sum(map(open, ['shop/rates.txt']))",
        "import pandas\n    return pandas.read_csv('x' + NAME)",
        "return importlib.resources.read_text('shop', 'rates.txt')",
        "return parsed(Path(__file__).parent / 'gone.txt')",
        "return _read(RATES)\n\ndef _read(path):\n    return float(path.read_text())",
    ],
)
def test_a_file_that_only_running_the_code_would_tell_makes_it_opaque(revisions: Revisions, body: str):
    (revision,) = revisions.of(_state(f"def rate() -> float:\n    {body}\n\nparsed = float\n"))

    assert any("read" in reason for reason in _opaque(revision))
    assert "shop.features:total" in revision.lineages.unsettled


@pytest.mark.parametrize(
    "body",
    [
        "return float(pd.read_csv(io.StringIO('a\\n1')).sum())",
        "open('shop/out.txt', 'w').write('1')\n    return 1.0",
        "return json.loads('1')",
        "return len(__file__)",
    ],
)
def test_what_reads_no_file_is_not_opaque(revisions: Revisions, body: str):
    (revision,) = revisions.of(_state(f"def rate() -> float:\n    {body}\n"))

    assert _opaque(revision) == ()


def test_a_declared_loader_has_no_doubts_beyond_its_declaration(revisions: Revisions):
    code = (
        "@dataloader()\ndef rate(path: str) -> tuple[float, dict]:\n    return float(open(path).read()), {}\n"
    )
    (revision,) = revisions.of(_state(code))

    assert _opaque(revision) == ()


def test_a_file_that_comes_and_goes_changes_what_reads_it(revisions: Revisions):
    code = "def rate() -> float:\n    return float(open('shop/late.txt').read())\n"
    before, after = revisions.of(_state(code), _state(code, **{"shop/late.txt": "1"}))

    assert (len(_opaque(before)), _opaque(after)) == (1, ())
    for pair in ((before, after), (after, before)):
        assert [change.key for change in compare(*pair).features] == [
            "shop.features:rate",
            "shop.features:total",
        ]
