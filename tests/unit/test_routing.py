"""Ingest nodes are chosen by round trip and load, and a choice follows from what is written down of it."""

from collections import Counter
from random import Random

import msgspec
import pytest

from processors.routing import edges
from processors.routing.choice import SILENT_US, assigned, candidates, choice
from processors.routing.egress import egress, hit_rate
from processors.routing.regions import REGIONS, Edge, estimated_us
from schemas.events import EdgeAssigned, IngestAssigned, IngestNode
from schemas.registry import LocalRegistry
from schemas.wire import Codec

NOW = 1_700_000_000_000_000


def node(name: str, place: tuple[float, float] = (0.0, 0.0), **values: object) -> IngestNode:
    given = {"publishers": 0, "capacity": 100, "region": name, "url": f"rtmp://{name}/app", "occurred_at": NOW} | values
    return IngestNode(node_id=name, latitude=place[0], longitude=place[1], **given)


@pytest.mark.row("I5")
def test_a_client_gets_the_nearest_node_that_is_well() -> None:
    nodes = [node(name, REGIONS[name]) for name in ("iad", "lax", "ams", "tyo")]
    sydney, new_york = REGIONS["syd"], REGIONS["nyc"]
    assert choice(candidates(nodes, new_york, {}, {}, NOW)) == ("iad", "nearest")
    assert choice(candidates(nodes, sydney, {}, {}, NOW)) == ("tyo", "nearest")
    assert choice(candidates(nodes, sydney, {"lax": 90_000}, {}, NOW)) == ("lax", "nearest"), "measured before estimated"
    ill = [node("tyo", REGIONS["tyo"], healthy=False), *nodes[:3]]
    assert choice(candidates(ill, sydney, {}, {}, NOW)) == ("lax", "nearest")
    killed = [node("tyo", REGIONS["tyo"], occurred_at=NOW - SILENT_US - 1), *nodes[:3]]
    assert choice(candidates(killed, sydney, {}, {}, NOW)) == ("lax", "nearest")
    full = [node("tyo", REGIONS["tyo"], publishers=99), *nodes[:3]]
    assert choice(candidates(full, sydney, {}, {"tyo": 1}, NOW)) == ("lax", "nearest")
    assert choice(candidates([], sydney, {}, {}, NOW)) == ("", "none_ready")


@pytest.mark.row("I6")
def test_a_hundred_new_streams_level_nodes_that_are_equally_near() -> None:
    loads = Counter({"a": 90, "b": 50, "c": 10})
    nodes = [node(name, publishers=count) for name, count in loads.items()]
    given: Counter[str] = Counter()
    for number in range(100):
        decision = assigned(str(number), None, candidates(nodes, None, {}, given, NOW))
        given[decision.node_id] += 1
    total = loads + given
    assert max(total.values()) / (sum(total.values()) / 3) <= 1.2
    assert given["a"] == 0


@pytest.mark.row("I6", "I7")
def test_a_replay_of_the_decisions_of_fifty_nodes_makes_the_same_bytes() -> None:
    rng, codec = Random(7), Codec(LocalRegistry())
    cities = [(rng.uniform(-50, 65), rng.uniform(-180, 180)) for _ in range(50)]
    nodes = [node(f"n{number:02}", place) for number, place in enumerate(cities)]
    decided: list[bytes] = []
    for number in range(2_000):
        changed = rng.randrange(50)
        nodes[changed] = msgspec.structs.replace(nodes[changed], publishers=rng.randrange(101), healthy=rng.random() < 0.95)
        measured = {f"n{rng.randrange(50):02}": rng.randrange(200_000) for _ in range(3)}
        client = (rng.uniform(-50, 65), rng.uniform(-180, 180)) if number % 5 else None
        decision = assigned(str(number), client, candidates(nodes, client, measured, {}, NOW + rng.randrange(2 * SILENT_US)))
        decided.append(codec.encode("media.route.events.v1", decision))
    assert len({codec.decode(value).node_id for value in decided}) > 30
    for value in decided:
        told = codec.decode(value)
        assert isinstance(told, IngestAssigned)
        client = None if told.latitude is None or told.longitude is None else (told.latitude, told.longitude)
        assert codec.encode("media.route.events.v1", assigned(told.channel_id, client, told.candidates)) == value


