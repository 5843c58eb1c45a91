"""Addresses that are put together without routing are those that routing would make."""

from urllib.parse import unquote

from flask import Flask, url_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater_catalog.table_specs import table_of
from headwater_web.links import feature_url, lineage_url, table_url

_KEYS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1) | st.sampled_from(
    ("m:a b", "m:price/unit", "input:x&y", "m:é+%?#", "HeadwaterKey:HeadwaterKey")
)


@given(key=_KEYS, at=st.none() | _KEYS, up=st.none() | st.integers(0, 9))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_address_with_any_key_is_the_one_of_its_route(
    app: Flask, key: str, at: str | None, up: int | None
):
    with app.test_request_context("/", base_url="http://localhost/under"):
        feature = url_for("features.feature", repo="shop", key=key, at=at)
        lineage = url_for("lineage.lineage", repo="shop", focus=key, up=up, at=at)
        table = url_for("tables.table", repo="shop", name=f"w:{table_of(key)}", at=at)

        assert feature_url("shop", key, at=at) == feature
        assert lineage_url("shop", key, up=up, at=at) == lineage
        assert table_url("shop", f"table:w:{key}", at=at) == table


@given(name=st.text(st.characters(exclude_categories=("Cs",))) | st.sampled_from(("a//b", "..", "a\nb\n")))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_address_of_a_feature_leads_to_it_whatever_it_is_called(app: Flask, name: str):
    with app.test_request_context("/"):
        path = unquote(feature_url("shop", f"m:{name}"))

    assert app.url_map.bind("localhost").match(path) == (
        "features.feature",
        {"repo": "shop", "key": f"m:{name}"},
    )
