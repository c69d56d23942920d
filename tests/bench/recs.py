"""Recommendations: places of visited streams against baselines, latency over 100,000 live streams, and what the parts do.

`./chronicast bench recs`; `-- --write` keeps the tables in docs/why/recommendations.md.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from processors.recommend.arrays import Floats
from processors.recommend.candidates import LiveIndex, Shelves, gather
from processors.recommend.embeddings import Past, fit
from processors.recommend.explain import registry
from processors.recommend.features import NAMES, Scene, vectors
from processors.recommend.page import PER_CATEGORY, PER_GAME
from processors.recommend.rankers import FILE, Model
from processors.recommend.recommender import Asked, Recommender
from processors.recommend.state import State
from processors.recommend.training import world
from processors.recommend.training.baselines import heavy
from processors.recommend.training.crowd import crowd
from processors.recommend.training.log import World
from processors.recommend.training.protocol import HITS, Figures
from processors.recommend.training.study import LIGHT, OURS, Prepared, measured, prepare, trained
from processors.recommend.training.trainer import logistic
from processors.recommend.training.unbiased import looked_at, precision
from processors.recommend.training.world import Size
from tests.bench._machine import machine

PAGE = Path(__file__).parents[2] / "docs" / "why" / "recommendations.md"
BEGIN, END = "<!-- bench:recs -->\n", "<!-- /bench:recs -->\n"
STREAMS, VIEWERS, REQUESTS = 100_000, 2_000, 10_000
PACKAGED = "the packaged model, of another log"


def shape(log: World) -> Iterator[str]:
    """What the generated log looks like."""
    minutes = np.array([(visit.end_s - visit.start_s) / 60 for visit in log.visits])
    seen: set[tuple[int, int]] = set()
    repeat = 0
    hours = np.zeros(24)
    for visit in log.visits:
        pair = (visit.viewer, int(log.streams.channel[visit.stream]))
        repeat += pair in seen
        seen.add(pair)
        hours[visit.start_s // 3_600 % 24] += 1
    moment = np.sort(np.floor(world.MEAN_VIEWERS * world.audience_weights(STREAMS) * STREAMS))[::-1]
    yield (
        f"{len(log.visits):,} visits of {log.size.viewers:,} viewers to {log.size.channels:,} channels in {log.size.days} days: mean "
        f"{minutes.mean():.1f} min, median {np.median(minutes):.1f} min, {(minutes >= 5).mean():.0%} of five minutes or more, "
        f"{repeat / len(minutes):.0%} repeated, most at {int(hours.argmax())} h and fewest at {int(hours.argmin())} h. "
        f"Of {STREAMS:,} live streams the median has "
        f"{np.median(moment):.0f} viewers, and 1% of them have {moment[: STREAMS // 100].sum() / moment.sum():.0%} of all."
    )


def places(prepared: Prepared, model: Model) -> Iterator[str]:
    """The protocol's table."""
    packaged = heavy(Model(FILE.read_bytes()), prepared.embeddings)
    ranked = measured(prepared, model, {PACKAGED: packaged})
    groups = ranked.figures(OURS)
    yield "| " + " | ".join(["Hit@1 / 5 / 10, NDCG", *(f"{group} ({figures.cases:,})" for group, figures in groups.items())]) + " |"
    yield "|---" * (len(groups) + 1) + "|"
    for name in ranked.places:
        cells = [" / ".join(f"{hit:.3f}" for hit in each.hits) + f", {each.ndcg:.3f}" for each in ranked.figures(name).values()]
        yield "| " + " | ".join([f"**{name}**" if name == OURS else name, *cells]) + " |"
    yield ""
    for group, figures in groups.items():
        others = {name: ranked.figures(name)[group] for name in ranked.places if name not in (OURS, PACKAGED, LIGHT)}
        behind = [f"{metric} of {name}" for name, each in others.items() for metric, own, other in compared(figures, each) if other > own]
        yield f"- {group}: " + ("ahead of every baseline in all four figures" if not behind else f"behind {', '.join(behind)}")


def compared(own: Figures, other: Figures) -> Iterator[tuple[str, float, float]]:
    """(name, own, other) of each figure."""
    for at, hit in enumerate(HITS):
        yield f"Hit@{hit}", own.hits[at], other.hits[at]
    yield "NDCG", own.ndcg, other.ndcg


def position_weights(log: World, prepared: Prepared, model: Model) -> Iterator[str]:
    """Weighing places or not, on pages that are looked at as a whole."""
    naive = Model(trained(prepared, weigh_places=False))
    pages = looked_at(log, prepared, 2_000)
    for name, each in (("weighed by place", model), ("not weighed", naive)):
        yield f"- {name}: {precision(each, pages):.4f}"


