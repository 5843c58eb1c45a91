"""Manifests: what a run was made from, signed, and verified with nothing but files."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headwater_catalog import dsse
from headwater_catalog.datasets import file_of
from headwater_catalog.errors import CatalogError, Conflict, NotFound, SettingError
from headwater_catalog.manifests import PAYLOAD_TYPE, signed_manifest
from headwater_catalog.run_options import RunOptions
from headwater_catalog.settings import load_settings
from headwater_catalog.store.models import Run
from support.git_repo import GitRepo
from support.run_catalog import Catalog, make_catalog, make_repository

pytestmark = pytest.mark.runs


@pytest.fixture
def catalog(catalog_url: str, git_repo: GitRepo, tmp_path: Path) -> Iterator[Catalog]:
    make_repository(git_repo)
    made = make_catalog(catalog_url, git_repo, tmp_path / "home")
    made.settings.keep_manifest_key(dsse.new_key())
    yield made
    made.database.dispose()


@pytest.fixture
def saved(catalog: Catalog) -> Run:
    return catalog.run("spend_per_signup", "holiday_count", save="csv", inputs={})


def signed(catalog: Catalog, run: Run) -> dict:
    with catalog.database.read() as session:
        return signed_manifest(session, catalog.settings, run.id)


def public(catalog: Catalog) -> str:
    return dsse.public_key_of(catalog.settings.manifest_signing_key() or "")


def statement(catalog: Catalog, run: Run) -> dict:
    return dsse.verify(signed(catalog, run), PAYLOAD_TYPE, public(catalog))


@pytest.mark.runs(databases=True)
def test_a_manifest_tells_all_that_the_run_was_made_from(catalog: Catalog, saved: Run, git_repo: GitRepo):
    told = statement(catalog, saved)
    build = told["predicate"]["buildDefinition"]
    found = {each["name"]: each for each in build["resolvedDependencies"]}
    source = git_repo.git("show", "HEAD:data/weekly.csv") + "\n"

    assert (told["_type"], told["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    assert build["externalParameters"]["config"] == {"region": "UK"}
    assert found["shop"]["digest"] == {"gitCommit": git_repo.git("rev-parse", "HEAD")}
    assert found["input/weekly"]["digest"] == {"sha256": hashlib.sha256(source.encode()).hexdigest()}
    spend = found["definition/features.spend:spend_per_signup"]
    assert spend["annotations"]["path"] == "features/spend.py"
    assert git_repo.git("show", "HEAD:features/spend.py").splitlines()[spend["annotations"]["line"] - 1] == (
        '@check_output(range=(0, 5), importance="warn")'
    )
    assert "definition/features.spend:scaled" not in found
    checks = told["predicate"]["runDetails"]["byproducts"][0]["annotations"]["checks"]
    assert [check["passed"] for check in checks] == [False]
    assert told["predicate"]["buildDefinition"]["internalParameters"]["environment"]["python"]


def test_the_file_of_a_run_is_a_subject_by_its_bytes(catalog: Catalog, saved: Run):
    version = catalog.version(saved)
    assert version is not None
    bytes_ = file_of(catalog.settings, version).read_bytes()
    subjects = {each["name"]: each["digest"]["sha256"] for each in statement(catalog, saved)["subject"]}

    assert subjects["dataset/marketing.csv"] == hashlib.sha256(bytes_).hexdigest()


def test_a_run_without_a_file_has_a_manifest_that_stays_the_same(catalog: Catalog):
    run = catalog.run("holiday_count")

    assert signed(catalog, run) == signed(catalog, run)
    assert [each["name"] for each in statement(catalog, run)["subject"]] == [f"run/{run.id}/preview"]


def test_a_manifest_says_of_how_much_and_how_it_was_made(catalog: Catalog):
    run = catalog.run("scaled", options=RunOptions(sample=1, executor="threads"))
    told = statement(catalog, run)["predicate"]["buildDefinition"]["externalParameters"]

    assert (told["sample"], told["executor"], told["env"], told["saver"]) == (1, "threads", None, None)


def test_only_a_run_that_succeeded_has_a_manifest(catalog: Catalog):
    failed = catalog.run("broken", dataflow="traps", inputs={"x": 1})

    with pytest.raises(Conflict, match="is failed"):
        signed(catalog, failed)
    with catalog.database.read() as session, pytest.raises(NotFound):
        signed_manifest(session, catalog.settings, 99)


def test_without_a_key_it_is_told_how_to_make_one(catalog: Catalog, tmp_path: Path):
    run = catalog.run("holiday_count")
    elsewhere = replace(catalog.settings, home=tmp_path / "other")
    with catalog.database.read() as session, pytest.raises(Conflict, match="headwater manifest key"):
        signed_manifest(session, elsewhere, run.id)


def _other(payload: str) -> str:
    body = base64.b64decode(payload).replace(b"holiday_count", b"holiday_cOunt")
    return base64.b64encode(body).decode()


def test_a_changed_manifest_is_refused(catalog: Catalog, saved: Run):
    good, key = signed(catalog, saved), public(catalog)
    (signature,) = good["signatures"]
    for bad in (
        {**good, "payload": _other(good["payload"])},
        {**good, "signatures": []},
        {**good, "signatures": [{**signature, "sig": base64.b64encode(bytes(64)).decode()}]},
    ):
        with pytest.raises(dsse.InvalidSignature):
            dsse.verify(bad, PAYLOAD_TYPE, key)
    with pytest.raises(dsse.InvalidSignature):
        dsse.verify(good, PAYLOAD_TYPE, dsse.public_key_of(dsse.new_key()))
    other = dsse.sign({"_type": "x"}, "text/plain", catalog.settings.manifest_signing_key() or "")
    with pytest.raises(CatalogError, match="text/plain"):
        dsse.verify(other, PAYLOAD_TYPE, key)
    with pytest.raises(dsse.InvalidSignature):  # the type is signed, too
        dsse.verify({**other, "payloadType": PAYLOAD_TYPE}, PAYLOAD_TYPE, key)


@pytest.mark.parametrize(
    "bad", [None, [], {}, {"payload": 3}, {"payload": "?", "payloadType": "", "signatures": []}]
)
def test_what_is_no_envelope_is_refused(bad):
    with pytest.raises(CatalogError, match="no signed envelope"):
        dsse.verify(bad, PAYLOAD_TYPE, dsse.public_key_of(dsse.new_key()))


def test_a_signature_is_over_what_the_format_says():
    """The example of the specification: DSSEv1, the lengths in digits, separated by single spaces."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = dsse.new_key()
    envelope = dsse.sign({"a": 1}, "http://example.com/HelloWorld", private)
    signed_bytes = b'DSSEv1 29 http://example.com/HelloWorld 8 {"a": 1}'
    key = load_pem_private_key(private.encode(), None).public_key()
    key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed_bytes)


