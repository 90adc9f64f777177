"""The embedding job: calls that arrived with words and without a vector get one, by their project's embedder.

Which hours have changed is seen from their rows, so that nobody has to tell: whatever comes late, or comes again, is
found. The newest hours come first; what is left when the time is over is done at the next run.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from spanledger_analytics import embedders
from spanledger_analytics.embedders import Embed
from spanledger_analytics.jobs import hours
from spanledger_analytics.jobs.hours import Progress
from spanledger_store import embedding
from spanledger_store.control import Control, embeddings, projects
from spanledger_store.control.embeddings import OFF, Hour, Settings
from spanledger_store.embedding import Wanted
from spanledger_store.engine import Engine
from spanledger_store.errors import StoreUnavailable

logger = logging.getLogger(__name__)

# A run that takes longer rests longer, and new calls are to wait less than a minute.
SECONDS: Final = 8.0
# Calls are looked for among the newest hours at each run, and among all of them now and then.
RECENT: Final = timedelta(hours=48)
SWEEP: Final = timedelta(hours=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
# Calls of hours that are read together.
_GROUP: Final = 20_000


def run(
    engine: Engine,
    control: Control,
    progress: Progress = lambda *_: None,
    now: datetime | None = None,
    seconds: float = SECONDS,
) -> int:
    """Embed what has come in, of every project in turn; how many vectors were made.

    May be cut short anywhere and repeated: a call that has its vector is not asked for again. A project that cannot be
    served does not keep others from it; the first one's error is raised at the end.
    """
    until = time.monotonic() + seconds
    made = 0
    failed: Exception | None = None
    for project in projects.listing(control):
        try:
            made += look(engine, control, project.id, now or datetime.now(UTC), progress, until)
        except StoreUnavailable:
            raise
        except Exception as error:  # an embedder is somebody else's program
            logger.warning("calls of project %s could not be embedded: %s", project.id, error)
            failed = failed or error
            told = embeddings.progress(control, project.id)
            said = embeddings.Progress(told.swept_at, told.model, str(error) or repr(error))
            embeddings.note(control, project.id, said)
    if failed is not None:
        raise failed
    return made


def look(
    engine: Engine,
    control: Control,
    project: str,
    now: datetime,
    progress: Progress = lambda *_: None,
    until: float | None = None,
) -> int:
    """Embed one project's calls, newest hours first, until the monotonic clock shows `until`; how many vectors."""
    settings = embeddings.settings(control, project)
    told = embeddings.progress(control, project)
    if settings.embedder == OFF:
        return 0
    back = hours.floor(now - timedelta(days=settings.days))
    sweeps = now - told.swept_at >= SWEEP or told.model == ""
    listed = embedding.hours(engine, project, back if sweeps else max(back, hours.floor(now - RECENT)))
    if not listed:
        return 0
    found = embedders.chosen(engine, control, settings, now, progress)
    if found is None:
        return 0
    model, embed = found
    if model != told.model and not sweeps:
        sweeps, listed = True, embedding.hours(engine, project, back)
    known = embeddings.hours(control, project, model, back)
    due = planned(settings, listed, known)
    own = sorted({*embeddings.models(control, project), model})
    made, come = 0, 0
    for group in due:
        if until is not None and time.monotonic() > until:
            break
        progress(f"embedding {project}", come, sum(map(len, due)))
        wanted = Wanted(project, group[0].hour, group[-1].hour + _HOUR, model, own, group[0].probability)
        found_, whole = _embed(engine, wanted, embed, until)
        # Noted as hours were before they were read: what came meanwhile has them looked at again.
        embeddings.done(control, project, model, [hours.noted(each, found_, whole=whole) for each in group])
        made += sum(found_.values())
        come += len(group) if whole else 0
    complete = come == sum(map(len, due))
    if sweeps and complete:
        embeddings.forget_hours(control, project, back)
    swept = now if sweeps and complete else told.swept_at
    if (swept, model, "") != (told.swept_at, told.model, told.error):
        embeddings.note(control, project, embeddings.Progress(swept, model, ""))
    return made


def planned(settings: Settings, listed: Sequence[embedding.Hour], known: Mapping[datetime, Hour]) -> list[list[Hour]]:
    """Hours that have changed since they were embedded, with their probabilities; the newest first.

    Neighbouring hours with one probability are a group, oldest first within it, as long as it is not too large.
    """
    chosen = dict(known)
    groups: list[list[Hour]] = []
    size = 0
    after: datetime | None = None
    for each in reversed(listed):
        before = known.get(each.hour)
        if hours.is_done(before, each):
            after = None
            continue
        probability = before.probability if before else chance(settings, each, listed, chosen)
        embedded = before.embedded if before else 0
        chosen[each.hour] = Hour(each.hour, 0, 0, probability, embedded or round(probability * each.calls))
        hour = Hour(each.hour, each.rows, each.newest, probability, embedded)
        size += each.calls
        if groups and after is not None and groups[-1][0].probability == probability and size <= _GROUP:
            groups[-1].insert(0, hour)
        else:
            groups.append([hour])
            size = each.calls
        after = each.hour
    return groups


def chance(
    settings: Settings, hour: embedding.Hour, listed: Sequence[embedding.Hour], known: Mapping[datetime, Hour]
) -> float:
    """The probability with which sessions of an hour are chosen: the rate, or less where the day's room is short.

    What is left of the day's room is spread over the calls that are still to be expected: those of its hours that are
    not yet decided, or as many as the day before had from this hour on. It depends on numbers of calls alone, never on
    which sessions these are, so that weights of 1 / probability are right.
    """
    day = hour.hour.replace(hour=0)
    spent = sum(each.embedded for each in known.values() if day <= each.hour < day + _DAY)
    here = sum(each.calls for each in listed if day <= each.hour < day + _DAY and each.hour not in known)
    if day + _DAY > max(each.hour for each in listed):
        here = max(here, sum(each.calls for each in listed if hour.hour - _DAY <= each.hour < day))
    room = max(0, settings.most_a_day - spent)
    # Three digits, rounded down: hours that have the same then are read together.
    return min(settings.rate, math.floor(1000 * room / max(here, 1)) / 1000)


def _embed(engine: Engine, wanted: Wanted, embed: Embed, until: float | None) -> tuple[Counter[datetime], bool]:
    """(vectors written by hour, whether all of the calls were come to)."""
    made: Counter[datetime] = Counter()
    if wanted.probability <= 0:
        return made, True
    for page in embedding.pages(engine, wanted):
        if page:
            vectors = embed([each.text for each in page])
            embedding.write(engine, wanted.project, wanted.model, page, vectors, wanted.probability)
            made.update(hours.of([each.start for each in page]))
        if until is not None and time.monotonic() > until:
            return made, False
    return made, True
