"""Read by a type checker, never run: each marked line is an error, and no other is."""

import spanledger


@spanledger.observe
def sync(a: int, *, b: str = "") -> float:
    return a


class Bot:
    @spanledger.observe(kind="tool")
    def method(self, a: int) -> str:
        return str(a)


sync("x")  # error: reportArgumentType
sync(1, c=2)  # error: reportCallIssue
Bot().method()  # error: reportCallIssue
spanledger.observe(kind="model")  # error: reportArgumentType
spanledger.observe(capture="some")  # error: reportArgumentType
wrong: int = sync(1)  # error: reportAssignmentType
