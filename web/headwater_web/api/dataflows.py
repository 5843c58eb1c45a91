"""Dataflows: modules and configurations that make graphs."""

from __future__ import annotations

from typing import Any

from flask import Response

from headwater_catalog.answers.repositories import dataflow_json
from headwater_web.api.answering import answer
from headwater_web.api.cursors import cursor_of
from headwater_web.api.listing import pinned, slice_answer
from headwater_web.api.resources import DATAFLOW, REPOSITORY, Resource
from headwater_web.api.schemas.fields import AtPageQuery, AtQuery
from headwater_web.api.schemas.repositories import DataflowPageSchema, DataflowSchema
from headwater_web.reading import as_of

__all__ = ["resource"]

resource = Resource("dataflows", "Modules and configuration composed into graphs.")


@resource.get("/dataflows/<repo>", DataflowPageSchema, AtPageQuery, (REPOSITORY,))
def list_dataflows(args: dict[str, Any], repo: str) -> Response:
    """List the dataflows of a repository."""
    cursor, moment = pinned(cursor_of(args), repo, args.get("at"))
    snapshot = moment.snapshot
    flows = snapshot.dataflows
    return slice_answer(
        args, cursor, flows, lambda flow: dataflow_json(flow, snapshot), sha=moment.commit.sha
    )


@resource.get("/dataflows/<repo>/<path:name>", DataflowSchema, AtQuery, (REPOSITORY, DATAFLOW))
def show_dataflow(_args: dict[str, Any], repo: str, name: str) -> Response:
    """Show a dataflow with the features in it."""
    snapshot = as_of(repo).moment.snapshot
    return answer(dataflow_json(snapshot.dataflow(name), snapshot))
