"""Installs what a command needs and is missing: system packages, Python environment, hls.js, jars. Standard library only.

`python3 infra/bootstrap.py COMMAND WORD`, called by `./chronicast` before every command. A step whose lock file has not changed since
it was done costs a few milliseconds.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
STATE = CHECKOUT / ".chronicast"
LOG = STATE / "logs" / "setup.log"
LOCKS = CHECKOUT / "infra" / "locks"
VENV = CHECKOUT / ".venv"
PAGE = CHECKOUT / "sinks" / "page"
TESTS_NPM = tuple(CHECKOUT / "tests" / folder for folder in ("browser", "contract/asyncapi", "contract/chat_clients"))
"""Other players, a validator, and chat clients."""

RUN = {
    "java": "openjdk-17-jre-headless",
    "mvn": "maven",
    "ffmpeg": "ffmpeg",
    "setpriv": "util-linux",
    "nginx": "nginx-light",
    "redis-server": "redis-server",
    "postgres": "postgresql",
}
"""Program -> Debian package that has it."""
SERVICES = {"nginx-light": "nginx", "redis-server": "redis-server", "postgresql": "postgresql"}
"""Package -> a server that Debian starts with it, on a port that is everybody's."""
POSTGRES = Path("/usr/lib/postgresql")
"""Where Debian keeps PostgreSQL, a folder a version, off the path."""
TEST = {"chromium": "chromium", "kcat": "kcat"}
NGINX_MODULES = Path("/usr/lib/nginx/modules")
"""Where Debian keeps what nginx loads."""
LUA_MODULE = NGINX_MODULES / "ngx_http_lua_module.so"
"""By which the edge wakes those who wait (infra/nginx.lua); Debian's libnginx-mod-http-lua."""
RTMP_MODULE = NGINX_MODULES / "ngx_rtmp_module.so"
"""What the video bench compares with; Debian's libnginx-mod-rtmp."""
PYTHON = ">=3.11,<3.13"
"""As in pyproject.toml: Faust and Flink have no wheels beyond."""
DEBIANS = Path("/usr/bin/python3")
"""Taken where it is of such a version: Debian builds it with profile-guided and link-time optimisation, and one that was compiled on the
spot, which may come first on the path, takes a sixth more processor time."""
FITS = "import sys; raise SystemExit(not (3, 11) <= sys.version_info < (3, 13))"
NEEDS = {"up": "flink", "sql": "flink", "features": "flink", "test": "test", "bench": "test", "automod": "test"}
"""Command -> what it needs; other commands only talk to what runs."""
NO = {"false", "0"}
"""What turns a setting off."""
STAMP = ".chronicast-stamp"
"""File in a folder that says what it was made from."""
LEVELS = ("run", "flink", "test")
"""Lock files, each with all that the one before has."""


class SetupError(Exception):
    """A step failed; the message says what to do."""


def main(command: str, what: str) -> None:
    """Makes everything ready for a command, and for the process that `run` is to run."""
    need = NEEDS.get(command, "")
    if command == "run":
        need = "flink" if what == "features" else "run"
    if command == "up" and os.environ.get("CHRONICAST_FEATURES", "").lower() in NO:
        need = "run"  # Flink is half of all that is downloaded
    LOG.parent.mkdir(parents=True, exist_ok=True)
    if need:
        system_packages(need)
    python_packages(need or "run")
    if need:
        npm_packages(PAGE)
        jars("kafka")
    if need in {"flink", "test"}:
        jars("flink")
    if need == "test":
        for folder in TESTS_NPM:
            npm_packages(folder)
        jars("s3")


def system_packages(need: str) -> None:
    """Installs Debian packages whose programs are missing."""
    path = ":".join([os.environ.get("PATH", ""), "/usr/sbin", *map(str, POSTGRES.glob("*/bin"))])
    wanted = {**RUN, **(TEST if need == "test" else {})}
    missing = [package for program, package in wanted.items() if shutil.which(program, path=path) is None]
    if not LUA_MODULE.exists():
        missing.append("libnginx-mod-http-lua")
    if need == "test" and not RTMP_MODULE.exists():
        missing.append("libnginx-mod-rtmp")
    folders = (PAGE, *TESTS_NPM) if need == "test" else (PAGE,)
    if shutil.which("npm") is None and not all(has_npm_packages(folder) for folder in folders):
        missing += ["nodejs", "npm"]
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise SetupError(f"these are missing, and this is no Debian: {names}. Install them by hand, then call again")
    root: list[str] = [] if os.geteuid() == 0 else ["sudo"]
    if root and shutil.which("sudo") is None:
        raise SetupError(f"system packages are missing and there is no sudo. As root: apt-get install {names}; then call again")
    if root:
        subprocess.run(["sudo", "-v"], check=True)  # asks for the password while the terminal is the user's
    step("package lists (apt-get update)", [*root, "apt-get", "update", "-q"])
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-q", "-y", "--no-install-recommends", *missing]
    step(f"system packages: {names}", [*root, *install])
    for service in [SERVICES[package] for package in missing if package in SERVICES and shutil.which("systemctl")]:
        # Nobody asked for Debian's own; ours run on ports of ours.
        subprocess.run([*root, "systemctl", "disable", "--now", service], check=False, capture_output=True)


