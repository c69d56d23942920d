"""Requests and answers of the registry in Confluent's form: content type, error codes, schemas in bodies."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from schemas import subject_commands as commands
from schemas.avro_schema import Schema
from schemas.subject_commands import RefusedError
from schemas.subject_records import Version
from sinks.registry_view import RegistryView

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
VIEW = web.AppKey("view", RegistryView)
OPEN = {"/healthz", "/readyz", "/metrics"}
"""Answered while the topic is being read."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers every error in Confluent's form; nothing but health is answered before the topic has been read."""
    if not request.app[VIEW].ready and request.path not in OPEN:
        return answer({"error_code": 503, "message": "the registry is reading its topic; try again in a moment"}, 503)
    try:
        return await handler(request)
    except RefusedError as refused:
        return answer({"error_code": refused.code, "message": str(refused)}, refused.status)
    except web.HTTPException as http:
        return answer({"error_code": http.status, "message": f"HTTP {http.status} {http.reason}"}, http.status)


def answer(body: Any, status: int = 200) -> web.Response:
    """JSON with the registry's content type."""
    return web.Response(text=json.dumps(body), status=status, content_type=CONTENT_TYPE)


def flag(request: web.Request, name: str) -> bool:
    """Whether a query parameter is true."""
    return request.query.get(name, "").lower() == "true"


def subject_of(request: web.Request) -> str:
    """The subject in the path."""
    return request.match_info["subject"]


async def body_of(request: web.Request) -> dict[str, Any]:
    """The request's JSON object."""
    try:
        body = json.loads(await request.text())
    except (json.JSONDecodeError, UnicodeDecodeError) as cause:
        raise RefusedError(422, f"the body is not JSON: {cause}") from cause
    if not isinstance(body, dict):
        raise RefusedError(422, "the body is not a JSON object")
    return body


async def schema_of(request: web.Request) -> Schema:
    """The schema in a request's body."""
    body = await body_of(request)
    if body.get("schemaType", "AVRO") != "AVRO" or body.get("references"):
        raise RefusedError(42201, "Invalid schema: this registry takes Avro schemas without references only")
    if not isinstance(body.get("schema"), str):
        raise RefusedError(42201, 'Invalid schema: the body needs "schema", the schema as a JSON string')
    return commands.schema_in(body["schema"])


def described(version: Version) -> dict[str, Any]:
    """A version as clients read it."""
    return {"subject": version.subject, "id": version.id, "version": version.version, "schema": version.schema}
