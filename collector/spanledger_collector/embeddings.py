"""The API's routes about embeddings: by what a project's calls are embedded, and how far that has come."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from spanledger_collector.answering import Answering
from spanledger_collector.collector import Collector
from spanledger_collector.lifecycle import local_only
from spanledger_store.control import embeddings
from spanledger_store.control.embeddings import EmbeddingInvalid
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.reports.embeddings import report

_answered = Answering(invalid=(EmbeddingInvalid, ProjectUnknown))


class SettingsBody(BaseModel):
    """How calls get the vectors that nobody sent with them; what is left out stays as it is."""

    project: str = "default"
    embedder: str | None = Field(None, examples=["lexical", "openai:text-embedding-3-small"])
    key: str | None = Field(None, description="where an endpoint's key is read: env:NAME or file:PATH")
    rate: float | None = Field(None, description="the share of sessions that is embedded")
    most_a_day: int | None = None
    days: int | None = Field(None, description="how far back calls are embedded")


def add_embeddings(router: APIRouter, collector: Collector) -> None:
    """Add the routes to a router."""

    @router.get("/api/v1/embeddings", tags=["embeddings"])
    async def status(project: Annotated[str, Query(description="the project's id")] = "default") -> dict[str, Any]:
        """The settings, the models of the vectors there are, and how many calls have one."""
        return await _answered(lambda: report(collector.engine, collector.control, project))

    @router.put("/api/v1/embeddings", tags=["embeddings"])
    async def change(body: SettingsBody, request: Request) -> dict[str, Any]:
        """Change the settings. Another embedder starts another codebook. Needs this process's local token."""
        local_only(collector, request)
        wanted = body.model_dump(exclude_none=True, exclude={"project"})
        return await _answered(lambda: embeddings.change(collector.control, body.project, **wanted).as_json())
