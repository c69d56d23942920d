"""What the demo's viewers say: small talk about the demo's picture, and short exchanges. Made up here."""

import random
from collections.abc import Iterator
from typing import NamedTuple

VIEWERS = (
    *("pixelotter", "mossykettle", "quietcomet", "teabadger", "lofilynx", "sundialsam"),
    *("vectorvera", "hexhazel", "orbitori", "jamjarjo", "glasswren", "marblefox"),
)
MODERATOR, SUBSCRIBER = "marblefox", "lofilynx"

COLOURS = ("teal", "violet", "midnight blue", "that deep purple", "the dark corner")
PARTS = ("the clock", "the frame counter", "the bar at the bottom", "the gradient")
MOODS = (":)", ":D", "<3", "B)", "chroniLove", "chroniHype", "chroniWow", "chroniPog", "chroniClap", "chroniLurk")
SNACKS = ("toast", "soup", "noodles", "a pear", "way too much coffee", "popcorn", "green tea")
PLACES = ("Lisbon", "Osaka", "Leeds", "Accra", "Montreal", "Tampere", "Lima", "Wellington", "Kraków", "the train", "my kitchen")
JOBS = ("folding laundry", "fixing a bike", "doing homework", "painting", "compiling something", "cooking", "writing tests")

ONE_LINERS = (
    "hi from {place} {mood}",
    "{colour} is my favourite part {mood}",
    "{mood} {mood} {mood}",
    "{part} is so smooth today",
    "just here while {job} {mood}",
    "ok {colour} into {colour2} looks great",
    "anyone else eating {snack} right now",
    "low latency is wild, {part} matches mine",
    "chroniWave",
    "back again, what did I miss",
    "this is weirdly relaxing {mood}",
    "o7",
    "I could watch {part} for hours",
    "put it on the second screen while {job}",
    "not a single stall so far B)",
    "lurking chroniLurk",
    "{snack} gang {mood}",
    "is {part} new or did I never notice",
    "good evening from {place}",
    "chroniHype chroniHype",
    "does it ever repeat? I have been here a while",
    "{part} just lined up with {colour} chroniWow",
    "turned the beep down a bit, still love {part}",
    "what a cosy channel <3",
)

EXCHANGES = (
    ("is the clock in UTC?", ">yes, everything here is UTC", ">ah that explains my {snack} timing chroniLol"),
    ("what delay do you all see?", ">a bit under a second here", ">same, around 0.9", "pretty good chroniPog"),
    ("first time here, what is this?", ">a test picture with a clock and a soft chord", ">welcome {mood}", "thanks! chroniWave"),
    ("guess the next colour", "{colour}", "{colour2}", "it was {colour2} chroniGG"),
    ("who else is {job}", ">me, sort of", ">I should be chroniThink"),
    ("how long has this been running?", ">look at the frame number and divide by 30", ">math in chat chroniCry"),
    ("brb getting {snack}", ">bring some for chat", "back chroniWave"),
    ("does the phone app count as a viewer", ">anything that plays it counts", "good to know"),
    ("{colour} or {colour2}?", ">{colour}", ">{colour2}, easily", "chat is divided chroniLol"),
    ("my cat is watching {part}", ">a cat of taste", ">name?", "Biscuit <3", "chroniLove Biscuit"),
    ("night mode chat hits different B)", ">it does", "chroniSleep soon though"),
    ("someone raid a music channel later?", ">I know one from {place}", "chroniRaid"),
)


class Line(NamedTuple):
    """One thing to say."""

    login: str
    text: str
    answers: bool
    """Whether it is a reply to the line before."""


def lines(dice: random.Random) -> Iterator[Line]:
    """Without end: one-liners, and exchanges between a few viewers. Nobody speaks twice in a row but within an exchange."""
    last = ""
    fresh: list[tuple[str, ...]] = []
    while True:
        cast = [login for login in VIEWERS if login != last]
        dice.shuffle(cast)
        if dice.random() < 0.35:
            words = _words(dice)
            fresh = fresh or dice.sample(EXCHANGES, len(EXCHANGES))
            for place, template in enumerate(fresh.pop()):
                text = template.removeprefix(">").format(**words)
                # who asked comes back where an answer was given: the third speaker of three is the first again
                yield Line(cast[place % 3], text, template.startswith(">"))
            last = cast[0]
        else:
            last = cast[0]
            yield Line(last, dice.choice(ONE_LINERS).format(**_words(dice)), answers=False)


def _words(dice: random.Random) -> dict[str, str]:
    """What is filled in."""
    colour, colour2 = dice.sample(COLOURS, 2)
    return {
        "colour": colour,
        "colour2": colour2,
        "part": dice.choice(PARTS),
        "mood": dice.choice(MOODS),
        "snack": dice.choice(SNACKS),
        "place": dice.choice(PLACES),
        "job": dice.choice(JOBS),
    }
