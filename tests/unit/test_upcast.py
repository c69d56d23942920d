"""Evolution: what former versions wrote is read into today's type, by Avro's rules and by upcasters."""

import copy
import json
import re
from pathlib import Path
from typing import ClassVar

import pytest

from schemas.contract import Contract
from schemas.errors import UndecodableError
from schemas.event import Event
from schemas.registry import LocalRegistry
from schemas.upcast import Datum, Upcasts
from schemas.wire import Codec

pytestmark = pytest.mark.row("E15")
EXAMPLE = Path(__file__).parent / "evolution"


class RewardRedeemedV1(Event, frozen=True, kw_only=True):
    """As it was in version 1."""

    SCHEMA: ClassVar[str] = "example.shop.RewardRedeemed"

    user_id: str
    price: str


class RewardRedeemed(Event, frozen=True, kw_only=True):
    """As it is in version 3."""

    SCHEMA: ClassVar[str] = "example.shop.RewardRedeemed"

    user_id: str
    points: int
    note: str = ""


def points_from_price(old: Datum) -> Datum:
    """Version 1 had the price as a text such as `120 points`; 0 where it was no number that the Avro int of version 2 takes."""
    number = str(old["price"]).partition(" ")[0]
    return {**old, "points": int(number) if re.fullmatch("[0-9]{1,9}", number) else 0}


UPCASTS: Upcasts = {("example.shop.RewardRedeemed", 1): points_from_price}
OLD = RewardRedeemedV1(event_id="e1", occurred_at=5, producer="p", correlation_id="c", user_id="u", price="120 points")


def codecs(registry: LocalRegistry, tmp_path: Path, upcasts: Upcasts) -> tuple[Codec, Codec]:
    """A process of the first release and one of today's."""
    first = tmp_path / "shop"
    first.mkdir()
    (first / "reward_redeemed.v1.avsc").write_text((EXAMPLE / "shop" / "reward_redeemed.v1.avsc").read_text())
    return Codec(registry, Contract.of([RewardRedeemedV1], tmp_path, {})), Codec(registry, Contract.of([RewardRedeemed], EXAMPLE, upcasts))


def test_upcaster_fills_what_resolution_could_only_default(tmp_path: Path) -> None:
    then, now = codecs(LocalRegistry(), tmp_path, UPCASTS)
    event = now.decode(then.encode("shop.reward.events.v1", OLD))
    assert event == RewardRedeemed(event_id="e1", occurred_at=5, producer="p", correlation_id="c", user_id="u", points=120, note="")


def test_without_upcaster_the_defaults_count(tmp_path: Path) -> None:
    then, now = codecs(LocalRegistry(), tmp_path, {})
    event = now.decode(then.encode("shop.reward.events.v1", OLD))
    assert isinstance(event, RewardRedeemed)
    assert event.points == 0


def test_upcasters_follow_each_other_over_versions(tmp_path: Path) -> None:
    def noted(old: Datum) -> Datum:
        return {**old, "note": f"was {old['points']}"}

    then, now = codecs(LocalRegistry(), tmp_path, {**UPCASTS, ("example.shop.RewardRedeemed", 2): noted})
    event = now.decode(then.encode("shop.reward.events.v1", OLD))
    assert isinstance(event, RewardRedeemed)
    assert (event.points, event.note) == (120, "was 120")


@pytest.mark.parametrize("price", ["²", "2200000000", "9" * 5_000, ""])
def test_upcaster_is_total(tmp_path: Path, price: str) -> None:
    then, now = codecs(LocalRegistry(), tmp_path, UPCASTS)
    odd = then.encode("t", RewardRedeemedV1(event_id="e1", occurred_at=5, producer="p", correlation_id="c", user_id="u", price=price))
    event = now.decode(odd)
    assert isinstance(event, RewardRedeemed)
    assert event.points == 0


def test_bad_bytes_stay_undecodable(tmp_path: Path) -> None:
    then, now = codecs(LocalRegistry(), tmp_path, UPCASTS)
    with pytest.raises(UndecodableError):
        now.decode(then.encode("t", OLD)[:-1])


def test_old_process_reads_new_events(tmp_path: Path) -> None:
    then, now = codecs(LocalRegistry(), tmp_path, UPCASTS)
    new = RewardRedeemed(event_id="e2", occurred_at=6, producer="p", correlation_id="c", user_id="u", points=7)
    event = then.decode(now.encode("shop.reward.events.v1", new))
    assert event == RewardRedeemedV1(event_id="e2", occurred_at=6, producer="p", correlation_id="c", user_id="u", price="")


def test_schema_that_is_no_released_version_is_resolved_by_avros_rules(tmp_path: Path) -> None:
    registry = LocalRegistry()
    _, now = codecs(registry, tmp_path, UPCASTS)
    foreign = json.loads((EXAMPLE / "shop" / "reward_redeemed.v2.avsc").read_text())
    foreign = copy.deepcopy(foreign)
    foreign["fields"].append({"name": "colour", "type": "string", "default": ""})
    number = registry.register("s", foreign)
    body = b"\x04e3\x0a\x02p\x02c\x00\x02u\x00\x0e\x06red"
    event = now.decode(b"\0" + number.to_bytes(4, "big") + body)
    assert event == RewardRedeemed(event_id="e3", occurred_at=5, producer="p", correlation_id="c", user_id="u", points=7)
