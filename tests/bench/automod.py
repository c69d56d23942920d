"""Cost of reading chat texts, and recall of spam: `python -m tests.bench.automod`."""

import statistics
import time
from collections.abc import Callable

from processors.chat.text import spam as spam_module
from processors.chat.text.automod import FILE, Model
from processors.chat.text.canonical import canonical
from processors.chat.text.lists import lines
from processors.chat.text.spam import spam_score
from processors.chat.text.terms import Terms
from processors.chat.training.grammar import slots
from tests.bench._machine import machine
from tests.chat_corpus import recall_of_spam, zipf_chat

MESSAGES = 100_000
LONGEST = ["a" * 500, "a.s." * 125, "f*" * 250, "k i l l " * 62, "kill " * 100, "1!" * 250, "é\u0301" * 250, "xq zj " * 83]


def one_by_one(read: Callable[[str], object], texts: list[str]) -> tuple[float, float, float]:
    """Mean by processor time, p50 and p99 by the clock, in microseconds; a clock reading of 0.1 us is in the latter."""
    spent = time.process_time()
    for text in texts:
        read(text)
    mean = (time.process_time() - spent) / len(texts)
    each = []
    for text in texts[:20_000]:
        began = time.perf_counter_ns()
        read(text)
        each.append(time.perf_counter_ns() - began)
    cuts = statistics.quantiles(each, n=100)
    return mean * 1e6, cuts[49] / 1e3, cuts[98] / 1e3


def main() -> None:
    texts = zipf_chat(MESSAGES)
    model = Model(FILE.read_bytes())
    common = Terms(lines("global_terms.txt"), 40_000)
    # 500 terms, the most that a channel may have.
    names = [value for values in slots().values() for value in values][:500]
    channel = Terms([f"{word}zz" for word in names])

    def everything(text: str) -> float:
        canonical(text)
        common.found(text)
        channel.found(text)
        return spam_score(text) + model.score(text, 0.1)

    readers: list[tuple[str, Callable[[str], object]]] = [
        ("canonical", canonical),
        ("global terms", common.found),
        (f"{len(names)} channel terms", channel.found),
        ("spam score", spam_score),
        ("AutoMod score", lambda text: model.score(text, 0.1)),
        ("all of it", everything),
    ]
    print("| us a message | first 2,000, nothing remembered | mean | p50 | p99 |\n|---|---|---|---|---|")
    for name, read in readers:
        if read is everything:
            model, common, channel = (
                Model(FILE.read_bytes()),
                Terms(lines("global_terms.txt"), 40_000),
                Terms([f"{word}zz" for word in names]),
            )
            spam_module._word.cache_clear()
        cold = one_by_one(read, texts[:2_000])[0]
        mean, p50, p99 = one_by_one(read, texts)
        print(f"| {name} | {cold:.1f} | {mean:.1f} | {p50:.1f} | {p99:.1f} |", flush=True)
    worst = 0.0
    for text in LONGEST:
        began = time.process_time()
        everything(text)
        worst = max(worst, time.process_time() - began)
    print(f"\nMean is processor time. Worst of {len(LONGEST)} messages of 500 characters made to be slow, all of it: {worst * 1e3:.1f} ms")
    recall, threshold = recall_of_spam(0.01)
    print(f"\nSpam: recall {recall:.1%} at 1% of loud talk held (score above {threshold:.2f}), both generated")
    print(f"\nModel {model.version}; {len(texts):,} messages, {machine()}")


if __name__ == "__main__":
    main()
