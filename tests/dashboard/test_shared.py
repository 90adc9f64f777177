from __future__ import annotations

import asyncio

import pytest

from spanledger_dashboard.shared import Shared


def test_who_asks_at_the_same_moment_gets_the_same_answer() -> None:
    async def all_of_it() -> None:
        shared, made = Shared[int](0.05), list[int]()

        async def make() -> int:
            made.append(1)
            await asyncio.sleep(0.01)
            return len(made)

        assert await asyncio.gather(*(shared.of("a", make) for _ in range(5))) == [1] * 5
        assert await shared.of("a", make) == 1
        assert await shared.of("b", make) == 2
        await asyncio.sleep(0.2)
        assert await shared.of("a", make) == 3

    asyncio.run(all_of_it())


def test_a_failure_is_told_to_all_and_not_kept_and_who_leaves_takes_nothing_along() -> None:
    async def all_of_it() -> None:
        shared, tries = Shared[str](10), list[int]()

        async def make() -> str:
            tries.append(1)
            await asyncio.sleep(0.01)
            if len(tries) == 1:
                raise ValueError("no")
            return "yes"

        told = await asyncio.gather(*(shared.of("a", make) for _ in range(3)), return_exceptions=True)
        assert [str(each) for each in told] == ["no"] * 3
        await asyncio.sleep(0.01)
        left = asyncio.ensure_future(shared.of("a", make))
        stayed = asyncio.ensure_future(shared.of("a", make))
        await asyncio.sleep(0)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        assert await stayed == "yes"
        assert len(tries) == 2

    asyncio.run(all_of_it())
