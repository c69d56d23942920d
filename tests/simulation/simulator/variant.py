"""The code under test, piece by piece, so that a mutant can replace one."""

from collections.abc import Callable
from typing import Any, NamedTuple

from streams.fold import Fold
from streams.lanes import Lanes
from streams.log import Log
from streams.runner import Runner
from streams.store import Stores


class Variant(NamedTuple):
    """What a process is made of. `log` and `stores` wrap its ports."""

    name: str = "sound"
    runner: Callable[..., Runner] = Runner
    log: Callable[[Any], Log] = lambda log: log
    stores: Callable[[Any], Stores] = lambda stores: stores
    fold: Callable[[Fold], Fold] = lambda fold: fold
    lanes: Callable[..., Lanes] = Lanes


SOUND = Variant()
