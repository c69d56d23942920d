"""The chat edge as the settings have it, for the processes that people send through."""

from infra.settings import Settings
from streams.edges.accounts import Accounts
from streams.edges.chat.edge import ChatEdge
from streams.edges.chat.shedding import Limits, Rate
from streams.privacy.ring import KeyRing
from streams.publisher import Publisher

BURST_S = 3
"""Seconds of its rate that an address may use at once."""


def chat_edge(settings: Settings, publisher: Publisher, keys: KeyRing, accounts: Accounts, node: str) -> ChatEdge:
    """The edge of a process."""
    rate = settings.chat_address_rate
    limits = Limits(address=Rate(rate, max(1, int(rate * BURST_S))))
    return ChatEdge(publisher, keys, accounts, node, limits=limits)
