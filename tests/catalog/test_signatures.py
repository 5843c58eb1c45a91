"""Which commits have a signature is read from their objects, and no signature is looked at."""

from pathlib import Path

from sqlalchemy import select

from headwater_catalog.git import GitSource
from headwater_catalog.store.models import Commit
from support.git_repo import GitRepo
from support.scanned import Catalog

_SIGNATURE = " of nobody\n -----BEGIN PGP SIGNATURE-----\n gpgsig no header\n -----END PGP SIGNATURE-----"


def rewritten(git_repo: GitRepo, header: str) -> str:
    """Put a line with more below it into the header of the commit that is checked out."""
    head, _, message = git_repo.git("cat-file", "commit", "HEAD").partition("\n\n")
    file = git_repo.path / ".git" / "new-commit"
    file.write_text(f"{head}\n{header}{_SIGNATURE}\n\n{message}\n")
    sha = git_repo.git("hash-object", "-t", "commit", "-w", "--", str(file))
    git_repo.git("reset", "--hard", "--quiet", sha)
    return sha


def test_commits_are_signed_unsigned_or_not_to_be_told(git_repo: GitRepo):
    plain = git_repo.commit("Begin\n\ngpgsig in the text\n\ngpgsig once more")
    git_repo.commit("Sign")
    signed = rewritten(git_repo, "gpgsig")
    git_repo.commit("Sign by another hash")
    other = rewritten(git_repo, "gpgsig-sha256")
    git_repo.commit("Merge a signed tag")
    tagged = rewritten(git_repo, "mergetag")

    with GitSource(git_repo.path / ".git") as source:
        found = source.signed([plain, signed, other, tagged, "0" * 40, plain])

    assert found == {plain: False, signed: True, other: True, tagged: False, "0" * 40: None}


def test_a_scan_keeps_which_commits_are_signed_also_of_what_was_merged(
    catalog_url: str, git_repo: GitRepo, tmp_path: Path
):
    git_repo.commit("Begin", files={"shop.py": "def a(x: int) -> int: return x\n"})
    git_repo.branch("side")
    git_repo.commit("Sign", files={"shop.py": "def a(x: int) -> int: return x + 1\n"})
    rewritten(git_repo, "gpgsig")
    git_repo.checkout("main")
    git_repo.merge("side", "Merge")
    catalog = Catalog(catalog_url, tmp_path / "home", git_repo.path)
    catalog.scan()

    with catalog.database.read() as session:
        found = {each.subject: each.is_signed for each in session.scalars(select(Commit))}
    catalog.database.dispose()
    assert found == {"Begin": False, "Sign": True, "Merge": False}
