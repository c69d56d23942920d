"""Pictures of a VOD: thumbnails from key frames, and sheets of small ones."""

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from processors.vod.pictures import SPRITES, THUMBNAIL, TILE, Size

QUALITY = 4
"""Of 2 (best) to 31: a thumbnail is 8-15 KB, and letters on a screen are legible."""
Canvas = NDArray[np.uint8]


class NoPictureError(ValueError):
    """Media have no picture where one is taken. Operator action: look at the source with ffprobe."""


def thumbnail(init: bytes, segment: bytes) -> bytes:
    """The first picture of a segment, as JPEG.

    Raises:
        av.FFmpegError: the bytes are no media.
        StopIteration: there is no picture in them.
    """
    with av.open(io.BytesIO(init + segment), "r", format="mp4") as container:
        return _jpeg(_fitted(next(container.decode(video=0)), THUMBNAIL))


def middle(video: bytes) -> bytes:
    """The picture in the middle of an MP4, as JPEG.

    Raises:
        av.FFmpegError: the bytes are no media.
        NoPictureError: there is no picture in them.
    """
    with av.open(io.BytesIO(video), "r", format="mp4") as container:
        half = (container.duration or 0) / av.time_base / 2
        container.seek(round(half * av.time_base))
        frame = next((frame for frame in container.decode(video=0) if (frame.time or 0.0) >= half), None)
    if frame is None:
        raise NoPictureError("the video shows nothing in its middle")
    return _jpeg(_fitted(frame, THUMBNAIL))


def sprites(thumbnails: Sequence[bytes]) -> list[bytes]:
    """Sheets of the pictures in order, each as JPEG; the last one is only as high as its rows."""
    return [_sheet(thumbnails[first : first + SPRITES.tiles]) for first in range(0, len(thumbnails), SPRITES.tiles)]


def _sheet(thumbnails: Sequence[bytes]) -> bytes:
    rows = -(-len(thumbnails) // SPRITES.columns)
    canvas: Canvas = np.zeros((rows * TILE.height, SPRITES.columns * TILE.width, 3), np.uint8)
    for place, data in enumerate(thumbnails):
        row, column = divmod(place, SPRITES.columns)
        with av.open(io.BytesIO(data), "r", format="jpeg_pipe") as container:
            tile = _fitted(next(container.decode(video=0)), TILE)
        canvas[row * TILE.height : (row + 1) * TILE.height, column * TILE.width : (column + 1) * TILE.width] = tile
    return _jpeg(canvas)


def _fitted(frame: VideoFrame, size: Size) -> Canvas:
    """A picture in a frame of a size, with black bars where its shape is another."""
    scale = min(size.width / frame.width, size.height / frame.height)
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    canvas: Canvas = np.zeros((size.height, size.width, 3), np.uint8)
    left, top = (size.width - width) // 2, (size.height - height) // 2
    canvas[top : top + height, left : left + width] = frame.to_ndarray(format="rgb24", width=width, height=height)
    return canvas


def _jpeg(canvas: Canvas) -> bytes:
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    height, width, _ = canvas.shape
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, "yuvj420p", Fraction(1)
    encoder.flags |= av.codec.context.Flags.qscale
    encoder.global_quality = QUALITY * 118  # FF_QP2LAMBDA
    frame = VideoFrame.from_ndarray(canvas, format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))
