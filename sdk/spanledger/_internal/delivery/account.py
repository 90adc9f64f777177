"""The exact account of what became of every span: what `spanledger.stats()` returns."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stats:
    """Exact counts of spans since `init` (in a forked child: since the fork).

    `sent` counts spans handed to the network, resends not counted again; `acknowledged` those the
    collector took; `dropped` those given up, by reason; `retries` repeated requests. Spans that are started
    and not ended are `started - ended`. `held` and `sampled_out` are 0 without sampling: spans that wait for their
    trace to end or are sums that are still open, and spans that were left out (the sums that count their calls are
    spans like any other, of the SDK's own making). `scores` holds the same counts of scores and feedback.

    `buffered` spans lie on disk and will be sent by this process or a later one; `inherited` are those it took over
    from processes that ended. Both are 0 without a buffer directory. At every moment, in every process,

        ended + inherited == queued + held + in_flight + buffered + acknowledged + sampled_out + lost

    and over all processes nothing is counted twice: what one leaves as `buffered` is what others inherit.
    """

    started: int = 0
    ended: int = 0
    queued: int = 0
    held: int = 0
    in_flight: int = 0
    buffered: int = 0
    inherited: int = 0
    sent: int = 0
    acknowledged: int = 0
    sampled_out: int = 0
    dropped: dict[str, int] = field(default_factory=dict[str, int])
    retries: int = 0
    last_error: str | None = None
    scores: Stats | None = None

    @property
    def lost(self) -> int:
        """Spans dropped for any reason."""
        return sum(self.dropped.values())


@dataclass(slots=True)
class Account:
    """The counts as they change; whoever changes them holds the queue's lock."""

    started: int = 0
    ended: int = 0
    held: int = 0
    in_flight: int = 0
    buffered: int = 0
    buffered_own: int = 0  # of them, spans of this process
    inherited: int = 0
    sent: int = 0
    acknowledged: int = 0
    sampled_out: int = 0
    retries: int = 0
    dropped: dict[str, int] = field(default_factory=dict[str, int])
    last_error: str | None = None

    @property
    def done(self) -> int:
        """Spans of which nothing more will become."""
        return self.acknowledged + self.sampled_out + sum(self.dropped.values())

    def drop(self, count: int, reason: str) -> None:
        """Count spans that were given up; with a negative count, some that were not after all."""
        left = self.dropped.get(reason, 0) + count
        if left:
            self.dropped[reason] = left
        else:
            self.dropped.pop(reason, None)

    def keep(self, count: int) -> None:
        """Count spans in flight that are on disk now."""
        if self.in_flight:
            self.in_flight -= count
        else:  # the queue was closed an instant ago and gave up what was saved after all
            self.drop(-count, "shutdown")
        self.buffered += count
        self.buffered_own += count

    def inherit(self, count: int) -> None:
        """Count spans on disk that were another process's."""
        self.inherited += count
        self.buffered += count

    def settle_kept(self, acknowledged: int, dropped: int, reason: str, error: str, *, is_own: bool) -> None:
        """Count spans that were on disk as taken, or as given up."""
        self.acknowledged += acknowledged
        self.buffered -= acknowledged + dropped
        if is_own:
            self.buffered_own -= acknowledged + dropped
        if dropped:
            self.drop(dropped, reason)
            self.last_error = error or self.last_error

    def stats(self, queued: int) -> Stats:
        """Return these counts, of which the queue knows one."""
        return Stats(
            started=self.started,
            ended=self.ended,
            queued=queued,
            held=self.held,
            in_flight=self.in_flight,
            buffered=self.buffered,
            inherited=self.inherited,
            sent=self.sent,
            acknowledged=self.acknowledged,
            sampled_out=self.sampled_out,
            dropped=dict(self.dropped),
            retries=self.retries,
            last_error=self.last_error,
        )
