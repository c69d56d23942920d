"""What `chronicast erase` prints."""

import pytest

from infra.cli.erase import _show
from streams.privacy.erasure import Examined, Proof

HOLDS = Proof(
    subject="7",
    request_id="r",
    keys=["7.abcdefghijk"],
    rings=["edge-1"],
    compacted=True,
    compaction_s=1.5,
    compaction_refused="",
    topics=[Examined("log chat.message.events.v1", 40, 120, 0, [], {"0@3": "ab" * 32})],
    records_before=40,
    records_after=40,
    sha256_before="cd" * 32,
    sha256_after="cd" * 32,
    searched=41,
    places={"snapshots": []},
)


def printed(proof: Proof, capsys: pytest.CaptureFixture[str]) -> str:
    _show(proof)
    return " ".join(capsys.readouterr().out.split())


def test_a_proof_that_holds_says_so(capsys) -> None:
    assert HOLDS.holds
    text = printed(HOLDS, capsys)
    assert "log chat.message.events.v1 40 120 0 none" in text
    assert "40 before, 40 after, the same bytes (sha256 cdcdcdcdcdcdcdcd...)" in text
    assert f"chat.message.events.v1/0@3 sha256 {'ab' * 32}" in text
    assert "1 shredded; dropped by edge-1" in text
    assert text.endswith("erased 7")
    assert "NOT" not in text


def changed(**values: object) -> Proof:
    return Proof(**({name: getattr(HOLDS, name) for name in Proof.__struct_fields__} | values))


def test_a_subject_of_whom_nothing_is_known_is_not_called_erased(capsys) -> None:
    text = printed(changed(keys=[], topics=[], records_before=0, records_after=0), capsys)
    assert "nothing known of 7: no key, no record. Is it the id?" in text
    assert "erased" not in text
    again = printed(changed(keys=[]), capsys)  # whose keys are gone since an earlier time
    assert again.endswith("erased 7")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"compacted": False, "compaction_refused": "not authorised"}, "still on the broker's disk: not authorised."),
        ({"places": {"snapshots": ["entry 2"]}}, "snapshots entry 2 records"),
        ({"topics": [Examined("log chat.message.events.v1", 40, 117, 3, [], {})]}, "40 117 3 none"),
        ({"topics": [Examined("log x", 0, 0, 0, ["1@5"], {})]}, "log x 0 0 0 1@5"),
        ({"sha256_after": "ee" * 32}, "other bytes"),
    ],
)
def test_a_proof_that_does_not_hold_says_why(changes: dict, says: str, capsys) -> None:
    proof = changed(**changes)
    assert not proof.holds
    text = printed(proof, capsys)
    assert says in text
    assert "NOT erased" in text
