"""Erasure: what holds something made from a column, exactly as the code of then says, and the erasing of it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from headwater_catalog import jobs
from headwater_catalog.audit import audit_file
from headwater_catalog.cli import command_line
from headwater_catalog.datasets import file_of
from headwater_catalog.dsse import new_key, public_key_of, verify
from headwater_catalog.erasure.acts import erase_item
from headwater_catalog.erasure.erasing import _erase_open
from headwater_catalog.erasure.looks import reach_for
from headwater_catalog.erasure.removing import NotRemoved, remove_kept
from headwater_catalog.erasure.requests import (
    Chosen,
    begin_erasure,
    close_erasure,
    mark_items,
    request_erasure,
    withdraw_erasure,
)
from headwater_catalog.erasure_records import PAYLOAD_TYPE, record_of, signed_record
from headwater_catalog.errors import Conflict, NotFound
from headwater_catalog.kept_inputs import input_file
from headwater_catalog.relays import Relay
from headwater_catalog.repositories import add_repository, get_repository, remove_repository, resolve_at
from headwater_catalog.reproduce import request_reproduction
from headwater_catalog.run_options import RunOptions
from headwater_catalog.runs import request_run
from headwater_catalog.scan import scan
from headwater_catalog.store.models import DatasetVersion, ErasureItem, KeptInput, KeptValue, Run
from headwater_catalog.uploads import Upload
from headwater_catalog.worker import Worker
from support.empty_catalog import empty_catalog
from support.erasing import BY, CSV, PEOPLE, PROJECT, Erasing, write_people
from support.git_repo import GitRepo
from support.run_catalog import Catalog, copied_catalog, make_catalog

pytestmark = pytest.mark.runs

CIRCLE = """
from headwater import tag

@tag(pii="barrier")
def hidden(lower: str) -> str:
    return lower

def back(again: int, hidden: str) -> int:
    return again
"""


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> GitRepo:
    """Give the repository, which nobody changes."""
    repo = GitRepo(tmp_path_factory.mktemp("people") / "repository")
    write_people(repo)
    return repo


@pytest.fixture(scope="module")
def made(people: GitRepo, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Give the catalog on SQLite, which nobody changes."""
    folder = tmp_path_factory.mktemp("made")
    url = f"sqlite:///{folder / 'headwater.db'}"
    empty_catalog(url).dispose()
    return _with_a_run(make_catalog(url, people, folder / "home"))


@pytest.fixture
def git_repo(people: GitRepo, tmp_path: Path) -> GitRepo:
    return people.copied(tmp_path / "repository")


@pytest.fixture
def shop(
    request: pytest.FixtureRequest, catalog_url: str, git_repo: GitRepo, tmp_path: Path
) -> Iterator[Erasing]:
    """Give a catalog with a run that saved a dataset of personal columns, with profiles."""
    if catalog_url.startswith("sqlite:"):
        catalog = copied_catalog(request.getfixturevalue("made"), git_repo, tmp_path)
    else:
        catalog = _with_a_run(make_catalog(catalog_url, git_repo, tmp_path / "home"))
    yield Erasing(catalog)
    catalog.database.dispose()


def _with_a_run(catalog: Catalog) -> Catalog:
    run = catalog.run("domain", "bucket", "hashed", "doubled", save="csv", options=RunOptions(profile=True))
    assert (run.job.state, run.job.error) == ("succeeded", None)
    return catalog


def _all(shop: Erasing, model: type) -> list:
    with shop.database.read() as session:
        return session.query(model).all()


def _count(shop: Erasing, model: type) -> int:
    return len(_all(shop, model))


