"""Errors in Helix's form: `{"error": phrase, "status": code, "message": what and how to mend it}`."""

from http import HTTPStatus
from typing import Any, NoReturn

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

INVALID_TOKEN = "Invalid OAuth token"  # noqa: S105 - clients renew theirs where the message is exactly this (twitchio)


class HelixError(Exception):
    """Raised anywhere in a handler; becomes the answer."""

    def __init__(self, status: HTTPStatus, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


def bad_request(message: str) -> NoReturn:
    """400."""
    raise HelixError(HTTPStatus.BAD_REQUEST, message)


def unauthorized(message: str = INVALID_TOKEN) -> NoReturn:
    """401."""
    raise HelixError(HTTPStatus.UNAUTHORIZED, message)


def forbidden(message: str) -> NoReturn:
    """403."""
    raise HelixError(HTTPStatus.FORBIDDEN, message)


def not_found(message: str) -> NoReturn:
    """404."""
    raise HelixError(HTTPStatus.NOT_FOUND, message)


def body(status: int, message: str) -> dict[str, object]:
    """The answer's body."""
    return {"error": HTTPStatus(status).phrase, "status": int(status), "message": message}


class Problem(BaseModel):
    """The body of every error."""

    error: str
    status: int
    message: str


ANSWERS: dict[int | str, dict[str, Any]] = {status: {"model": Problem} for status in (400, 401, 403, 404, 405, 409, 429, 503)}
"""The errors that a call may be answered with, for its description."""


def described(app: FastAPI) -> dict[str, Any]:
    """The application's description, without the framework's own error, which is never sent."""
    if app.openapi_schema is None:
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        for operations in found["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            found["components"]["schemas"].pop(name, None)
        app.openapi_schema = found
    return app.openapi_schema


def install(app: FastAPI) -> None:
    """Makes every error of an application one of these, and describes them so."""
    app.openapi = lambda: described(app)  # type: ignore[method-assign]

    @app.exception_handler(HelixError)
    async def told(_: Request, cause: HelixError) -> JSONResponse:
        return JSONResponse(body(cause.status, cause.message), cause.status, cause.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, cause: RequestValidationError) -> JSONResponse:
        found = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in cause.errors())
        return JSONResponse(body(HTTPStatus.BAD_REQUEST, f"The request is not as it should be: {found}"), HTTPStatus.BAD_REQUEST)

    @app.exception_handler(HTTPException)
    async def other(_: Request, cause: HTTPException) -> JSONResponse:
        return JSONResponse(body(cause.status_code, str(cause.detail)), cause.status_code, cause.headers)