def python_packages(level: str) -> None:
    """Brings the environment to a lock file, by hash. What an earlier command needed on top is kept, and brought up to date too."""
    noted = (VENV / STAMP).read_text().split()[0] if (VENV / STAMP).exists() else ""
    level = max(level, noted if noted in LEVELS else "run", key=LEVELS.index)
    if done(VENV, python_stamp(level)):
        return
    file = LOCKS / f"{level}.lock"
    uv = installer()
    if not (VENV / "bin" / "python").exists():
        fits = DEBIANS.exists() and subprocess.run([DEBIANS, "-c", FITS], check=False).returncode == 0
        python = str(DEBIANS) if fits else PYTHON
        step(f"Python environment (Python {PYTHON})", [uv, "venv", "--allow-existing", "--python", python, str(VENV)])
    title = f"Python packages ({file.relative_to(CHECKOUT)})"
    step(title, [uv, "pip", "sync", "--require-hashes", "--python", str(VENV / "bin" / "python"), str(file)])
    mark(VENV, python_stamp(level))


def python_stamp(level: str) -> str:
    """What an environment that has all of a level was made from."""
    return f"{level} {digest(LOCKS / f'{level}.lock')}"


def installer() -> str:
    """Path of uv, pinned by hash, in an environment of its own."""
    folder = STATE / "uv"
    lock = LOCKS / "installer.lock"
    if not done(folder, digest(lock)):
        step("environment of the installer", [sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
        step("installer (uv)", pip)
        mark(folder, digest(lock))
    return str(folder / "bin" / "uv")


def npm_packages(folder: Path) -> None:
    """What a folder's package-lock.json has: hls.js for the page."""
    if not has_npm_packages(folder):
        title = f"packages of {folder.relative_to(CHECKOUT)} (npm ci)"
        step(title, ["npm", "ci", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"])
        mark(folder / "node_modules", digest(folder / "package-lock.json"))


def has_npm_packages(folder: Path) -> bool:
    """Whether a folder's packages are those of its lock file."""
    return done(folder / "node_modules", digest(folder / "package-lock.json"))


def jars(profile: str) -> None:
    """Java archives of a profile of infra/jars/pom.xml."""
    pom = CHECKOUT / "infra" / "jars" / "pom.xml"
    folder = STATE / "jars" / profile
    if not done(folder, digest(pom)):
        shutil.rmtree(folder, ignore_errors=True)
        step(f"Java archives: {profile} (Maven)", ["mvn", "-B", "-q", "-f", str(pom), "-P", profile, "package"])
        mark(folder, digest(pom))


def step(title: str, command: Sequence[str]) -> None:
    """Runs a command and shows the seconds that it takes; its output goes to the log.

    Raises:
        SetupError: it failed; the message ends with what it said last.
    """
    live = sys.stderr.isatty()
    began = time.monotonic()
    if not live:
        print(f"==> {title}", file=sys.stderr, flush=True)  # noqa: T201
    with LOG.open("a+") as log:
        start = log.seek(0, os.SEEK_END)
        try:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=CHECKOUT)
        except OSError as cause:
            raise SetupError(f"{title}: {cause}") from cause
        while process.poll() is None:
            if live:
                print(f"\r==> {title}  {time.monotonic() - began:.0f} s ", end="", file=sys.stderr, flush=True)  # noqa: T201
            time.sleep(0.1)
        if live:
            print(file=sys.stderr)  # noqa: T201
        if process.returncode:
            log.seek(start)
            last = "\n    ".join(log.read().splitlines()[-12:])
            raise SetupError(f"{title} failed (exit {process.returncode}). All it said is in {LOG}; the end:\n    {last}")


def digest(file: Path) -> str:
    """What a file holds, in short."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def done(folder: Path, stamp: str) -> bool:
    """Whether a folder was made from what the stamp stands for."""
    file = folder / STAMP
    return file.exists() and file.read_text() == stamp


def mark(folder: Path, stamp: str) -> None:
    """Notes what a folder was made from."""
    (folder / STAMP).write_text(stamp)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2])
    except SetupError as failure:
        sys.exit(f"chronicast: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
