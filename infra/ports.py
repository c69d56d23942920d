"""TCP ports: free ones, and who holds a taken one."""

import socket


def free(count: int) -> list[int]:
    """So many free ports on loopback, all different."""
    held = [socket.socket() for _ in range(count)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
