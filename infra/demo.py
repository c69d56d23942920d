"""The demo: a generated moving picture with clock and sound, sent by ffmpeg to the local ingest, and viewers that chat about it."""

import asyncio
import contextlib
import subprocess

import ffmpeg
import structlog

from infra.accounts import AccountError, Accounts
from infra.apps.service import App, run
from infra.demo_chat import DemoChat

LOGIN = "demo"
WIDTH, HEIGHT, RATE = 1280, 720, 30
GOP = 2 * RATE
"""Frames between key frames: the platform's segment is 2 s."""
KBPS = 2_500
PAUSE_S = 1.0
"""Between two tries to publish."""
FONT = "sans"
"""By fontconfig, which Debian's ffmpeg comes with."""
COLOURS = {"c0": "0x0b1026", "c1": "0x5b21b6", "c2": "0x0e7490", "c3": "0x1e1b4b", "nb_colors": 4}
DRAWN = "160x90"
"""The colours are drawn small and enlarged: a quarter of the CPU."""

logger = structlog.get_logger()


def picture() -> ffmpeg.Stream:
    """The moving picture: drifting colours, the wall clock in UTC, the frame's number, and a bar that shows a dropped frame as a jump."""
    colours = ":".join(f"{name}={value}" for name, value in {"size": DRAWN, "rate": RATE, "speed": 0.01, **COLOURS}.items())
    source = ffmpeg.input(f"gradients={colours}", f="lavfi", re=None).filter("scale", WIDTH, HEIGHT, flags="bilinear")
    bar = source.filter("format", "yuv420p").drawbox(f"mod(t*320,{WIDTH})", "ih-14", 160, 8, "white@0.8", thickness="fill")
    words = {"font": FONT, "fontcolor": "white", "escape_text": False, "x": "(w-tw)/2"}
    clock = bar.drawtext(text="%{gmtime:%H\\:%M\\:%S}", y="h*0.36", fontsize=150, **words)
    return clock.drawtext(text="Chronicast demo   frame %{n}", y="h*0.62", fontsize=40, **words)


def sound() -> ffmpeg.Stream:
    """A soft chord with a beep each second, so that sound and picture can be held against each other."""
    chord = ffmpeg.input("sine=frequency=220:beep_factor=4:sample_rate=48000", f="lavfi", re=None)
    return chord.filter("volume", 0.2)


def command(url: str) -> list[str]:
    """Ffmpeg's command line; encoded as a streaming programme does it: low delay, one key frame per segment."""
    coded = {"vcodec": "libx264", "preset": "superfast", "tune": "zerolatency", "profile:v": "main", "pix_fmt": "yuv420p"}
    rates = {"video_bitrate": f"{KBPS}k", "maxrate": f"{KBPS}k", "bufsize": f"{2 * KBPS}k", "g": GOP, "keyint_min": GOP, "sc_threshold": 0}
    audio = {"acodec": "aac", "audio_bitrate": "128k", "ac": 2, "ar": 48_000}
    built = ffmpeg.output(picture(), sound(), url, f="flv", flvflags="no_duration_filesize", **coded, **rates, **audio)
    arguments: list[str] = built.global_args("-hide_banner", "-loglevel", "warning", "-nostdin").compile()
    return arguments


def key(accounts: Accounts) -> str:
    """A key for this run. ffmpeg takes it on its command line, where every user of the machine can read it: so it is of no use later."""
    with contextlib.suppress(AccountError):
        return accounts.create(LOGIN, "partner").stream_key
    return accounts.rotate_key(LOGIN)


async def demo(app: App) -> None:
    """Publishes and chats until stopped."""
    stream_key = await asyncio.to_thread(key, Accounts(app.parts.log, app.parts.codec, "demo"))
    await asyncio.gather(publish(app, stream_key), DemoChat(app, LOGIN).run())


async def publish(app: App, stream_key: str) -> None:
    """Publishes until stopped; a publisher that ends is started anew."""
    arguments = command(f"rtmp://127.0.0.1:{app.settings.ports.rtmp}/app/{stream_key}")
    while not app.stopping.is_set():
        child = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL", "--", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        ended = asyncio.create_task(_heard(child, stream_key))
        stopping = asyncio.create_task(app.stopping.wait())
        await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            child.terminate()
        logger.info("publisher ended", code=await ended)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(app.stopping.wait(), PAUSE_S)


async def _heard(child: asyncio.subprocess.Process, stream_key: str) -> int:
    """Logs what ffmpeg says, without the key; its exit code."""
    assert child.stdout is not None
    async for line in child.stdout:
        logger.warning("ffmpeg", said=line.decode(errors="replace").rstrip().replace(stream_key, "KEY"))
    return await child.wait()


if __name__ == "__main__":
    run("demo", demo)
