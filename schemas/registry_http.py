"""A registry behind Confluent's REST interface: ours or an outside one."""

import json
import time
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from schemas.avro_schema import Schema, text
from schemas.errors import IncompatibleSchemaError, InvalidSchemaError, RegistryUnavailableError, SchemaError, UnknownSchemaError

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
TIMEOUT_S = 5.0
"""Calls happen at start and at the first sight of an id; a registry on the same network answers within milliseconds."""
FORGET_AFTER_S = 10.0
"""How long an id stays unknown: garbage must not become a load on the registry, and an id given out later must be found."""
UNKNOWN_MAX = 1_000
"""Bound on the ids remembered as unknown."""


class HttpRegistry:
    """Client: schemas are immutable, so each id is asked for once and kept."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._lock = Lock()
        self._ids: dict[tuple[str, str], int] = {}
        self._schemas: dict[int, Schema] = {}
        self._unknown: dict[int, float] = {}

    def register(self, subject: str, schema: Schema) -> int:
        """The schema's id in the subject, new if it was not there.

        Raises:
            InvalidSchemaError: the registry says that it is no schema (422).
            IncompatibleSchemaError: the subject's compatibility rule refuses it (409).
            RegistryUnavailableError: no answer.
        """
        key = (subject, text(schema))
        with self._lock:
            if key not in self._ids:
                self._ids[key] = int(self._call("POST", f"/subjects/{quote(subject, safe='')}/versions", {"schema": key[1]})["id"])
            return self._ids[key]

    def schema(self, id: int) -> Schema:  # noqa: A002
        """The schema of an id.

        Raises:
            UnknownSchemaError: the registry has none.
            RegistryUnavailableError: no answer.
        """
        if id in self._schemas:
            return self._schemas[id]
        with self._lock:
            if id not in self._schemas:
                self._schemas[id] = self._look_up(id)
            return self._schemas[id]

    def _look_up(self, number: int) -> Schema:
        if self._unknown.get(number, 0) > time.monotonic():
            raise UnknownSchemaError(f"schema id {number} is not in the registry at {self._url}")
        try:
            found: Schema = json.loads(self._call("GET", f"/schemas/ids/{number}")["schema"])
        except UnknownSchemaError:
            if len(self._unknown) >= UNKNOWN_MAX:
                self._unknown.clear()
            self._unknown[number] = time.monotonic() + FORGET_AFTER_S
            raise
        return found

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request; its JSON answer."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data=data, method=method, headers={"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE})  # noqa: S310 - the operator's URL
        try:
            with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                found: dict[str, Any] = json.load(answer)
                return found
        except HTTPError as refused:
            with refused:
                raise self._error(refused.code, refused.read(), path) from refused
        except (URLError, TimeoutError, ConnectionError, json.JSONDecodeError) as cause:
            raise RegistryUnavailableError(f"the registry at {self._url} did not answer {method} {path}: {cause}. Is it up?") from cause

    def _error(self, status: int, body: bytes, path: str) -> SchemaError:
        """The error that an answer stands for."""
        said = body[:500].decode(errors="replace")
        if status == HTTPStatus.NOT_FOUND:
            return UnknownSchemaError(f"the registry at {self._url} has no {path}: {said}")
        if status == HTTPStatus.CONFLICT:
            return IncompatibleSchemaError(f"the registry at {self._url} refused {path}: {said}")
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return InvalidSchemaError(f"the registry at {self._url} refused {path}: {said}")
        return RegistryUnavailableError(f"the registry at {self._url} answered {path} with {status}: {said}")
