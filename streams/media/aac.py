"""AAC: its configuration (ISO/IEC 14496-3 section 1.6.2.1) and frames of silence."""

from typing import NamedTuple

FRAME_SAMPLES = 1_024
"""Samples of a frame; the short form of 960 belongs to digital radio and is refused."""
SAMPLE_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)
"""By samplingFrequencyIndex (table 1.18)."""
ELEMENTS = {1: "s", 2: "p", 3: "sp", 4: "sps", 5: "spp", 6: "sppl"}
"""By channelConfiguration (table 1.19): single channels, pairs, low-frequency channel."""
CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6}
LOW_COMPLEXITY = frozenset({2, 5, 29})
"""Audio object types taken: AAC-LC, and HE-AAC versions 1 and 2, whose core is LC."""
EXPLICIT_RATE = 15
ESCAPE_TYPE = 31


class UnsupportedAudioError(ValueError):
    """The AAC stream is of a kind that is not taken."""


class AudioConfig(NamedTuple):
    """What an AudioSpecificConfig says."""

    sample_rate: int
    """Of the core: HE-AAC's output has twice as much."""
    channels: int
    """Of the core."""
    layout: int
    """channelConfiguration, 1 to 6."""


def parse_config(config: bytes) -> AudioConfig:
    """Reads an AudioSpecificConfig.

    Raises:
        UnsupportedAudioError: not AAC-LC or HE-AAC in a listed channel layout with frames of 1024 samples, or cut short.
    """
    if not 2 <= len(config) <= 64:
        raise UnsupportedAudioError(f"an AudioSpecificConfig of {len(config)} bytes is not read")
    value, left = int.from_bytes(config, "big"), 8 * len(config)

    def bits(count: int) -> int:
        nonlocal left
        left -= count
        if left < 0:
            raise UnsupportedAudioError("the AudioSpecificConfig is cut short")
        return value >> left & (1 << count) - 1

    def object_type() -> int:
        kind = bits(5)
        return 32 + bits(6) if kind == ESCAPE_TYPE else kind

    def rate() -> int:
        index = bits(4)
        if index == EXPLICIT_RATE:
            return bits(24)
        if index >= len(SAMPLE_RATES):
            raise UnsupportedAudioError(f"sampling frequency index {index} is reserved")
        return SAMPLE_RATES[index]

    kind, sample_rate, layout = object_type(), rate(), bits(4)
    if kind not in LOW_COMPLEXITY:
        raise UnsupportedAudioError(f"audio object type {kind} is not AAC-LC or HE-AAC")
    if kind != 2:
        rate()  # of the extension
        object_type()  # of the core
    if layout not in ELEMENTS or not 7_350 <= sample_rate <= 96_000:
        raise UnsupportedAudioError(f"channel layout {layout} at {sample_rate} Hz is not taken: layouts 1 to 6 at 7350 to 96000 Hz are")
    if bits(1):
        raise UnsupportedAudioError("AAC frames of 960 samples are not taken: 1024 are")
    return AudioConfig(sample_rate, CHANNELS[layout], layout)


def silent_frame(layout: int) -> bytes:
    """A raw_data_block (section 4.4.2.1) of silence: every channel has no scale factor band, so no spectrum."""
    bits = ""
    tags = dict.fromkeys("spl", 0)
    window = "00000000000"  # reserved bit, long window, sine shape, max_sfb 0, no prediction
    channel = "00000000"  # global gain
    tools = "000"  # no pulse data, no noise shaping, no gain control
    for element in ELEMENTS[layout]:
        tag = f"{tags[element]:04b}"
        tags[element] += 1
        if element == "p":
            bits += "001" + tag + "1" + window + "00" + 2 * (channel + tools)  # common window, no mid/side
        else:
            bits += ("000" if element == "s" else "011") + tag + channel + window + tools
    bits += "111"  # end
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
