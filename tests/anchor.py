"""nginx with its RTMP module: the anchor that our figures stand beside, in the same run."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from infra import ports

MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
CONFIG = """
load_module {module};
{user}
daemon off;
worker_processes 1;
pid {home}/pid;
error_log {home}/error.log;
events {{ }}
rtmp {{
    server {{
        listen 127.0.0.1:{rtmp};
        application app {{
            live on;
            hls on;
            hls_path {home}/hls;
            hls_fragment 2s;
            hls_playlist_length 20s;
        }}
    }}
}}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; text/javascript mjs; text/html html; }}
    server {{
        listen 127.0.0.1:{http};
        root {home}/hls;
        add_header Cache-Control no-cache;
    }}
}}
"""
PAGE = """<!doctype html><title>anchor</title><video muted autoplay playsinline></video>
<script type="module">
import Hls from './hls.min.mjs';
const hls = new Hls();
hls.loadSource('live.m3u8');
hls.attachMedia(document.querySelector('video'));
</script>"""
"""hls.js as it comes, without any setting."""


class Anchor:
    """A running nginx-rtmp."""

    def __init__(self, home: Path, rtmp: int, http: int, pid: int) -> None:
        self.folder = home / "hls"
        """What it serves over HTTP."""
        self.rtmp_url = f"rtmp://127.0.0.1:{rtmp}/app/live"
        self.url = f"http://127.0.0.1:{http}"
        self.playlist = f"{self.url}/live.m3u8"
        self.pid = pid


@contextlib.asynccontextmanager
async def nginx_rtmp(home: Path) -> AsyncIterator[Anchor]:
    """It, for the block."""
    rtmp, http = ports.free(2)
    (home / "hls").mkdir(parents=True)
    home.chmod(0o755)
    user = "user root;" if Path("/proc/self").owner() == "root" else ""
    config = home / "nginx.conf"
    config.write_text(CONFIG.format(module=MODULE, user=user, home=home, rtmp=rtmp, http=http))
    command = ["setpriv", "--pdeathsig", "TERM", "--", "/usr/sbin/nginx", "-e", str(home / "error.log"), "-c", str(config)]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        while not ports.taken(rtmp):
            if process.returncode is not None:
                raise RuntimeError(f"nginx did not start: {(home / 'error.log').read_text()}")
            await asyncio.sleep(0.05)
        yield Anchor(home, rtmp, http, process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
