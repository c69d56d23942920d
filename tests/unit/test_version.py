"""What a build calls itself."""

import re

import pytest

from infra import version


@pytest.fixture(autouse=True)
def fresh():
    version.code_version.cache_clear()
    yield
    version.code_version.cache_clear()


def test_a_checkout_names_its_commit() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(\+[0-9a-f]{12}(\.changed)?)?", version.code_version())


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"rev-parse": "4f2a9c1d0b7e", "status": ""}, r"\d+\.\d+\.\d+\+4f2a9c1d0b7e"),
        ({"rev-parse": "4f2a9c1d0b7e", "status": " M a.py"}, r"\d+\.\d+\.\d+\+4f2a9c1d0b7e\.changed"),
        ({"rev-parse": ""}, r"\d+\.\d+\.\d+"),
    ],
)
def test_what_git_says_decides(monkeypatch: pytest.MonkeyPatch, answers: dict[str, str], expected: str) -> None:
    monkeypatch.setattr(version, "_git", lambda what, *_: answers[what])
    assert re.fullmatch(expected, version.code_version())


def test_without_git_there_is_the_version_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert re.fullmatch(r"\d+\.\d+\.\d+", version.code_version())
