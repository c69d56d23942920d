"""A generated corpus: messages as people write them, each with whether a moderator would take it down."""

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from processors.chat.training.grammar import Template, slots, templates

SEED = 20_240_229
"""Any number; another one makes another corpus of the same kind."""
EACH = {False: 40, True: 45}
"""Messages of a template, for training: of benign ones, of hostile ones."""
EACH_HELD_OUT = {False: 60, True: 60}


class Message(NamedTuple):
    """One of the corpus."""

    text: str
    hostile: bool
    context: float
    """Mean score of what was said before, as the fold would have it."""
    template: Template


def training(each: Mapping[bool, int] = EACH, seed: int = SEED) -> Iterator[Message]:
    """Messages that the model is fitted to."""
    return _corpus(held_out=False, each=each, seed=seed)


def held_out(each: Mapping[bool, int] = EACH_HELD_OUT) -> Iterator[Message]:
    """Messages of the templates that are kept from training."""
    return _corpus(held_out=True, each=each)


def _corpus(*, held_out: bool, each: Mapping[bool, int], seed: int = SEED) -> Iterator[Message]:
    rng = Random(seed + held_out)
    values = slots()
    chosen = [
        template
        for template in (*templates("benign.txt", hostile=False), *templates("hostile.txt", hostile=True))
        if template.held_out == held_out
    ]
    benign = [template for template in chosen if not template.hostile]
    for template in chosen:
        for _ in range(each[template.hostile]):
            text = template.message(rng, values)
            if template.hostile and rng.random() < 0.3:
                text = _disguised(rng, text)
            if rng.random() < 0.25:
                other = rng.choice(benign).message(rng, values)
                text = f"{text} {other}" if rng.random() < 0.5 else f"{other} {text}"
            yield Message(_decorated(rng, text, values), template.hostile, _context(rng, template), template)


def _context(rng: Random, template: Template) -> float:
    """Quarrels come in company: hostile messages and heated ones follow higher scores, with much overlap."""
    if template.hostile:
        return rng.betavariate(2, 5)
    return rng.betavariate(2, 8) if template.register == "heated" else rng.betavariate(1, 9)


def _decorated(rng: Random, text: str, values: Mapping[str, list[str]]) -> str:
    """What people put around a message, and how they type."""
    if rng.random() < 0.1:
        text = f"@{rng.choice(values['name'])} {text}"
    if rng.random() < 0.12:
        text = f"{rng.choice(['lol', 'lmao', 'bro', 'omg', 'ok', 'yo', 'wtf', 'haha'])} {text}"
    if rng.random() < 0.25:
        text = f"{text} {rng.choice([*values['emote'], 'lol', 'lmao', '!', '...', '!!', 'haha', 'fr', 'ngl'])}"
    chance = rng.random()
    if chance < 0.07:
        return text.upper()
    if chance < 0.15:
        return text[:1].upper() + text[1:] + rng.choice([".", "!", "?", ""])
    if chance < 0.25:
        return _typo(rng, text)
    if chance < 0.3:
        return text.replace("you are", "ur").replace("you", "u").replace("are", "r").replace("'", "")
    return text


def _typo(rng: Random, text: str) -> str:
    at = rng.randrange(len(text))
    return rng.choice([text[:at] + text[at + 1 :] or text, text[:at] + text[at : at + 1] * 2 + text[at + 1 :]])


def _disguised(rng: Random, text: str) -> str:
    """One or two longer words written so that a plain filter would miss them."""
    written = text.split(" ")
    places = [at for at, word in enumerate(written) if len(word) > 3 and word.isalpha()]
    for at in rng.sample(places, min(len(places), rng.choice([1, 1, 2]))):
        written[at] = rng.choice(_DISGUISES)(rng, written[at])
    return " ".join(written)


def _leet(_: Random, word: str) -> str:
    return word.translate(str.maketrans("aeios", "4310$"))


def _stretched(rng: Random, word: str) -> str:
    at = rng.randrange(len(word))
    return word[:at] + word[at] * rng.randint(3, 6) + word[at + 1 :]


def _spaced(rng: Random, word: str) -> str:
    return rng.choice([".", " ", "-"]).join(word)


def _invisible(rng: Random, word: str) -> str:
    return rng.choice(["\u200b", "\u2060", "\u00ad"]).join(word)


def _lookalike(_: Random, word: str) -> str:
    return word.translate(str.maketrans("aeopcx", "аеорсх"))


_DISGUISES: tuple[Callable[[Random, str], str], ...] = (_leet, _stretched, _spaced, _invisible, _lookalike)
