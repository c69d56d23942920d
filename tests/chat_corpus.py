"""Generated chat for measurements: talk by Zipf's law, and spam beside messages that only look like it."""

from itertools import accumulate
from random import Random

from processors.chat.text.spam import spam_score
from processors.chat.training.corpus import training

ALPHABET = "abcdefghijklmnopqrstuvwxyz"

OFFERS = ("cheap followers and viewers", "free giveaway join now", "earn crypto profit", "promo casino bonus", "best viewbot shop")


def zipf_chat(count: int, seed: int = 1) -> list[str]:
    """Messages as a busy channel has them: the training grammar's, drawn by rank, and one in eight with a word that nobody wrote before."""
    rng = Random(seed)
    texts = [message.text for message in training({False: 20, True: 1})]
    rng.shuffle(texts)
    weights = list(accumulate(1 / rank for rank in range(1, len(texts) + 1)))
    drawn = rng.choices(texts, cum_weights=weights, k=count)
    return [f"{text} {''.join(rng.choices(ALPHABET, k=8))}" if rng.random() < 1 / 8 else text for text in drawn]


def recall_of_spam(false_positives: float, count: int = 5_000) -> tuple[float, float]:
    """Share of spam that scores above what so many of the talk reach, and that score."""
    benign = sorted(map(spam_score, talk(count)), reverse=True)
    threshold = benign[int(count * false_positives)]
    return sum(spam_score(text) > threshold for text in spam(count)) / count, threshold


def talk(count: int, seed: int = 2) -> list[str]:
    """No spam, though some is loud: short walls of emotes, capitals, stretched words, a link."""
    rng = Random(seed)
    texts = [message.text for message in training({False: 20, True: 0})]
    loud = [
        lambda: " ".join([rng.choice(("chroniHype", "chroniGG", "chroniLol", "😂", "LUL"))] * rng.randint(1, 8)),
        lambda: rng.choice(texts).upper() + "!" * rng.randint(0, 4),
        lambda: rng.choice(("no", "ye", "lo", "wo", "le")) + rng.choice("oels") * rng.randint(3, 12),
        lambda: f"{rng.choice(texts)} https://clips.example.tv/{rng.randrange(10**6)}",
        lambda: " ".join([rng.choice(("lol", "gg", "no", "W", "ha"))] * rng.randint(2, 5)),
    ]
    return [rng.choice(loud)() if rng.random() < 0.2 else rng.choice(texts) for _ in range(count)]


def spam(count: int, seed: int = 3) -> list[str]:
    """Of seven kinds, each with the usual variations."""
    rng = Random(seed)

    def site() -> str:
        scheme, domain = rng.choice(("http://", "https://www.", "")), rng.choice(("com", "xyz", "shop", "ru"))
        return f"{scheme}{''.join(rng.choices(ALPHABET, k=7))}.{domain}/{rng.randrange(999)}"

    def invite() -> str:
        return f"discord.gg/{''.join(rng.choices(ALPHABET, k=7))}"

    kinds = [
        lambda: f"{rng.choice(OFFERS)} {site()}",
        lambda: f"{rng.choice(('join', 'hey', 'free stuff'))} {invite()} {rng.choice(OFFERS) if rng.random() < 0.5 else ''}",
        lambda: " ".join(site() for _ in range(rng.randint(2, 6))),
        lambda: " ".join([rng.choice(("buy now", "follow me", "W", "spam", "first"))] * rng.randint(8, 40)),
        lambda: " ".join([rng.choice(("chroniHype", "PogChamp", "🔥"))] * rng.randint(15, 50)),
        lambda: rng.choice(ALPHABET + "!?█") * rng.randint(20, 200),
        lambda: "".join(rng.choices("░▒▓█▄▀#*=~<>/\\", k=rng.randint(30, 200))),
    ]
    return [rng.choice(kinds)() for _ in range(count)]
