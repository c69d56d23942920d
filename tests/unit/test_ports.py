"""A taken port is seen, with whoever holds it."""

import os
import socket

import pytest

from infra import ports


@pytest.mark.row("U10")
@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")])
def test_the_holder_of_a_taken_port_is_named(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as held:
        held.bind((address, 0))
        held.listen()
        port = held.getsockname()[1]
        assert ports.holder(port).endswith(f"(process {os.getpid()})")
        assert ports.taken(port) == (family == socket.AF_INET)
    assert not ports.taken(port)
    assert ports.holder(port) == ""


def test_free_ports_are_different_and_free() -> None:
    found = ports.free(5)
    assert len(set(found)) == 5
    assert not any(ports.taken(port) for port in found)
    assert set(found) <= set(ports.LISTENED)
