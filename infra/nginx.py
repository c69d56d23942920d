"""The edge: nginx with a configuration of ours, in our folder, as whoever starts it."""

import grp
import os
import pwd
import resource
import shutil
from pathlib import Path

from infra.bootstrap import LUA_MODULE, NGINX_MODULES
from infra.parts import passes
from infra.settings import Settings

TEMPLATE = Path(__file__).with_suffix(".conf")
RELOADS = Path(__file__).with_suffix(".lua")
CONNECTIONS = 32_768
"""Of one worker: 10,000 viewers, each with a connection to watch and one to chat, and behind the latter one to the gateway, which may
all be one worker's. nginx holds 14 MiB for so many."""
SPARE = 1_024
"""Descriptors for files that are sent and cached."""


class NginxMissingError(RuntimeError):
    """nginx or its Lua module is missing. Operator action: `./chronicast up` installs both (nginx-light, libnginx-mod-http-lua)."""


def nginx() -> str:
    """Path of nginx; Debian keeps it where users who are not root do not look.

    Raises:
        NginxMissingError: there is none, or it lacks its Lua module.
    """
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NginxMissingError("nginx is not installed; ./chronicast up installs it (Debian: nginx-light)")
    if not LUA_MODULE.exists():
        raise NginxMissingError(f"nginx lacks {LUA_MODULE}; ./chronicast up installs it (Debian: libnginx-mod-http-lua)")
    return found


def command(settings: Settings) -> list[str]:
    """Writes the configuration; the command line that runs the edge in the foreground.

    Raises:
        NginxMissingError: there is none, or it lacks its Lua module.
        MasterKeyError: the master key cannot be had.
    """
    home = settings.folder
    objects = settings.objects_folder or home / "edge" / "none"
    for folder in (home / "edge" / "none", home / "run"):
        folder.mkdir(parents=True, exist_ok=True)
    files, connections = _limits()
    values = {
        "user": _user(),
        "modules": str(NGINX_MODULES),
        "reloads": str(RELOADS),
        "home": str(home),
        "objects": str(objects),
        "listen": settings.listen,
        "edge": str(settings.ports.edge),
        "origin": settings.place("origin"),
        "gateway": settings.place("gateway"),
        "api": settings.place("api"),
        "sessions": settings.place("sessions"),
        "connections": str(connections),
        "files": str(files),
    }
    keys = passes(settings).keys
    values["pass_key"] = next(iter(keys.values()))
    values["pass_keys"] = "\n".join(f"        {generation} {key};" for generation, key in keys.items())
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    path = home / "edge" / "nginx.conf"
    path.touch(mode=0o600)
    path.chmod(0o600)  # the keys of passes are in it
    path.write_text(text)
    return [nginx(), "-e", "stderr", "-p", str(home), "-c", str(path)]


def _limits() -> tuple[int, int]:
    """Descriptors and connections that a worker may have: what the machine allows, for a connection is a descriptor."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = CONNECTIONS + SPARE if most == resource.RLIM_INFINITY else min(CONNECTIONS + SPARE, most)
    return files, max(1, files - SPARE)


def _user() -> str:
    """Root's nginx would work as `nobody`, who may not enter the checkout; anyone else's may not change user."""
    if os.geteuid():
        return ""
    user = pwd.getpwuid(os.geteuid())
    return f"user {user.pw_name} {grp.getgrgid(user.pw_gid).gr_name};"
