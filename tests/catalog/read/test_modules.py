import pytest

from headwater_catalog.read.modules import is_candidate, is_source, module_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("features/spend.py", "features.spend"),
        ("features/__init__.py", "features"),
        ("src/features/spend.py", "features.spend"),
        ("lib/python/features/spend.py", "features.spend"),
        ("spend.py", "spend"),
        ("__init__.py", None),
        ("my-scripts/spend.py", "my_scripts.spend"),
        ("my-scripts/__init__.py", "my_scripts"),
        ("2024-05-01/spend.py", "_2024_05_01.spend"),
        ("features/my-spend.py", None),
        ("features/2024.py", None),
        ("features/spend.txt", None),
    ],
)
def test_a_module_is_named_as_it_is_imported(path: str, name: str | None) -> None:
    assert module_name(path, ("src", "lib", "lib/python")) == name


@pytest.mark.parametrize(
    ("path", "source", "candidate"),
    [
        ("features/spend.py", True, True),
        ("examples/spend.py", True, True),
        ("tests/spend.py", True, False),
        ("features/test_spend.py", True, False),
        ("features/spend_test.py", True, False),
        ("conftest.py", True, False),
        ("setup.py", True, False),
        ("docs/conf.py", True, False),
        (".venv/lib/x.py", False, False),
        ("venv/lib/x.py", False, False),
        (".hidden/x.py", False, False),
        ("features/spend.pyi", False, False),
    ],
)
def test_tests_and_foreign_code_hold_no_features(path: str, source: bool, candidate: bool) -> None:
    assert is_source(path) is source
    assert is_candidate(path) is candidate
