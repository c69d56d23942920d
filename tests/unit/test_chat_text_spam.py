"""What looks like spam, and what does not."""

import pytest

from processors.chat.text.spam import spam_score

TALK = [
    "that was such a clean play",
    "LETS GOOOO",
    "chroniHype chroniHype chroniHype",
    "nooooooooo",
    "what is the name of this song?",
    "gg wp",
    "😂😂😂",
    "how do I join the discord",
    "",
    "   ",
]
SPAM = [
    "https://a.com https://b.com https://c.com",
    "cheap followers and viewers, click http://x.com/a",
    "free giveaway! join discord.gg/abc",
    "chroniHype " * 30,
    "buy now " * 20,
    "a" * 200,
    "░▒▓█" * 30,
    "!!!!!!!!!!!!!!!!!!!!!!!!",
]


@pytest.mark.row("M5")
def test_spam_scores_above_all_talk():
    assert max(map(spam_score, TALK)) < 0.3 < min(map(spam_score, SPAM))


def test_evidence_adds_up_and_stays_below_one():
    one, two = spam_score("https://a.com"), spam_score("https://a.com https://b.com")
    assert 0 < one < two < spam_score("FREE FOLLOWERS https://a.com https://b.com discord.gg/x " * 9) <= 1
