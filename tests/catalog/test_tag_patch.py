"""Patches that put tags into sources: what git applies adds exactly these tags, and changes nothing else."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater_catalog.governance.tag_patch import TagPatch, tag_patch
from headwater_catalog.read import directory_files
from headwater_catalog.snapshot import Snapshot
from headwater_catalog.tree_snapshots import read_folder

_IMPORTS = (
    "from headwater import tag\n",
    "from headwater import tag as t\n",
    "import headwater\n",
    "import headwater as hw\n",
    "from hamilton.function_modifiers import tag, check_output\n",
    "from hamilton import function_modifiers as fm\n",
    "from headwater import (\n    check_output,\n    tag,  # ours\n)\n",
    "import pandas as pd\n",
    "from hamilton.function_modifiers import check_output\n",
    "from otherwise import tag\n",
    "",
)
_SPELLED = {
    "from headwater import tag\n": "tag",
    "from headwater import tag as t\n": "t",
    "import headwater\n": "headwater.tag",
    "import headwater as hw\n": "hw.tag",
    "from hamilton.function_modifiers import tag, check_output\n": "tag",
    "from hamilton import function_modifiers as fm\n": "fm.tag",
    "from headwater import (\n    check_output,\n    tag,  # ours\n)\n": "tag",
}
_TOPS = (
    "",
    "\n\n",
    "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\n",
    '"""Features of a shop: größer."""\n',
    '"""Features\nof a shop."""\n\nfrom __future__ import annotations\n\n',
    "# Only a comment.\n",
)
_DECORATED = (
    "",
    "# Über a comment\n",
    '@TAG(a="b")\n',
    "@TAG(a='b')\n",
    '@TAG(a="b",)\n',
    '@TAG(\n    a="b",\n    c=("x" "y"),  # why, (not)\n    # the end\n)\n',
    '@TAG(\n\ta="b",\n\tc="ü"\n)  # a comment\n',
    '@TAG(a="b",\n     c="d")\n',
    '@TAG(a="b",\n     c="d",\n     )\n',
    '@TAG(**{"x.y": "z"})\n',
    '@TAG(\n    a="b"\n    ,\n)\n',
    '@TAG(a="b")\n@TAG(c="d")\n',
    '@TAG(target_="NAME", a="b")\n',
    '@TAG(  # odd\n    a="(",\n)\n# between\n',
)
_BODIES = (
    'def NAME(row: str) -> str:\n    """Of NAME, ä."""\n    return row\n',
    "def NAME(\n    row: str,  # a\n) -> str:\n\treturn row\n",
    "async def NAME(row: str) -> str: return row\n",
)


def _read(folder: Path) -> Snapshot:
    return read_folder(folder)


@st.composite
def _modules(draw: st.DrawFn) -> tuple[str, int]:
    """Make the text of a module, and how many features it has, each with a layout of its own."""
    imports = draw(st.sampled_from(_IMPORTS))
    spelled = _SPELLED.get(imports)
    count = draw(st.integers(1, 4))
    text = draw(st.sampled_from(_TOPS)) + imports + draw(st.sampled_from(["", "\n", "\n\n"]))
    for at in range(count):
        layouts = _DECORATED if spelled else _DECORATED[:2]
        decorated = draw(st.sampled_from(layouts)).replace("TAG", spelled or "")
        whole = decorated + draw(st.sampled_from(_BODIES))
        text += whole.replace("NAME", f"f{at}") + draw(st.sampled_from(["", "\n", "\n\n# ä\n"]))
    return text, count


@settings(max_examples=120, deadline=None)
@given(
    _modules(),
    st.sets(st.integers(0, 3), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_a_patch_adds_exactly_the_tags_whatever_the_layout(
    module: tuple[str, int], chosen: set[int], eol: str, is_ended: bool, has_mark: bool
):
    text, count = module
    text = text if is_ended else text.rstrip("\n")
    before = (b"\xef\xbb\xbf" if has_mark and not text.startswith("#!") else b"") + text.replace(
        "\n", eol
    ).encode()
    keys = sorted({f"shop:f{at % count}" for at in chosen})
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "headwater.toml").write_text('[dataflows.all]\nmodules = ["shop"]\n')
        (folder / "shop.py").write_bytes(before)
        then = _read(folder)
        made = tag_patch(directory_files(folder), {key: {"pii": "true"} for key in keys})

        assert (list(made.added), made.left_out) == (keys, {})
        _apply(folder, made)
        now, after = _read(folder), (folder / "shop.py").read_bytes()

    assert _facts(now) == _facts(then, keys)
    assert _is_within(before, after)
    assert after.endswith(b"\n") == before.endswith(b"\n")
    if eol == "\r\n":
        assert after.count(b"\n") == after.count(b"\r\n")


def _apply(folder: Path, made: TagPatch) -> None:
    done = subprocess.run(["git", "apply", "-"], cwd=folder, input=made.diff, capture_output=True)
    assert done.returncode == 0, (done.stderr, made.diff)


def _facts(snapshot: Snapshot, tagged: list[str] | None = None) -> list[object]:
    """Return all that the features are, where they stand left out, with a tag more where it is wanted."""
    return [
        replace(
            each,
            **{"line": 0, "end_line": 0, "source": "", "digest": ""},
            tags={**each.tags, **({"pii": "true"} if each.key in (tagged or ()) else {})},
        )
        for each in snapshot.features
    ]


def _is_within(before: bytes, after: bytes) -> bool:
    """Tell whether nothing of a content was taken away or put elsewhere."""
    rest = iter(after)
    return all(byte in rest for byte in before)


def _folder(tmp_path: Path, files: dict[str, str | bytes]) -> Path:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


_EMAIL = "def email(row: str) -> str:\n    return row\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_EMAIL, "from headwater import tag\n\n" + '@tag(pii="true")\n' + _EMAIL),
        (
            f'"""Doc."""\n\n{_EMAIL}',
            f'"""Doc."""\n\nfrom headwater import tag\n\n@tag(pii="true")\n{_EMAIL}',
        ),
        (
            f"import pandas as pd\n\n\n{_EMAIL}",
            f'import pandas as pd\nfrom headwater import tag\n\n\n@tag(pii="true")\n{_EMAIL}',
        ),
        (
            f"from headwater import tag\n\n@tag(\n    owner='crm',  # ask\n)\n{_EMAIL}",
            f"from headwater import tag\n\n@tag(\n    owner='crm',  # ask\n    pii='true',\n)\n{_EMAIL}",
        ),
        (
            f"from headwater import tag\n\n@tag(owner='crm')\n{_EMAIL}",
            f"from headwater import tag\n\n@tag(owner='crm', pii='true')\n{_EMAIL}",
        ),
        (
            f"from otherwise import tag\n\n{_EMAIL}",
            "from otherwise import tag\nfrom headwater import tag as headwater_tag\n\n"
            f'@headwater_tag(pii="true")\n{_EMAIL}',
        ),
    ],
)
def test_what_is_written_is_what_a_person_would_write(tmp_path: Path, before: str, after: str):
    folder = _folder(tmp_path, {"shop.py": before})

    _apply(folder, tag_patch(directory_files(folder), {"shop:email": {"pii": "true"}}))
    assert (folder / "shop.py").read_text() == after


def test_several_files_with_odd_names_and_encodings_are_patched(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "shöp/__init__.py": "",
        "shöp/größe.py": _EMAIL,
        "old/__init__.py": "",
        "old/latin.py": b"# -*- coding: latin-1 -*-\n# gr\xfc\xdfe\n" + _EMAIL.encode(),
        "headwater.toml": '[dataflows.all]\nmodules = ["shöp.größe", "old.latin"]\n',
    }
    folder = _folder(tmp_path, files)

    made = tag_patch(
        directory_files(folder), {key: {"pii": "true"} for key in ("shöp.größe:email", "old.latin:email")}
    )
    assert made.left_out == {}
    _apply(folder, made)
    assert [dict(each.tags) for each in _read(folder).features] == [{"pii": "true"}] * 2
    assert b"gr\xfc\xdfe" in (folder / "old/latin.py").read_bytes()


def test_declared_inputs_and_all_variants_of_a_feature_are_tagged(tmp_path: Path):
    code = (
        "from headwater import config, external_input\n\n"
        "@external_input\ndef phone() -> str: ...\n\n"
        '@config.when(region="uk")\ndef email__uk(phone: str) -> str: ...\n\n'
        '@config.when(region="us")\ndef email__us(phone: str) -> str: ...\n'
    )
    folder = _folder(tmp_path, {"shop.py": code})

    made = tag_patch(directory_files(folder), {key: {"pii": "true"} for key in ("input:phone", "shop:email")})
    _apply(folder, made)
    found = _read(folder)
    assert made.added == ("input:phone", "shop:email")
    assert [dict(each.tags) for each in (*found.features, *found.inputs)] == [{"pii": "true"}] * 3


@pytest.mark.parametrize(
    ("files", "key", "told"),
    [
        ({"shop.py": _EMAIL}, "shop:nothing", "no feature and no declared input"),
        ({"shop.py": "def a(email: str) -> str: ...\n"}, "input:email", "declare it by @external_input"),
        (
            {
                "shop.py": "import pandas as pd\nfrom headwater import extract_columns\n"
                '@extract_columns("email", "b")\ndef table(row: str) -> pd.DataFrame: ...\n'
            },
            "shop:b",
            "makes 3 features: say which by @tag_outputs",
        ),
        (
            {"shop.py": f"import os; KEY = 1\n{_EMAIL}"},
            "shop:email",
            "shop.py cannot be edited: its imports share a line with other code",
        ),
        (
            {"shop.py": f"from headwater import tag\nTAGS = {{'pii': 'no'}}\n@tag(**TAGS)\n{_EMAIL}"},
            "shop:email",
            "it says something of pii already",
        ),
        (
            {
                "nb.ipynb": json.dumps(
                    {
                        "cells": [
                            {
                                **{"cell_type": "code", "metadata": {}, "outputs": []},
                                **{"execution_count": None, "source": f"%%cell_to_module shop\n{_EMAIL}"},
                            }
                        ],
                        **{"metadata": {}, "nbformat": 4, "nbformat_minor": 5},
                    }
                )
            },
            "nb:email",
            "nb.ipynb cannot be edited: it is a notebook",
        ),
    ],
)
def test_what_cannot_be_tagged_is_left_out_and_told(
    tmp_path: Path, files: dict[str, str | bytes], key: str, told: str
):
    made = tag_patch(directory_files(_folder(tmp_path, files)), {key: {"pii": "true"}})

    assert (made.diff, made.added) == (b"", ())
    assert told in made.left_out[key], made.left_out


def test_one_file_that_cannot_be_edited_keeps_no_other_back(tmp_path: Path):
    files: dict[str, str | bytes] = {
        "shop.py": f"import os; KEY = 1\n{_EMAIL}",
        "crm.py": "def phone(row: str) -> str: ...\n",
    }
    folder = _folder(tmp_path, files)

    made = tag_patch(directory_files(folder), {key: {"pii": "true"} for key in ("shop:email", "crm:phone")})
    assert (made.added, list(made.left_out)) == (("crm:phone",), ["shop:email"])
    _apply(folder, made)


def test_values_are_written_as_they_are(tmp_path: Path):
    folder = _folder(tmp_path, {"shop.py": _EMAIL})
    tags = {"pii": "a\"b\\c\n'ü", "data.kind": "x", "class": "y"}

    _apply(folder, tag_patch(directory_files(folder), {"shop:email": tags}))
    assert dict(_read(folder).features[0].tags) == tags
