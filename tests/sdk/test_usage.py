from hypothesis import given
from hypothesis import strategies as st

from spanledger import Usage

counts = st.none() | st.integers(-5, 10**9)


def test_input_includes_cache_and_output_reasoning() -> None:
    usage = Usage.from_inclusive(100, 50, cache_read_tokens=30, cache_write_tokens=20, reasoning_tokens=10)
    assert usage == Usage(50, 30, 20, 40, 10)
    assert (usage.total_input, usage.total_output) == (100, 50)


def test_parts_beyond_the_whole_mean_an_exclusive_whole() -> None:
    usage = Usage.from_inclusive(10, 5, cache_read_tokens=30, reasoning_tokens=6)
    assert usage == Usage(10, 30, None, 5, 6)


def test_other_modalities_are_parts_of_their_whole_and_searches_are_none() -> None:
    usage = Usage.from_inclusive(100, 50, other={"input_audio_tokens": 60, "output_audio_tokens": 5, "web_searches": 2})
    assert (usage.input_tokens, usage.output_tokens) == (40, 45)
    assert (usage.total_input, usage.total_output) == (100, 50)


def test_unknown_is_none_and_not_zero() -> None:
    assert Usage.from_inclusive() == Usage()
    assert Usage().is_empty
    assert Usage().total_input is None
    assert not Usage(input_tokens=0).is_empty
    assert Usage(cache_read_tokens=3).total_input == 3


@given(counts, counts, counts, counts, counts)
def test_no_bucket_is_negative_and_a_plausible_whole_is_kept(
    whole: int | None, output: int | None, read: int | None, write: int | None, reasoning: int | None
) -> None:
    usage = Usage.from_inclusive(whole, output, read, write, reasoning)
    buckets = (
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
    )
    assert all(bucket is None or bucket >= 0 for bucket in buckets)
    if whole is not None and whole >= max(read or 0, 0) + max(write or 0, 0):
        assert usage.total_input == whole
    if output is not None and output >= max(reasoning or 0, 0):
        assert usage.total_output == output