def test_a_plan_tells_what_is_derived_from_what_is_held_back(shop):
    told = shop.told("email")

    assert told["dataset"] == {("people@1", "derived")}
    assert told["value"] == {
        ("lower of run 1", "derived"),
        ("bucket of run 1", "anonymised"),
        ("hashed of run 1", "anonymised"),
    }
    assert told["feature"] >= {
        ("features.people:of_bucket", "anonymised"),
        ("features.people:domain", "derived"),
    }
    assert "features.people:doubled" not in {name for name, _ in told["feature"]}
    assert told["preview"] == {("run 1", "derived")}
    assert told["profiles"] == {("run 1", "derived")}
    assert told["log"] == {("run 1", "unknown")}
    assert told["file"] == {("data/people.csv", "derived")}
    dataset = shop.item("dataset", "email")
    assert dataset.columns == ("domain",)
    held = {i.name: i.standing.because for i in shop.plan("email").items if i.standing.word == "anonymised"}
    assert held["features.people:bucket"] == "held back by the barrier features.people:bucket"
    assert held["features.people:of_bucket"] == "held back by the barrier features.people:bucket"
    assert "hashed" in held["features.people:hashed"]


def test_a_barrier_whose_day_is_over_holds_nothing_back(shop):
    assert ("bucket of run 1", "derived") in shop.told("email", day="2031-01-01")["value"]


def test_the_index_of_a_source_comes_along_with_all_that_is_read_from_it(shop):
    told = shop.told("id")

    assert ("doubled of run 1", "derived") in told["value"]
    assert shop.item("dataset", "id").columns[0] == "id"


def test_what_was_made_counts_by_the_code_of_its_own_commit(shop, git_repo):
    """Main reads another column now: what is there from before still holds the first."""
    write_people(
        git_repo, PEOPLE.replace("def lower(email", "def lower(login").replace("email.str", "login.str")
    )
    scan(shop.database, shop.catalog.settings, "shop")

    assert shop.told("email")["dataset"] == {("people@1", "derived")}
    assert shop.told("login").keys() == {"feature", "file"}


def test_a_feature_counts_by_what_it_was_called_before(shop, git_repo):
    write_people(
        git_repo,
        PEOPLE.replace("def lower(", "def small(")
        .replace("(lower: pd", "(small: pd")
        .replace("lower.", "small.")
        .replace("email.str.small", "email.str.lower")
        .replace("list(lower)", "list(small)"),
    )
    scan(shop.database, shop.catalog.settings, "shop")

    assert shop.plan("features.people:small").counts_as["shop"]["keys"] == [
        "features.people:lower",
        "features.people:small",
    ]
    assert ("lower of run 1", "derived") in shop.told("features.people:small")["value"]


def test_values_of_which_nobody_noted_the_node_are_unknown(shop):
    with shop.database.write() as session:
        for value in session.query(KeptValue).all():
            value.node = None

    assert {standing for _, standing in shop.told("email")["value"]} == {"unknown"}
    assert "value" not in shop.told("features.people:of_bucket")


def test_what_runs_of_a_relay_have_handed_on_goes_too(shop):
    options = RunOptions(relay=Relay("monday", hand_on=True))
    run = shop.catalog.run("domain", "bucket", "total", dataflow="people", options=options)
    relays = shop.catalog.settings.home / "relays"
    told = shop.told("email")["handed"]
    erased = shop.erase(shop.request("email"))

    assert told == {(f"domain of run {run.id}", "derived"), (f"bucket of run {run.id}", "anonymised")}
    assert erased.state == "erased", erased.state
    assert sorted(path.name.partition(".")[0] for path in relays.rglob("*.value")) == ["bucket", "total"]
    assert sorted(path.name for path in relays.rglob("*.json")) == ["bucket.json", "total.json"]


