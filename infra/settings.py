"""Settings: read once from the environment by the process's start, frozen from then on."""

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import unquote

import msgspec
from msgspec import Meta

from infra.ports import reached
from infra.postgres import PostgresNode
from processors.routing.regions import Edge
from streams.edges.passes import LIFE_S

PREFIX = "CHRONICAST_"
PLACE = r"^$|^[\w.-]+(?::\d{1,5})?$"
"""A process on another machine, `HOST` or `HOST:PORT`; empty is on this one."""
REFERENCE = "docs/reference/settings.md"
CHECKOUT = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """A setting has no use as it is. Operator action: correct the environment variable that the message names."""


class Ports(NamedTuple):
    """Every port of the system. Users rely on the first six, `CHRONICAST_PORT_OFFSET` moves all alike; the rest are on
    loopback, or where `CHRONICAST_LISTEN_INSIDE` says.
    """

    edge: int = 8080
    """Page, API, playlists, media, WebSockets: one HTTP origin."""
    rtmp: int = 1935
    rtmps: int = 1936
    irc: int = 6667
    """Chat for IRC clients over TCP; over WebSocket it is at the edge."""
    kafka: int = 9092
    registry: int = 8081
    controller: int = 9093
    origin: int = 8082
    """The origin behind the edge; its /metrics too."""
    gateway: int = 8083
    """The chat gateway's WebSockets behind the edge."""
    api: int = 8084
    """The Helix API behind the edge; its /metrics too."""
    sessions: int = 8085
    """UDP: the edge tells the origin of the playlist requests that it answers by itself."""
    ingest: int = 9101
    """Health and metrics of the ingest, as those that follow."""
    folds: int = 9102
    transcoder: int = 9103
    lake: int = 9104
    moderation: int = 9105
    chat: int = 9106
    """Of the first gateway; the others' follow it."""
    library: int = 9100
    """Of the archivist."""
    features: int = 9099
    """Health and metrics of the features job."""
    postgres: int = 15432
    """Not PostgreSQL's own, where a machine's own may listen."""
    redis: int = 6380
    """Not Redis' own, likewise."""

    def moved(self, offset: int) -> "Ports":
        """All of them, moved."""
        return Ports(*(port + offset for port in self))


