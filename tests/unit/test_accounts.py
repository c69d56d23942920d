"""Accounts: keys are shown once, one login is one account, the log holds hashes."""

import hashlib

import pytest

from infra.accounts import TOPIC, AccountError, Accounts, identity
from schemas.events import ChannelProfile
from schemas.wire import Codec
from streams.log import Record
from streams.log_memory import MemoryLog


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def accounts(log: MemoryLog, codec: Codec) -> Accounts:
    return Accounts(log, codec, "account")


def records(log: MemoryLog) -> list[Record]:
    return [r for p, end in log.ends(TOPIC).items() for batch in log.read(TOPIC, p, 0, end) for r in batch]


@pytest.mark.row("I3", "U2")
def test_the_log_holds_the_hash_of_a_key_and_never_the_key(accounts: Accounts, log: MemoryLog) -> None:
    made = accounts.create("night_owl", "partner")
    rotated = accounts.rotate_key("night_owl")
    profile = accounts.get("night_owl")
    assert profile.stream_key_hash == hashlib.sha256(rotated.encode()).hexdigest()
    assert profile.retired_key_hashes == (hashlib.sha256(made.stream_key.encode()).hexdigest(),)
    assert made.stream_key.startswith(f"live_{made.id}_")
    for record in records(log):
        for shown in (made.stream_key, made.access_token, rotated):
            assert record.value is not None
            assert shown.encode() not in record.value


@pytest.mark.row("U2")
def test_a_new_token_takes_the_place_of_the_present_one_and_leaves_the_key(accounts: Accounts) -> None:
    made = accounts.create("night_owl", "regular")
    token = accounts.rotate_token("night_owl")
    profile = accounts.get("night_owl")
    assert token != made.access_token
    assert token == token.lower(), "tmi.js makes it so"
    assert profile.access_token_hash == hashlib.sha256(token.encode()).hexdigest()
    assert profile.stream_key_hash == hashlib.sha256(made.stream_key.encode()).hexdigest()


def test_a_revoked_key_is_retired_and_no_other_takes_its_place(accounts: Accounts) -> None:
    accounts.create("night_owl", "regular")
    accounts.revoke_key("night_owl")
    accounts.revoke_key("night_owl")
    profile = accounts.get("night_owl")
    assert profile.stream_key_hash is None
    assert len(profile.retired_key_hashes) == 1


def test_an_id_is_the_logins_and_fits_a_javascript_number(accounts: Accounts) -> None:
    made = accounts.create("night_owl", "regular")
    assert made.id == identity("night_owl")
    assert 0 < int(made.id) < 2**53


@pytest.mark.row("U10")
@pytest.mark.parametrize("login", ["", "a", "Owl", "night owl", "_owl", "x" * 26, "live", "metrics"])
def test_what_cannot_be_a_login_is_refused_with_the_way_out(accounts: Accounts, login: str) -> None:
    with pytest.raises(AccountError, match="Choose another"):
        accounts.create(login, "regular")
    assert accounts.all() == []


def test_a_second_account_of_a_login_is_refused_and_changes_nothing(accounts: Accounts, log: MemoryLog) -> None:
    accounts.create("night_owl", "partner")
    before = records(log)
    with pytest.raises(AccountError, match="taken"):
        accounts.create("night_owl", "regular")
    assert records(log) == before


def test_of_two_creations_at_once_the_first_on_the_log_wins(log: MemoryLog, codec: Codec) -> None:
    class Overtaken(Accounts):
        """Another process creates the account between our look and our write."""

        def _write(self, profile: ChannelProfile):  # type: ignore[no-untyped-def]
            if not log.ends(TOPIC) or not records(log):
                winner.append(Accounts(log, codec, "account").create("night_owl", "regular").stream_key)
            return super()._write(profile)

    winner: list[str] = []
    with pytest.raises(AccountError, match="taken"):
        Overtaken(log, codec, "account").create("night_owl", "regular")
    kept = Accounts(log, codec, "account").get("night_owl").stream_key_hash
    assert kept == hashlib.sha256(winner[0].encode()).hexdigest()


@pytest.mark.row("V6")
def test_turbo_comes_and_goes_and_changes_nothing_else(accounts: Accounts) -> None:
    accounts.create("mia", "affiliate")
    before = accounts.get("mia")
    told = []
    for on in (True, False):
        accounts.turbo("mia", on=on)
        told.append(accounts.get("mia"))
    assert [profile.turbo for profile in (before, *told)] == [False, True, False]
    assert {(profile.tier, profile.stream_key_hash, profile.created_at) for profile in told} == {
        (before.tier, before.stream_key_hash, before.created_at)
    }


def test_an_account_that_is_not_there_is_named(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match="no account 'nobody'"):
        accounts.rotate_key("nobody")