@pytest.fixture
def headwater(catalog: Catalog) -> Callable[..., tuple[int, str]]:
    def call(*words: str, **more: str) -> tuple[int, str]:
        done = catalog.headwater(*words, **more)
        return done.exit_code, done.output

    return call


def test_the_commands_sign_and_verify_offline(catalog: Catalog, saved: Run, headwater, tmp_path: Path):
    key, file, data = (tmp_path / name for name in ("key.pem", "manifest.json", "data.csv"))
    key.write_text(headwater("manifest", "key")[1])
    file.write_text(headwater("manifest", "sign", str(saved.id))[1])
    version = catalog.version(saved)
    assert version is not None
    data.write_bytes(file_of(catalog.settings, version).read_bytes())
    nowhere = {"HEADWATER_HOME": str(tmp_path / "nowhere"), "HEADWATER_DATABASE_URL": ""}
    words = ("manifest", "verify", str(file), "--key", str(key))

    code, told = headwater(*words, "--data", str(data), **nowhere)
    assert (code, "dataset/marketing.csv" in told) == (0, True), told
    assert json.loads(headwater(*words, "--json", **nowhere)[1])["ok"] is True
    data.write_bytes(data.read_bytes() + b"\n")
    code, told = headwater(*words, "--data", str(data), **nowhere)
    assert (code, "none of the files" in told) == (1, True)
    file.write_text(json.dumps({**json.loads(file.read_text()), "payload": "e30="}))
    assert headwater(*words, **nowhere)[0] == 1
    for wrong in ("{", "{}", "[" * 100_000):
        file.write_text(wrong)
        assert headwater(*words, **nowhere)[0] == 3
    assert not (tmp_path / "nowhere").exists()


def test_a_key_is_made_once_and_kept_for_its_owner(headwater, catalog: Catalog):
    (catalog.settings.home / "manifest-key.pem").unlink()
    first, second = headwater("manifest", "key"), headwater("manifest", "key")

    assert first == second
    assert first[0] == 0
    assert (catalog.settings.home / "manifest-key.pem").stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in first[1]


def test_a_key_of_another_kind_is_refused(headwater, catalog: Catalog):
    (catalog.settings.home / "manifest-key.pem").write_text("no key")

    assert headwater("manifest", "key")[0] == 3


def test_secrets_can_be_in_files_of_their_own(tmp_path: Path):
    files = {name: tmp_path / name for name in ("secret_key", "database_url", "manifest_key")}
    for name, text in {
        "secret_key": "hush\n",
        "database_url": "sqlite:////x.db\n",
        "manifest_key": dsse.new_key(),
    }.items():
        files[name].write_text(text)
    environ = {f"HEADWATER_{name.upper()}_FILE": str(path) for name, path in files.items()}
    found = load_settings({**environ, "HEADWATER_HOME": str(tmp_path)})

    assert (found.secret_key, found.database_url) == ("hush", "sqlite:////x.db")
    assert dsse.public_key_of(found.manifest_signing_key() or "").startswith("-----BEGIN PUBLIC KEY")


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"HEADWATER_SECRET_KEY_FILE": "/nowhere/key"}, "cannot be read"),
        ({"HEADWATER_SECRET_KEY_FILE": "/dev/null"}, "holds no secret"),
        ({"HEADWATER_SECRET_KEY_FILE": "/dev/null", "HEADWATER_SECRET_KEY": "x"}, "Both"),
        ({"HEADWATER_PORT_FILE": "/dev/null"}, "Unknown setting"),
    ],
)
def test_a_secret_file_that_is_none_is_told(environ: dict[str, str], why: str, tmp_path: Path):
    with pytest.raises(SettingError, match=why):
        load_settings({**environ, "HEADWATER_HOME": str(tmp_path)})
