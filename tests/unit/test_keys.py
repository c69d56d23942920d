"""Keys lie where Java, aiokafka and librdkafka put them."""

import random

import pytest
from aiokafka.partitioner import DefaultPartitioner

from streams.keys import murmur2, partition_for


@pytest.mark.parametrize(
    ("key", "java"),
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_murmur2_is_java_s(key: str, java: int) -> None:
    assert murmur2(key.encode()) == java & 0xFFFFFFFF


def test_a_thousand_keys_lie_where_aiokafka_puts_them() -> None:
    random.seed(7)
    theirs = DefaultPartitioner()
    for count in (1, 4, 12, 100):
        partitions = list(range(count))
        for key in (random.randbytes(random.randint(1, 40)) for _ in range(1_000)):
            assert partition_for(key, count) == theirs(key, partitions, partitions)
