"""Looks from outside at whether a part of the system is ready."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from infra.kafka import KafkaNode
from infra.postgres import PostgresNode

Look = Callable[[], Awaitable[str]]
"""What is still lacking; empty where it is ready."""
ANSWER_S = 3.0
"""A process whose loop turns answers within milliseconds, on a busy machine within a second."""


def http(url: str) -> Look:
    """Ready once the URL answers 200; a `/readyz` of ours says what is lacking."""

    async def look() -> str:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session,
                session.get(url) as answer,
            ):
                if answer.status == 200:
                    return ""
                if answer.content_type == "application/json":
                    reasons = (await answer.json()).get("reasons") or {}
                    return "; ".join(f"{name}: {why}" for name, why in reasons.items()) or f"{url} answers {answer.status}"
                return f"{url} answers {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as cause:
            return f"{url} does not answer ({type(cause).__name__})"

    return look


def live(channel_url: str) -> Look:
    """Ready once a channel is live; `channel_url` is its place in the origin's API."""

    async def look() -> str:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session,
                session.get(channel_url) as answer,
            ):
                return "" if answer.status == 200 and (await answer.json())["live"] else "not live yet"
        except (aiohttp.ClientError, TimeoutError) as cause:
            return f"{channel_url} does not answer ({type(cause).__name__})"

    return look


def kafka(node: KafkaNode) -> Look:
    """Ready once the broker answers."""

    async def look() -> str:
        return "" if await asyncio.to_thread(node.ready) else f"no broker answers at {node.bootstrap} yet"

    return look


def postgres(node: PostgresNode) -> Look:
    """Ready once PostgreSQL answers."""

    async def look() -> str:
        return "" if await asyncio.to_thread(node.ready) else f"no PostgreSQL answers at port {node.port} yet"

    return look


def listening(port: int) -> Look:
    """Ready once something listens on a port of this machine."""

    async def look() -> str:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return f"nothing listens on port {port} yet"
        writer.close()
        return ""

    return look
