"""Settings are read once, refused where they have no use, and documented."""

import pytest

from infra.settings import CHECKOUT, REFERENCE, Settings, SettingsError, reference


def test_one_setting_moves_every_port() -> None:
    usual, moved = Settings().ports, Settings.read({"CHRONICAST_PORT_OFFSET": "100", "PATH": "/bin"}).ports
    assert [new - old for old, new in zip(usual, moved, strict=True)] == [100] * len(usual)
    assert len(set(usual)) == len(usual)


@pytest.mark.row("U10")
@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("CHRONICAST_PORT_OFFSET", "many", "CHRONICAST_PORT_OFFSET='many'"),
        ("CHRONICAST_PORT_OFFSET", "60000", "<= 56000"),
        ("CHRONICAST_LOG_LEVEL", "loud", "CHRONICAST_LOG_LEVEL='loud'"),
        ("CHRONICAST_PORT_OFSET", "1", "did you mean CHRONICAST_PORT_OFFSET"),
    ],
)
def test_a_setting_of_no_use_is_named(variable: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Settings.read({variable: value})


def test_a_process_that_is_given_the_environment_reads_the_same() -> None:
    settings = Settings(port_offset=7, home="/tmp/elsewhere", grace_seconds=2.5, log_level="debug")
    assert Settings.read(settings.environment()) == settings


def test_the_reference_page_is_fresh() -> None:
    assert (CHECKOUT / REFERENCE).read_text() == reference(), "write it: python -m infra.settings > docs/reference/settings.md"
