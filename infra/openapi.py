"""The OpenAPI document of the API, from its routes.

`python -m infra.openapi` writes docs/reference/openapi.json, `--check` exits 1 where what is there differs.
"""

import json
import sys
from pathlib import Path
from typing import Any, cast

from schemas.registry import LocalRegistry
from schemas.wire import Codec
from sinks.edges.routes import router as playback
from sinks.helix.app import make_app
from sinks.helix.errors import ANSWERS
from sinks.helix.views import Views
from sinks.recommend.routes import router as recommendations
from streams.log_memory import MemoryLog

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "openapi.json"


def document() -> dict[str, Any]:
    """The document. Nothing is called, so the parts that only calls use are left out."""
    unused = cast(Any, None)
    views = Views(MemoryLog(), Codec(LocalRegistry()))
    app = make_app(views, unused, unused, unused, playback=unused, clips_edge=unused, chats=unused)
    app.include_router(recommendations(unused, views), responses=ANSWERS)
    app.include_router(playback(views, unused, unused, unused), responses=ANSWERS)
    return app.openapi()


def main() -> int:
    """Writes or checks; returns the exit code."""
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if "--check" in sys.argv:
        if not TARGET.exists() or TARGET.read_text() != text:
            sys.stderr.write(f"{TARGET} is not what the routes say: run `python -m infra.openapi`\n")
            return 1
        return 0
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
