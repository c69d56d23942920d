"""Tells what a chat gateway carries: the fleet view counts gateways by it. A gateway itself writes nothing."""

import time
from collections.abc import Callable

import structlog

from schemas.events import GatewayReported
from streams.errors import StreamingError
from streams.publisher import Publisher

logger = structlog.get_logger()
EVERY_S = 5.0
"""Between two reports. The fleet view takes a gateway that missed three for gone."""


class FleetReports:
    """Those of one gateway."""

    def __init__(
        self,
        publisher: Publisher,
        region: str,
        gateway_id: str,
        capacity: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        """`clock` and `cpu` are seconds: one steady, one of processor time of this process, which is the gateway's."""
        self._publisher = publisher
        self._region = region
        self._gateway_id = gateway_id
        self._capacity = capacity
        self._clock = clock
        self._cpu = cpu
        self._before = clock(), cpu()

    def report(self, connections: int, *, draining: bool = False) -> None:
        """Tells it. What the log does not take is not told: the next report says it all again."""
        (began, spent), now = self._before, (self._clock(), self._cpu())
        self._before = now
        cores = (now[1] - spent) / max(now[0] - began, 1e-3)
        told = GatewayReported(
            region=self._region,
            gateway_id=self._gateway_id,
            connections=connections,
            capacity=self._capacity,
            cpu=round(cores, 3),
            draining=draining,
        )
        try:
            self._publisher.publish(told)
        except StreamingError as cause:
            logger.warning("the gateway could not tell what it carries", cause=str(cause))