def test_an_estimate_is_what_cables_need() -> None:
    assert 60_000 < estimated_us(REGIONS["iad"], REGIONS["lax"]) < 75_000, "measured: about 60 to 70 ms"
    assert 85_000 < estimated_us(REGIONS["iad"], REGIONS["ams"]) < 105_000, "measured: about 80 to 95 ms"
    assert estimated_us(REGIONS["syd"], REGIONS["syd"]) == 5_000


EDGES = [Edge(f"edge-{region}", region, f"https://{region}.example") for region in ("iad", "fra", "tyo", "syd")]
ALL = {edge.node_id for edge in EDGES}


@pytest.mark.row("P17")
def test_a_viewer_is_led_to_the_nearest_edge_that_answers() -> None:
    madrid, melbourne = REGIONS["mad"], (-37.8, 145.0)
    for client, ready, measured, expected in (
        (madrid, ALL, {}, "edge-fra"),
        (melbourne, ALL, {}, "edge-syd"),
        (melbourne, ALL - {"edge-syd"}, {}, "edge-tyo"),
        (melbourne, ALL, {"edge-iad": 1_000}, "edge-iad"),
        (None, ALL, {}, "edge-fra"),
        (madrid, set(), {}, ""),
    ):
        told = edges.assigned("1", client, edges.seen(EDGES, ready, client, measured))
        assert (told.node_id, told.reason) == (expected, "nearest" if expected else "none_ready")
    unknown = [Edge("edge-local", "local", ""), *EDGES]
    assert edges.nearest(edges.seen(unknown, ALL, madrid, {})) == ("edge-fra", "nearest")


@pytest.mark.row("P17", "I7")
def test_a_viewers_edge_follows_from_its_event_which_does_not_say_where_he_lives() -> None:
    codec, client = Codec(LocalRegistry()), (52.5163, 13.3777)
    value = codec.encode("media.route.events.v1", edges.assigned("1", client, edges.seen(EDGES, ALL, client, {})))
    told = codec.decode(value)
    assert isinstance(told, EdgeAssigned)
    assert (told.latitude, told.longitude) == (53.0, 13.0)
    assert edges.nearest(told.candidates) == (told.node_id, told.reason)


@pytest.mark.row("P16")
def test_edges_of_most_viewers_fetch_ahead_and_those_that_do_not_answer_never() -> None:
    led = {"edge-syd": 5, "edge-tyo": 9, "edge-iad": 9}
    assert [edge.node_id for edge in edges.warmed(EDGES, ALL, led)] == ["edge-iad", "edge-tyo", "edge-syd"]
    assert [edge.node_id for edge in edges.warmed(EDGES, ALL - {"edge-iad"}, led)] == ["edge-tyo", "edge-syd", "edge-fra"]
    assert edges.warmed(EDGES, (), led) == []
    assert [edges.popular(*(19 + (place == at) for place in range(3))) for at in range(4)] == [True, True, True, False]


@pytest.mark.row("P14", "P15", "L6")
def test_the_calculator_says_what_the_origin_sends_with_caches_and_without() -> None:
    assert egress(100_000, 5e6, 1_000, 10, 4).total == 500e9
    assert hit_rate(20) == pytest.approx(0.95, abs=1e-6)
    assert hit_rate(1e-9) == pytest.approx(0, abs=1e-6)
    assert hit_rate(0) == 0
    rng = Random(9)
    for viewers in (0.5, 3.0):
        counts = [sum(rng.random() < viewers / 1_000 for _ in range(1_000)) for _ in range(2_000)]
        hits = sum(count - 1 for count in counts if count)
        assert hits / sum(counts) == pytest.approx(hit_rate(viewers), abs=0.02), "as many come by chance: all but the first are hits"
    for viewers, streams, points, share in ((100_000, 1_000, 10, 0.80), (1_000_000, 10_000, 100, 0.67), (15_000_000, 100_000, 10, 0.89)):
        assert egress(viewers, 5e6, streams, points, 4).hits == pytest.approx(share, abs=0.015)
    year = egress(200_000, 5e6, 1, 1, 1).year_gb
    assert year == pytest.approx(1e12 / 8 * 365 * 86_400 / 1e9), "1 Tb/s"
