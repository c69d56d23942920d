"""Which partition a key lies on, exactly as Java's default partitioner has it, and so aiokafka and Flink.

librdkafka's own default is CRC32: every producer of ours is set to `murmur2_random`, and a test compares all three.
"""

from functools import lru_cache

SEED = 0x9747B28C
M = 0x5BD1E995
R = 24
"""Constants of MurmurHash2 as org.apache.kafka.common.utils.Utils.murmur2 has them."""
MASK = 0xFFFFFFFF
POSITIVE = 0x7FFFFFFF
"""Java's `toPositive`: the sign bit is cut off, not negated."""
KEYS_KEPT = 1 << 16
"""Live keys of a process are channels: far fewer than this, at about 150 bytes each."""


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit MurmurHash2, unsigned."""
    length = len(data)
    whole = length & ~3
    h = SEED ^ length
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * M & MASK
        h = (h * M & MASK) ^ ((k ^ k >> R) * M & MASK)
    if length > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * M & MASK
    h = (h ^ h >> 13) * M & MASK
    return h ^ h >> 15


@lru_cache(KEYS_KEPT)
def partition_for(key: bytes, partitions: int) -> int:
    """The partition, from 0, of a key on a topic of so many partitions."""
    return (murmur2(key) & POSITIVE) % partitions
