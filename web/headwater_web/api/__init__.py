"""The REST API: all that the pages show and do, under /api/v1, described by a document in OpenAPI 3.1."""

from __future__ import annotations

from headwater_web.api.register import register_api

__all__ = ["register_api"]