def test_files_that_were_given_are_in_the_plan_and_those_nobody_has_read_are_unknown(shop, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text(CSV + "3,Eve@three.example,1\n")
    shop.catalog.run("domain", inputs={"people": mine})
    shop.catalog.send(b"a,b\n1,2\n", "other.csv")

    told = shop.told("email")["input"]

    assert ("mine.csv", "derived") in told
    assert sorted(standing for _, standing in told) == ["derived", "unknown"]


def test_features_of_other_repositories_count_where_they_draw_from_it(shop, tmp_path, git_repo):
    other = GitRepo(tmp_path / "export")
    other.write("m.py", "def mails(domain: str) -> str:\n    return domain\n")
    declared = '[dataflows.flow.sources]\ndomain = { feature = "shop:features.people:domain" }\n'
    other.write("headwater.toml", f'[dataflows.flow]\nmodules = ["m"]\n{declared}')
    other.commit("Draw")
    with shop.database.write() as session:
        add_repository(session, "export", str(other.path), 0)
    scan(shop.database, shop.catalog.settings, "export")

    assert ("m:mails", "derived") in shop.told("email")["feature"]
    assert shop.plan("email").counts_as["export"]["inputs"] == ["domain"]
    assert "m:mails" not in {name for name, _ in shop.told("spend")["feature"]}


def test_barriers_of_repositories_that_draw_from_each_other_are_told_once(shop, tmp_path, git_repo):
    """What holds something back goes round as it is, and not longer with each round."""
    given = 'x = { feature = "export:m:back" }\n'
    git_repo.write("pyproject.toml", PROJECT.replace('index = "id" }\n', 'index = "id" }\n' + given))
    git_repo.write(
        "features/people.py", PEOPLE + "\n\ndef again(bucket: int, x: int) -> int:\n    return x\n"
    )
    git_repo.commit("Draw")
    other = GitRepo(tmp_path / "export")
    other.write("m.py", CIRCLE)
    drawn = [f'{name} = {{ feature = "shop:features.people:{name}" }}\n' for name in ("lower", "again")]
    sources = "[dataflows.flow.sources]\n" + "".join(drawn)
    other.write("headwater.toml", f'[dataflows.flow]\nmodules = ["m"]\n{sources}')
    other.commit("Draw back")
    with shop.database.write() as session:
        add_repository(session, "export", str(other.path), 0)
    for name in ("shop", "export"):
        scan(shop.database, shop.catalog.settings, name)

    held = {item.name: item.standing.because for item in shop.plan("email").items if item.kind == "feature"}

    both = "held back by the barrier features.people:bucket, the barrier m:hidden"
    assert held["features.people:again"] == held["m:back"] == both
    assert held["m:hidden"] == "held back by the barrier m:hidden"


def test_a_repository_of_which_something_cannot_be_looked_at_is_part_of_the_plan(shop, tmp_path):
    """Its runs are unknown, as those of the column's own repository are, and who may not see it reads nothing."""
    other = GitRepo(tmp_path / "export")
    other.write("m.py", "def twice(total: float) -> float:\n    return 2 * total\n")
    declared = '[dataflows.flow.sources]\ntotal = { feature = "shop:features.people:total" }\n'
    other.write("headwater.toml", f'[dataflows.flow]\nmodules = ["m"]\n{declared}')
    other.commit("Draw")
    with shop.database.write() as session:
        add_repository(session, "export", str(other.path), 0)
    scan(shop.database, shop.catalog.settings, "export")
    assert "export" not in shop.plan("email").counts_as
    with shop.database.write() as session:
        place = get_repository(session, "export")
        commit = resolve_at(session, shop.catalog.settings, place, None)
        given = shop.catalog.settings, place, commit, None, ("twice",), {}, {"total": 2.0}, None, "ada", 0
        run = request_run(session, *given)
        run.dataflow = "gone"
        number = run.id

    plan = shop.plan("email")

    assert plan.unknown[0].startswith(f"Run {number} of 'export': its code cannot be looked at")
    assert "export" in plan.counts_as
    assert run.job_id in plan.under_way


def test_a_column_that_never_was_is_refused_with_the_nearest(shop):
    with pytest.raises(NotFound, match=r"never had an input or a feature 'emial'.*email"):
        shop.plan("emial")
    with pytest.raises(NotFound, match="never had a feature"):
        shop.plan("features.people:nothing")
    for odd in ("a\0b", "\ud800", "x" * 1000, "../..", "input:"):
        with pytest.raises(NotFound):
            shop.plan(odd)


def test_names_may_be_of_any_characters(shop, git_repo):
    odd = """
@parameterize(**{"<b>'; drop -- \u00e9": {"it": source("email")}, "a:b": {"it": source("spend")}})
def odd(it: pd.Series) -> pd.Series:
    return it
"""
    code = PEOPLE.replace("external_input, tag", "external_input, parameterize, source, tag") + odd
    write_people(git_repo, code)
    scan(shop.database, shop.catalog.settings, "shop")

    assert ("features.people:<b>'; drop -- \u00e9", "derived") in shop.told("email")["feature"]
    assert ("features.people:<b>'; drop -- \u00e9", "derived") in shop.told("<b>'; drop -- \u00e9")["feature"]


def test_erasing_takes_what_is_derived_and_leaves_a_trace_of_nothing(shop):
    number = shop.request("email")
    settings = shop.catalog.settings
    with shop.database.read() as session:
        version = session.get_one(DatasetVersion, 1)
        file, sha256 = file_of(settings, version), version.sha256
        preview = session.get_one(Run, 1).preview
    copy = file.parent.parent / "copy.csv"
    copy.write_bytes(file.read_bytes())

    erasure = shop.erase(number)

    assert erasure.state == "erased"
    states = {(i.kind, i.name): i.state for i in shop.items(number) if i.standing == "derived"}
    assert (
        states["dataset", "people@1"] == states["preview", "run 1"] == states["profiles", "run 1"] == "done"
    )
    assert states["file", "data/people.csv"] == "open"
    assert not file.exists()
    assert not file.with_name(file.name + ".headwater.json").exists()
    assert not list((settings.home / "values").rglob("*.value")) or _count(shop, KeptValue) == 3
    with shop.database.read() as session:
        run = session.get_one(Run, 1)
        told = json.dumps([run.preview, [node.profile for node in run.nodes if node.name == "domain"]])
        assert "one.example" not in told and run.preview["table"] is None
        whole = json.dumps(preview, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert run.preview["sha256"] == hashlib.sha256(whole.encode()).hexdigest()
        assert session.get_one(DatasetVersion, 1).sha256 == sha256
        audit = audit_file(session, settings, copy)
        assert audit.erased is not None and "erasure 1 (DSR-17)" in str(audit.erased)
    with (
        shop.database.write() as session,
        pytest.raises(Conflict, match=r"its file was erased on .* by erasure 1"),
    ):
        request_reproduction(session, settings, session.get_one(DatasetVersion, 1), "ada", 0)
    kinds = shop.events()
    assert kinds.index("erasure begun") < kinds.index("erasure acted") < kinds.index("erasure done")


def test_what_is_anonymised_or_unknown_goes_only_when_somebody_says_so(shop):
    number = shop.request("email")
    shop.erase(number)
    assert {i.state for i in shop.items(number, kind="value", standing="anonymised")} == {"open"}
    with shop.database.read() as session:
        assert "Ada" in session.get_one(Run, 1).log or "ada" in session.get_one(Run, 1).log

    shop.erase(number, "anonymised", "unknown")

    assert {i.state for i in shop.items(number) if i.kind in ("value", "log")} == {"done"}
    with shop.database.read() as session:
        assert "ada" not in session.get_one(Run, 1).log


def test_erasing_goes_on_where_a_worker_was_killed(shop):
    number = shop.request("email")
    job = shop.begin(number)
    settings = shop.catalog.settings
    with shop.database.write() as session:  # killed after a file went, and before that was noted
        item = next(i for i in session.query(ErasureItem).all() if i.kind == "dataset")
        erase_item(session, settings, item)
        session.rollback()
    leased = jobs.lease(shop.database, "gone", 0, job_id=job)
    assert leased is not None
    with shop.database.write() as session:
        jobs.lose(session, leased, "killed")
    assert shop.get(number).state == "erasing"

    Worker(shop.database, settings).perform_next(job)

    assert shop.get(number).state == "erased"
    assert {i.state for i in shop.items(number, kind="dataset")} == {"done"}
    with shop.database.read() as session:
        assert [each.outcome for each in jobs.attempts_of(session, [job])[job]] == ["lost", "succeeded"]


def test_what_a_lost_worker_does_afterwards_is_refused(shop):
    number = shop.request("email")
    leased = jobs.lease(shop.database, "slow", 60, job_id=shop.begin(number))
    assert leased is not None
    with shop.database.write() as session:
        jobs.lose(session, leased, "lost")

    with pytest.raises(jobs.LeaseLost):
        _erase_open(shop.database, shop.catalog.settings, leased, number, lambda: None)

    assert {i.state for i in shop.items(number, kind="dataset")} == {"open"}


def test_a_run_that_is_under_way_is_waited_for_and_what_it_leaves_goes_too(shop):
    number = shop.request("email")
    _, waiting = shop.catalog.request("domain", options=RunOptions(use_kept=False))
    job = shop.begin(number)
    worker = Worker(shop.database, shop.catalog.settings)
    assert worker.perform_next(job)
    assert shop.get(number).state == "erasing"
    following = shop.get(number).job_id
    assert not worker.perform_next(following)  # it waits for the run

    assert worker.perform_next(waiting)
    assert worker.perform_next(following)

    assert shop.get(number).state == "erased"
    assert ("run 2", "done") in {(i.name, i.state) for i in shop.items(number, kind="preview")}
    assert "erasure waits" in shop.events()


@pytest.mark.runs(databases=True)
def test_a_value_that_is_taken_over_just_then_goes_too(shop):
    """Whoever takes over the file of a value holds its row meanwhile, and is waited for."""
    shop.request("email")
    item = next(each for each in shop.items(1, kind="value") if each.standing == "derived")
    file = shop.catalog.settings.home / item.place
    content = file.read_bytes()
    file.unlink()

    def erase() -> None:
        with shop.database.write() as session:
            erase_item(session, shop.catalog.settings, session.get_one(ErasureItem, item.id))

    erasing = threading.Thread(target=erase)
    with shop.database.write() as session:
        session.scalars(select(KeptValue).where(KeptValue.key == item.target).with_for_update()).one()
        erasing.start()
        erasing.join(1)
        file.write_bytes(content)
    erasing.join()

    assert not file.exists()
    assert item.target not in {each.key for each in _all(shop, KeptValue)}


def test_a_run_that_is_asked_for_later_is_told_and_no_part_of_it(shop):
    number = shop.request("email")
    shop.erase(number)

    told = {run: shop.catalog.request(run)[0] for run in ("domain", "doubled")}

    with shop.database.read() as session:
        assert session.get_one(Run, told["domain"]).job.payload["erasures"] == [number]
        assert "erasures" not in session.get_one(Run, told["doubled"]).job.payload


def test_a_run_is_held_against_columns_once_however_many_erasures_are_about_them(shop, monkeypatch):
    numbers = [shop.request("email") for _ in range(3)]
    for number in numbers:
        shop.erase(number)
    asked = []
    monkeypatch.setattr(
        "headwater_catalog.erasure.told.reach_for", lambda *given: asked.append(given) or reach_for(*given)
    )

    run, _ = shop.catalog.request("domain")

    assert len(asked) == 1
    with shop.database.read() as session:
        assert session.get_one(Run, run).job.payload["erasures"] == numbers


def test_a_file_that_was_erased_is_not_taken_again(shop, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text(CSV + "3,Eve@three.example,1\n")
    shop.catalog.run("domain", inputs={"people": mine})
    sha256 = hashlib.sha256(mine.read_bytes()).hexdigest()
    shop.erase(shop.request("email"))
    assert not input_file(shop.catalog.settings, sha256).exists()
    assert sha256 not in {row.target for row in shop.items(1) if row.state == "open"}

    shop.catalog.send(mine.read_bytes())
    with pytest.raises(Conflict, match=r"was erased on .* by erasure 1 .DSR-17."):
        shop.catalog.request("domain", inputs={"people": Upload(sha256, "mine.csv")})


def test_a_file_that_another_repository_keeps_stays_and_that_is_told(shop, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text(CSV)
    shop.catalog.run("domain", inputs={"people": mine})
    sha256 = hashlib.sha256(mine.read_bytes()).hexdigest()
    with shop.database.write() as session:
        add_repository(session, "other", str(tmp_path), 0)
        other = get_repository(session, "other").id
        session.add(KeptInput(repository_id=other, sha256=sha256, needed_for=1, used_at=0))
    number = shop.request("email")

    shop.erase(number)

    [item] = shop.items(number, kind="input")
    assert (item.state, "Another repository" in item.note) == ("impossible", True)
    assert input_file(shop.catalog.settings, sha256).exists()


def test_values_that_were_given_are_erased_from_runs_and_stamps(shop, git_repo):
    git_repo.write(
        "features/people.py",
        PEOPLE.replace(
            "def total",
            "def greeted(nick: str, spend: pd.Series) -> pd.Series:\n    return spend.map(lambda s: nick)\n\n\ndef total",
        ),
    )
    git_repo.commit("Greet")
    scan(shop.database, shop.catalog.settings, "shop")
    done = shop.catalog.run("greeted", inputs={"nick": "Ada Lovelace"}, save="csv", dataset="greetings")
    assert done.job.state == "succeeded", done.job.error

    shop.erase(shop.request("nick"))

    with shop.database.read() as session:
        version = session.get_one(DatasetVersion, 2)
        kept = json.dumps([version.run.inputs, version.stamp, version.run.preview])
    assert "Lovelace" not in kept


def test_only_files_of_the_home_are_removed_and_no_link_is_followed(tmp_path):
    home, away = tmp_path / "home", tmp_path / "away"
    (home / "datasets" / "shop").mkdir(parents=True)
    away.mkdir()
    for name in ("a.csv", "b.csv"):
        (away / name).write_text("theirs")
    (home / "datasets" / "link").symlink_to(away)
    (home / "datasets" / "shop" / "a.csv").symlink_to(away / "a.csv")
    (home / "datasets" / "shop" / "c.csv").hardlink_to(away / "b.csv")

    for place in ("datasets/link/a.csv", "datasets/shop/a.csv", "datasets/../../away/a.csv", "/etc/passwd"):
        with pytest.raises(NotRemoved):
            remove_kept(home, place)
    with pytest.raises(NotRemoved):
        remove_kept(home, "headwater.db")
    assert remove_kept(home, "datasets/shop/c.csv")  # the same bytes are elsewhere
    assert not remove_kept(home, "datasets/shop/gone.csv")
    assert sorted(each.read_text() for each in away.iterdir()) == ["theirs", "theirs"]


def test_what_is_elsewhere_is_marked_by_hand_and_the_record_tells_all(shop):
    number = shop.request("email")
    shop.erase(number, "anonymised", "unknown")
    with shop.database.write() as session, pytest.raises(Conflict, match="still open"):
        close_erasure(session, number, BY, 5)
    with shop.database.write() as session, pytest.raises(Conflict, match="Say why"):
        mark_items(session, number, Chosen(kind="file"), "kept", " ", BY, 5)
    with shop.database.write() as session, pytest.raises(NotFound):
        mark_items(session, number, Chosen(kind="dataset"), "done", "by hand", BY, 5)
    with shop.database.write() as session:
        assert mark_items(session, number, Chosen(kind="file"), "kept", "needed until 2027", BY, 5) == 1
    with shop.database.write() as session:
        close_erasure(session, number, BY, 6)
    with shop.database.write() as session, pytest.raises(Conflict):
        mark_items(session, number, Chosen(kind="file"), "done", "gone", BY, 7)

    shop.catalog.settings.keep_manifest_key(key := new_key())
    with shop.database.read() as session:
        told = record_of(session, number)
        signed = signed_record(session, shop.catalog.settings, number)

    assert verify(signed, PAYLOAD_TYPE, public_key_of(key)) == told
    assert told["is_final"] and told["reference"] == "DSR-17"
    [kept] = [item for item in told["items"] if item["kind"] == "file"]
    assert (kept["state"], kept["note"], kept["settled_by"]) == ("kept", "needed until 2027", "ada")
    kinds = [event["kind"] for event in told["events"]]
    assert kinds[0] == "erasure requested" and kinds[-1] == "erasure closed"
    assert not any(name in json.dumps(told) for name in ("one.example", "Ada@"))


def test_a_record_has_no_events_of_an_erasure_that_went_with_its_repository(shop, git_repo):
    shop.request("email")
    with shop.database.write() as session:
        remove_repository(session, shop.catalog.settings, get_repository(session, "shop"))
    with shop.database.write() as session:
        add_repository(session, "shop", str(git_repo.path), 0)
    scan(shop.database, shop.catalog.settings, "shop")
    number = shop.request("spend")
    with shop.database.read() as session:
        told = record_of(session, number)

    assert [event["kind"] for event in told["events"]] == ["erasure requested", "erasure planned"]
    assert told["events"][0]["details"]["columns"] == ["spend"]


def test_references_that_tell_of_a_person_are_refused_and_plans_can_be_given_up(shop):
    for bad in ("", "ada@one.example", "x" * 200, "Ada Lovelace"):
        with shop.database.write() as session, pytest.raises(Conflict, match="no reference"):
            place = get_repository(session, "shop")
            request_erasure(session, shop.catalog.settings, place, ["email"], bad, BY, 0)
    number = shop.request("email")
    with shop.database.write() as session:
        withdraw_erasure(session, number, BY, 1)
    with shop.database.write() as session, pytest.raises(Conflict, match="withdrawn"):
        begin_erasure(session, number, (), BY, 2)
    assert shop.items(number) == []


def test_a_second_erasure_finds_what_the_first_left_and_nothing_twice(shop):
    shop.erase(shop.request("email"), "anonymised", "unknown")

    left = {kind for kind in shop.told("email") if kind != "feature"}

    assert left == {"file"}
    assert ("run 1", "derived") in shop.told("spend")["profiles"]


def test_a_list_that_leaves_something_out_says_so(shop):
    """Nobody reads of a kind that is not there, or that is misspelt, that nothing holds anything."""
    headwater = shop.catalog.headwater
    assert (
        "Nothing of that is in the plan."
        in headwater("erasure", "plan", "shop:email", "--kind", "sink").stderr
    )
    for command in (("plan", "shop:email", "--kind"), ("show", "1", "--state"), ("mark", "1", "--standing")):
        refused = headwater("erasure", *command, "datset")
        assert refused.exit_code == 2
        assert "is not one of" in refused.stderr


def test_the_commands_tell_the_story(shop):
    headwater = shop.catalog.headwater
    planned = json.loads(headwater("erasure", "plan", "shop:email", "--json").output)
    assert {item["kind"] for item in planned["items"]} >= {"dataset", "value", "preview", "file"}
    assert headwater("erasure", "plan", "email").exit_code == 3
    asked = headwater("erasure", "request", "shop:email", "--reference", "DSR-1", "--json")
    assert json.loads(asked.output)["state"] == "planned"
    assert "DSR-1" in headwater("erasure", "list").output
    assert headwater("erasure", "erase", "1", "--yes", "--also", "no").exit_code == 2
    told = headwater("erasure", "erase", "1", "--yes", "--also", "unknown", "--also", "anonymised", "--json")
    assert json.loads(told.output)["state"] == "erased"
    assert headwater("erasure", "mark", "1", "--as", "done").exit_code == 2
    marked = headwater("erasure", "mark", "1", "--kind", "file", "--as", "kept", "--note", "by law", "--json")
    assert json.loads(marked.output) == {"marked": 1}
    assert "closed" in headwater("erasure", "close", "1").output
    assert json.loads(headwater("erasure", "record", "1").output)["is_final"]
    assert "by law" in headwater("erasure", "show", "1", "--json").output
    assert CliRunner().invoke(command_line(), ["erasure", "--help"]).exit_code == 0