USERS = 6
"""So many of them are users'."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What can be set. A field `x` is read from `CHRONICAST_X`."""

    port_offset: Annotated[int, Meta(ge=-900, le=56_000, description="Added to every port, so that two systems fit one machine.")] = 0
    home: Annotated[str, Meta(description="Folder of all state and logs; a relative one is in the checkout.")] = ".chronicast"
    listen: Annotated[str, Meta(description="Address on which RTMP, IRC and the edge listen.")] = "0.0.0.0"  # noqa: S104
    listen_inside: Annotated[
        str,
        Meta(
            min_length=1,
            description="Address on which probes, registry, our Kafka and what is behind the edge listen: a private one. "
            "Our PostgreSQL and Redis stay on loopback.",
        ),
    ] = "127.0.0.1"
    public_host: Annotated[str, Meta(description="Host name that printed URLs carry.")] = "localhost"
    public_url: Annotated[
        str, Meta(pattern=r"^$|^https?://", description="URL of the edge, where it is not `http://PUBLIC_HOST:PORT`.")
    ] = ""
    node: Annotated[str, Meta(min_length=1, description="Name of this machine in events and logs.")] = "local-1"
    region: Annotated[str, Meta(min_length=1, description="Region of this machine: keys the transcoding capacity.")] = "local"
    kafka: Annotated[str, Meta(description="Bootstrap servers of a Kafka to use; empty starts one here.")] = ""
    registry: Annotated[str, Meta(description="URL of a Confluent-compatible schema registry to use; empty starts ours.")] = ""
    edges: Annotated[
        str,
        Meta(
            pattern=r"^$|^[a-z]{3}=https?://[^\s,=]+(?:,[a-z]{3}=https?://[^\s,=]+)*$",
            description="Edges beside this machine's, `REGION=URL` with commas between: viewers are led to the nearest that answers.",
        ),
    ] = ""
    origin: Annotated[
        str,
        Meta(
            pattern=PLACE, description="Where the edge finds the origin, `HOST` or `HOST:PORT`; empty is this machine. So the next three."
        ),
    ] = ""
    api: Annotated[str, Meta(pattern=PLACE, description="Where the edge finds the API.")] = ""
    gateway: Annotated[str, Meta(pattern=PLACE, description="Where the edge finds the chat gateways.")] = ""
    sessions: Annotated[
        str,
        Meta(
            pattern=PLACE,
            description="Where the edge tells of playlist requests that it answers itself, over UDP; empty is the origin's host.",
        ),
    ] = ""
    proxies: Annotated[
        str,
        Meta(
            pattern=r"^[\da-fA-F.:/]+(?:,[\da-fA-F.:/]+)*$",
            description="Networks of the edges, with commas between: chat limits go by the viewer's address that these tell.",
        ),
    ] = "127.0.0.0/8,::1"
    objects: Annotated[str, Meta(description="Object store by URL (`file:///dir`, `s3://bucket`); empty is a folder in the home.")] = ""
    objects_warm: Annotated[
        str, Meta(description="Object store by URL for VODs older than 7 days; empty is a folder in the home, or on S3 the same bucket.")
    ] = ""
    objects_cold: Annotated[str, Meta(description="The same for VODs older than 60 days.")] = ""
    postgres: Annotated[str, Meta(description="URL of a PostgreSQL for the library's tables; empty starts one here.")] = ""
    features: Annotated[
        bool, Meta(description="Whether Flink makes features of live streams while the system runs; it takes a JVM of some 600 MB.")
    ] = True
    flink: Annotated[
        str,
        Meta(
            pattern=r"^$|^https?://[^\s/:]+:\d{1,5}/?$",
            description="REST URL of a Flink session cluster for the features, `http://HOST:PORT`; empty runs them in a process of ours.",
        ),
    ] = ""
    flink_checkpoints: Annotated[
        str,
        Meta(description="Folder or bucket by URL for the features' checkpoints, which that cluster reaches too; empty is in the home."),
    ] = ""
    redis: Annotated[str, Meta(description="URL of a Redis for features of live streams; empty starts one here.")] = ""
    retention_days_partner: Annotated[
        int, Meta(ge=-1, description="Days for which new VODs of partners, and of owners with Turbo or Prime, are kept; -1 is for ever.")
    ] = 60
    retention_days: Annotated[int, Meta(ge=-1, description="Days for which new VODs of all others are kept; -1 is for ever.")] = 14
    master_key: Annotated[
        str, Meta(description="File of the master key that wraps the subjects' keys, made where it is missing; empty is one in the home.")
    ] = ""
    playback_key: Annotated[
        int,
        Meta(
            ge=1,
            le=999_999,
            description="Number of the key that signs playback URLs. One more is a new key; the last one is still accepted.",
        ),
    ] = 1
    playback_seconds: Annotated[int, Meta(ge=10, description="Seconds for which a signed playback URL opens a restricted channel.")] = (
        LIFE_S
    )
    capacity: Annotated[
        int, Meta(ge=0, description="Encoded megapixels a second that this machine offers; 0 is half of what its cores can.")
    ] = 0
    outputs: Annotated[
        int,
        Meta(
            ge=0,
            description="Renditions that this machine's memory holds; 0 is as many as half of it does, 100 MiB each (`nvenc`: 12).",
        ),
    ] = 0
    overflow: Annotated[
        bool, Meta(description="Whether this machine is rented for transcoding: used only where no other has room, and left first.")
    ] = False
    encoder: Annotated[Literal["x264", "nvenc"], Meta(description="What encodes renditions: the CPU, or an NVIDIA GPU.")] = "x264"
    tls_certificate: Annotated[str, Meta(description="PEM file for RTMPS; empty leaves RTMPS off.")] = ""
    tls_key: Annotated[str, Meta(description="PEM file of the certificate's key.")] = ""
    grace_seconds: Annotated[float, Meta(ge=0, description="Seconds for which a live session waits for a publisher that dropped.")] = 60.0
    lake_seconds: Annotated[float, Meta(gt=0, description="Seconds after which a record is in the lake; files get larger with it.")] = 60.0
    chat_connections: Annotated[int, Meta(ge=1, description="Chat connections that a gateway takes; one more is told so.")] = 10_000
    chat_gateways: Annotated[
        int, Meta(ge=1, le=16, description="Chat gateway processes that share the ports; each takes a core where it is busy.")
    ] = 1
    chat_address_rate: Annotated[
        float, Meta(gt=0, description="Chat messages and commands a second that one IP address may hand in, over all its connections.")
    ] = 100.0
    private_callbacks: Annotated[
        bool, Meta(description="Whether EventSub may call webhooks on private addresses, such as this machine's own.")
    ] = False
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least level that is logged.")] = "info"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in an environment.

        Raises:
            SettingsError: a value does not fit, or a variable with our prefix is no setting.
        """
        given = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
        for name in given:
            if name not in cls.__struct_fields__:
                near = difflib.get_close_matches(name, cls.__struct_fields__, 1)
                hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
                raise SettingsError(f"{PREFIX}{name.upper()} is not a setting{hint} All settings: {REFERENCE}")
        for name, value in given.items():
            try:
                msgspec.convert({name: value}, cls, strict=False)
            except msgspec.ValidationError as cause:
                reason = str(cause).partition(" - at ")[0]
                raise SettingsError(f"{PREFIX}{name.upper()}={value!r}: {reason}. What it takes: {REFERENCE}") from cause
        return msgspec.convert(given, cls, strict=False)

    @property
    def ports(self) -> Ports:
        """The ports, moved."""
        return Ports().moved(self.port_offset)

    @property
    def folder(self) -> Path:
        """Folder of all state."""
        return CHECKOUT / self.home

    @property
    def bootstrap(self) -> str:
        """Kafka's bootstrap servers, outside ones or ours."""
        return self.kafka or f"{self.inside}:{self.ports.kafka}"

    @property
    def inside(self) -> str:
        """Address at which this machine's processes reach each other."""
        return reached(self.listen_inside)

    def place(self, name: Literal["origin", "api", "gateway", "sessions"]) -> str:
        """Host and port of a process behind the edge."""
        given: dict[str, str] = {"origin": self.origin, "api": self.api, "gateway": self.gateway, "sessions": self.sessions}
        host, _, port = given[name].partition(":")
        if name == "sessions" and not host:
            host = self.origin.partition(":")[0]
        return f"{host or self.inside}:{port or getattr(self.ports, name)}"

    @property
    def registry_url(self) -> str:
        """The schema registry's URL, an outside one or ours."""
        return self.registry or f"http://{self.inside}:{self.ports.registry}"

    @property
    def objects_url(self) -> str:
        """The object store's URL."""
        return self.objects or f"file://{self.folder / 'objects'}"

    @property
    def tier_urls(self) -> dict[str, str]:
        """The URLs of the stores by tier, the hot one first. Tiers of one URL are one store."""
        local = self.objects_folder is not None
        found = {"hot": self.objects_url}
        for tier, given in (("warm", self.objects_warm), ("cold", self.objects_cold)):
            found[tier] = given or (f"file://{self.folder / f'objects-{tier}'}" if local else self.objects_url)
        return found

    @property
    def objects_folder(self) -> Path | None:
        """The folder of an object store on this machine's disk; None for another kind."""
        kind, _, path = self.objects_url.partition("://")
        return Path(unquote(path)) if kind == "file" else None

    @property
    def postgres_url(self) -> str:
        """Where the library's tables are, outside or ours."""
        return self.postgres or PostgresNode(self.folder / "postgres", self.ports.postgres).url

    @property
    def flink_checkpoints_url(self) -> str:
        """Where Flink keeps checkpoints."""
        return self.flink_checkpoints.rstrip("/") or (self.folder / "flink").as_uri()

    @property
    def redis_url(self) -> str:
        """Where the features of live streams are, outside or ours."""
        return self.redis or f"redis://127.0.0.1:{self.ports.redis}"

    @property
    def master_key_file(self) -> Path:
        """The file of the master key."""
        return Path(self.master_key) if self.master_key else self.folder / "master.key"

    @property
    def page_url(self) -> str:
        """Where people watch."""
        return self.public_url.rstrip("/") or f"http://{self.public_host}:{self.ports.edge}"

    @property
    def edge_nodes(self) -> list[Edge]:
        """All edges, this machine's first; the second of a region has a number."""
        given = [(self.region, self.page_url), *(each.split("=", 1) for each in self.edges.split(",") if each)]
        found: list[Edge] = []
        for region, url in given:
            earlier = sum(edge.region == region for edge in found)
            found.append(Edge(f"edge-{region}" + (f"-{earlier + 1}" if earlier else ""), region, url.rstrip("/")))
        return found

    @property
    def rtmp_url(self) -> str:
        """The server that a publisher is given; the stream key follows it."""
        return f"rtmp://{self.public_host}:{self.ports.rtmp}/app"

    def environment(self) -> dict[str, str]:
        """The variables that give a process these very settings."""
        return {PREFIX + name.upper(): str(getattr(self, name)) for name in self.__struct_fields__}


def reference() -> str:
    """The reference page of all settings and ports, in Markdown."""
    rows = []
    for field in msgspec.inspect.type_info(Settings).fields:  # type: ignore[attr-defined]
        default = f"`{field.default}`" if field.default != "" else "empty"
        rows.append(f"| `{PREFIX}{field.name.upper()}` | {default} | {field.type.extra_json_schema['description']} |")
    ports = [
        f"| {name} | {port} | {'users' if place < USERS else 'inside'} |" for place, (name, port) in enumerate(Ports()._asdict().items())
    ]
    return "\n".join(
        (
            "# Settings",
            "",
            "Read once from the environment when a process starts. Another variable that begins with `CHRONICAST_` is refused.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
            "## Ports",
            "",
            "`CHRONICAST_PORT_OFFSET` is added to each.",
            "",
            "| port of | default | for |",
            "|---|---|---|",
            *ports,
            "",
        )
    )


if __name__ == "__main__":
    sys.stdout.write(reference())
