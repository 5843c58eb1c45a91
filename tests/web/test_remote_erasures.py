"""Erasures by the command line, of a catalog that is served elsewhere."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest
from click.testing import CliRunner, Result

from headwater_catalog.cli import command_line
from headwater_catalog.client import Client, Erasure, ErasureItem
from headwater_catalog.dsse import new_key
from headwater_catalog.errors import Conflict
from headwater_web.app import create_app
from support.empty_catalog import empty_catalog
from support.erasing import write_people
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog
from support.served import served
from support.worker_process import Workers

pytestmark = pytest.mark.runs


@dataclass(frozen=True)
class Shop:
    """A catalog with personal data that is served, with a worker."""

    catalog: Catalog
    url: str

    def there(self, *arguments: str) -> Result:
        return CliRunner().invoke(command_line(), ("erasure", *arguments), env={"HEADWATER_REMOTE": self.url})

    def told(self, *arguments: str) -> Any:
        done = self.there(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("erasures")
    url = f"sqlite:///{folder / 'headwater.db'}"
    empty_catalog(url).dispose()
    repo = GitRepo(folder / "repo")
    write_people(repo)
    catalog = make_catalog(url, repo, folder / "home")
    catalog.settings.keep_manifest_key(new_key())
    assert catalog.run("domain", "bucket", save="csv").job.state == "succeeded"
    workers = Workers(catalog.settings)
    with served(create_app(catalog.settings, catalog.database)) as url:
        workers.start()
        yield Shop(catalog, url)
        workers.end()
    catalog.database.dispose()


def test_an_erasure_is_asked_for_erased_and_closed_where_it_is_served(shop: Shop):
    assert shop.told("request", "shop:email", "--reference", "DSR-1")["state"] == "planned"
    for asked in (
        *(("list",), ("list", "--json"), ("show", "1"), ("show", "1", "--json")),
        *(("show", "1", "--kind", "dataset", "--json"), ("show", "1", "--kind", "sink"), ("record", "1")),
    ):
        here, there = shop.catalog.headwater("erasure", *asked), shop.there(*asked)
        assert (there.stdout, there.stderr, there.exit_code) == (here.stdout, here.stderr, 0), asked

    assert "Abort" in shop.there("erase", "1").stderr
    assert shop.told("erase", "1", "--yes", "--also", "unknown", "--also", "anonymised")["state"] == "erased"
    assert shop.told("mark", "1", "--kind", "file", "--as", "kept", "--note", "by law") == {"marked": 1}
    assert shop.told("close", "1")["closed_at"]
    assert shop.told("record", "1")["is_final"]
    assert shop.told("record", "1", "--signed")["signatures"]


def test_the_client_asks_for_erasures_and_gives_them_up(shop: Shop):
    catalog = Client(shop.url, page=2)
    number = catalog.request_erasure("shop", ["spend"], "DSR-2")["erasure"]
    told = shop.told("withdraw", str(number))

    assert told["state"] == "withdrawn"
    assert told.keys() == get_type_hints(Erasure).keys()
    assert next(each["erasure"] for each in catalog.erasures(repo="shop")) == number
    asked = shop.told("request", "shop:spend", "--reference", "DSR-3")["erasure"]
    items = list(catalog.erasure_items(asked))
    assert len(items) > 2
    assert items[0].keys() == get_type_hints(ErasureItem).keys()
    with pytest.raises(Conflict, match="still open"):
        catalog.close_erasure(asked)


def test_what_cannot_be_is_told_as_it_is_here(shop: Shop):
    for asked in (
        ("request", "shop:emial", "--reference", "DSR-1"),
        ("request", "shop:email", "--reference", "a@b.example"),
        ("show", "900"),
        ("record", "900"),
    ):
        here, there = shop.catalog.headwater("erasure", *asked), shop.there(*asked)
        assert (there.stderr, there.exit_code) == (here.stderr, here.exit_code), asked
    assert "cannot be asked of the catalog" in shop.there("plan", "shop:email").stderr