def head(prepared: Prepared) -> Iterator[str]:
    """What taming viewers does to the head's share of pages, by the light ranker, which sums."""
    weight = prepared.rows.unbiased()
    kept = weight > 0
    raw, tamed = NAMES.index("viewers"), NAMES.index("log_viewers")
    state, now, users = crowd(5_000, 200)
    index = indexed(state)
    shelves = Shelves.of(state.live, now)
    big = np.sort(state.live.viewers[: state.live.size])[-state.live.size // 100]
    for name, column in (("viewers as they are", raw), ("log(1 + viewers)", tamed)):

        def one(table: Floats, column: int = column) -> Floats:
            """The one measure of viewers, in the column that is summed as it is; the other is empty."""
            changed = table.copy()
            changed[:, tamed], changed[:, raw] = table[:, column], 0
            return changed

        light = logistic(one(prepared.rows.features[kept]), prepared.rows.label[kept], weight[kept])
        shares = []
        for user_id in users:
            scene = Scene(state.live, index.embeddings, state.audience.viewer(user_id), now)
            found = gather(scene, shelves, index)
            best = np.argsort(-light.scores(one(vectors(scene, found.rows))))[:20]
            shares.append((state.live.viewers[found.rows[best]] >= big).mean())
        yield f"- {name}: {np.mean(shares):.1%} of the places go to the most watched 1% of streams"


def indexed(state: State) -> LiveIndex:
    """Embeddings of what was watched, and an index of what is live."""
    index = LiveIndex(fit(Past.of(state.audience, state.catalog), state.catalog))
    index.hold(state.live.channel[: state.live.size])
    return index


def latency() -> Iterator[str]:
    """Percentiles of whole pages, by processor time of one thread and by the clock."""
    state, now, users = crowd(STREAMS, VIEWERS)
    began = time.process_time()
    embeddings = fit(Past.of(state.audience, state.catalog), state.catalog)
    fitted = time.process_time() - began
    index = LiveIndex(embeddings)
    began = time.process_time()
    index.hold(state.live.channel[: state.live.size])
    held = time.process_time() - began
    recommender = Recommender(state, Model(FILE.read_bytes()))
    recommender.embed(index)
    began = time.process_time()
    recommender.refresh(now)
    refreshed = time.process_time() - began
    for user_id in users[:50]:
        recommender.page(Asked(f"warm {user_id}", now, user_id))
    spent, waited, unions, drawn, relaxed, broken = [], [], [], 0, 0, 0
    for request in range(REQUESTS):
        cpu, clock = time.process_time(), time.perf_counter()
        page = recommender.page(Asked(str(request), now + request, users[request % len(users)]))
        spent.append(time.process_time() - cpu)
        waited.append(time.perf_counter() - clock)
        unions.append(next(stage.count for stage in page.stages if stage.name == "union"))
        drawn += sum(item.explored for item in page.items)
        relaxed += bool(page.relaxed)
        shown = [state.describe(item.channel_id) for item in page.items]
        most = {kind: Counter(each[kind] for each in shown).most_common(1)[0][1] for kind in ("category", "game")}
        exceeded = {kind for kind, cap in (("category", PER_CATEGORY), ("game", PER_GAME)) if most[kind] > cap}
        broken += bool(exceeded - set(page.relaxed)) or any(each["mature"] for each in shown)
    yield f"{REQUESTS:,} pages over {state.live.size:,} live streams, {np.mean(unions):,.0f} candidates each, one thread:"
    yield ""
    yield "| ms | p50 | p95 | p99 | most |\n|---|---|---|---|---|"
    for name, times in (("by the clock", waited), ("processor time", spent)):
        yield f"| {name} | " + " | ".join(f"{1e3 * value:.1f}" for value in (*np.percentile(times, [50, 95, 99]), max(times))) + " |"
    yield ""
    yield (
        f"{broken} pages have more of a category or game than the caps allow or a mature stream; {relaxed} gave a cap up, and said so. "
        f"{drawn / REQUESTS / 20:.1%} of the places were drawn to explore."
    )
    yield ""
    yield (
        f"Apart from requests: embeddings of {state.audience.watches:,} visits {fitted:.1f} s, index of all streams {held:.1f} s, "
        f"lists that all viewers share {1e3 * refreshed:.0f} ms each time that windowed features come."
    )


def recall() -> Iterator[str]:
    """How many of the heavy ranker's own best of all that is live are among the candidates, and the index's part in it."""
    model = Model(FILE.read_bytes())
    state, now, users = crowd(20_000, 1_000)
    index, everything = indexed(state), np.arange(state.live.size)
    shelves, named, near = Shelves.of(state.live, now), [], []
    for user_id in users[:100]:
        scene = Scene(state.live, index.embeddings, state.audience.viewer(user_id), now)
        best = np.argsort(-model.log_odds(vectors(scene, everything)), kind="stable")[:20]
        named.append(np.isin(best, gather(scene, shelves, index).rows).mean())
        near.append(index.recall(scene.vector, 500))
    yield f"- of the heavy ranker's 20 best of {state.live.size:,} live streams, {np.mean(named):.1%} are among the candidates"
    yield f"- of the 500 nearest embeddings, the index finds {np.mean(near):.1%}"


def main() -> None:
    began = time.monotonic()
    log = World(Size(), seed=1)
    prepared = prepare(log)
    model = Model(trained(prepared))
    pages = "Mean chance of a long visit, over the model's first five of 20 streams, on 2,000 random pages that are looked at as a whole:"
    sections: list[tuple[str, Callable[[], Iterator[str]]]] = [
        ("### The log", lambda: shape(log)),
        (f"### Position weights\n\n{pages}", lambda: position_weights(log, prepared, model)),
        ("### The head", lambda: head(prepared)),
        ("### Candidates", recall),
        ("### Places of visited streams", lambda: places(prepared, model)),
        ("### Latency", latency),
    ]
    lines: list[str] = []
    for title, section in sections:
        found = [title, "", *section(), ""]
        print("\n".join(found), flush=True)
        lines += found
    lines += [f"Measured by `./chronicast bench recs` in {time.monotonic() - began:.0f} s on {machine()}.", ""]
    lines += ["### Features", "", registry()]
    text = "\n".join(lines)
    if "--write" in sys.argv:
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        PAGE.write_text(before + BEGIN + text + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
