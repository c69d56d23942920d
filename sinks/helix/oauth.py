"""`/oauth2/*`: validate, token, revoke."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Header, Request

from sinks.helix.errors import HelixError, bad_request, unauthorized
from sinks.helix.tokens import APP_S, SCOPES, USER_S, Tokens


def router(tokens: Tokens) -> APIRouter:
    """The routes, relative to `/oauth2`."""
    routes = APIRouter(tags=["oauth2"])

    @routes.get("/validate")
    async def validate(authorization: Annotated[str, Header()] = "") -> dict[str, object]:
        """Whose token it is, and what it may."""
        kind, _, token = authorization.partition(" ")
        caller = tokens.caller(token.strip()) if kind.lower() in {"oauth", "bearer"} else None
        if caller is None:
            unauthorized("invalid access token")
        if caller.user is None:
            return {"client_id": caller.client_id, "scopes": [], "expires_in": APP_S}
        return {
            "client_id": caller.client_id,
            "login": caller.user.login,
            "scopes": SCOPES,
            "user_id": caller.user.channel_id,
            "expires_in": USER_S,
        }

    @routes.post("/token")
    async def token(request: Request) -> dict[str, object]:
        """An app token. Parameters in the query or as a form."""
        given = {**dict(request.query_params), **dict(parse_qsl((await request.body()).decode(errors="replace")))}
        grant = given.get("grant_type")
        if grant != "client_credentials":
            bad_request(f"grant_type is {grant!r}, and only client_credentials is here. Users' tokens: ./chronicast account create")
        made = tokens.app(given.get("client_id", ""), given.get("client_secret", ""))
        if made is None:
            raise HelixError(HTTPStatus.FORBIDDEN, "invalid client secret: it is the access token of the account that has this client_id")
        return {"access_token": made, "expires_in": APP_S, "token_type": "bearer"}

    @routes.post("/revoke")
    async def revoke() -> None:
        """App tokens end by themselves; an access token ends when its owner makes a new one."""

    return routes
