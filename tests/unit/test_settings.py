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


@pytest.mark.row("U9")
def test_a_process_on_another_machine_is_found_there_and_else_on_this_one() -> None:
    here = Settings(port_offset=10)
    assert [here.place(name) for name in ("origin", "api", "gateway", "sessions")] == [
        f"127.0.0.1:{port}" for port in (8092, 8094, 8093, 8095)
    ]
    apart = Settings(listen_inside="10.0.0.2", origin="10.0.0.3", gateway="chat.internal:9000")
    assert apart.place("origin") == "10.0.0.3:8082"
    assert apart.place("sessions") == "10.0.0.3:8085", "the edge tells the origin that it asks"
    assert apart.place("gateway") == "chat.internal:9000"
    assert apart.place("api") == "10.0.0.2:8084"
    assert apart.bootstrap == "10.0.0.2:9092"


@pytest.mark.row("U9")
def test_where_something_listens_everywhere_it_is_reached_on_loopback() -> None:
    assert Settings(listen_inside="0.0.0.0").registry_url == "http://127.0.0.1:8081"


@pytest.mark.row("U10")
@pytest.mark.parametrize(
    ("name", "value"), [("ORIGIN", "http://10.0.0.3"), ("FLINK", "flink:8081"), ("PROXIES", "the edge"), ("PUBLIC_URL", "x")]
)
def test_a_place_of_another_form_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"CHRONICAST_{name}"):
        Settings.read({f"CHRONICAST_{name}": value})
