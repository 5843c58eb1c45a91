"""The commands that sign and verify the manifests of runs."""

from __future__ import annotations

from pathlib import Path

import click

from headwater_catalog.cli.context import Workspace, pass_workspace
from headwater_catalog.cli.failures import Findings
from headwater_catalog.cli.output import clean, json_option, print_json

__all__ = ["key", "sign", "verify"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@json_option
@pass_workspace
def key(workspace: Workspace, as_json: bool) -> None:
    """Print the public key of the manifests, to be given to those who verify; made at the first time.

    JSON: keyid, public_key.
    """
    from headwater_catalog import dsse

    private = workspace.settings.manifest_signing_key()
    if private is None:
        private = workspace.settings.keep_manifest_key(dsse.new_key())
    public = dsse.public_key_of(private)
    if as_json:
        print_json({"keyid": dsse.key_id(public), "public_key": public})
    else:
        click.echo(public, nl=False)


@click.command()
@click.argument("run", type=click.IntRange(1))
@json_option
@pass_workspace
def sign(workspace: Workspace, run: int, as_json: bool) -> None:
    """Write the signed manifest of a run to standard output.

    JSON, in any case: payload (an in-toto statement, base64), payloadType, signatures (keyid, sig).
    """
    if workspace.remote:
        print_json(workspace.remote.runs.manifest(run))
        return
    from headwater_catalog.manifests import signed_manifest

    with workspace.reading() as session:
        print_json(signed_manifest(session, workspace.settings, run))


@click.command()
@click.argument("file", type=_FILE)
@click.option("--key", "public", type=_FILE, required=True, help="The public key, from whom you believe.")
@click.option("--data", type=_FILE, help="A file that the manifest must tell of.")
@json_option
def verify(file: Path, public: Path, data: Path | None, as_json: bool) -> None:
    """Verify the manifest in FILE, with nothing else at hand; exit code 1 if it is not to be believed.

    JSON: ok, data (the name of the file in the manifest), statement.
    """
    from headwater_catalog.dsse import InvalidSignature
    from headwater_catalog.errors import CatalogError
    from headwater_catalog.manifests import OtherFile, check_data, read_manifest

    try:
        statement = read_manifest(file.read_text("utf-8"), public.read_text("utf-8"))
        named = check_data(statement, data) if data is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"A file cannot be read: {error}.") from error
    except (InvalidSignature, OtherFile) as error:
        raise Findings(str(error)) from None
    if as_json:
        print_json({"ok": True, "data": named, "statement": statement})
        return
    build = statement["predicate"]["buildDefinition"]
    asked, commit = build["externalParameters"], build["resolvedDependencies"][0]
    click.echo(f"The manifest of {statement['predicate']['runDetails']['metadata']['invocationId']} holds.")
    click.echo(clean(f"{asked['repository']} / {asked['dataflow']} at {commit['digest']['gitCommit']}"))
    for subject in statement["subject"]:
        click.echo(clean(f"  {subject['digest']['sha256']}  {subject['name']}"))
    if named is not None:
        click.echo(clean(f"{data} is its {named}."))
