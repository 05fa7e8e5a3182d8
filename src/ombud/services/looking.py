"""Looking: segments looked at in order, here or by as many processes as are wanted.

Invariant: how many processes there are changes nothing that is told, only the time.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from ombud.detect.correlation.model import Correlation
from ombud.detect.replaying.replay import Stored
from ombud.detect.rule import Rule
from ombud.services.segment_look import Carried, SegmentLook, Stretch, Task
from ombud.services.workers import Worker

JOBS_MAX = 4  # Each has the values of a segment's columns in memory; one process takes it all.
EVENTS_MIN = 1_000_000  # Fewer are looked at before another process has started.
Answers = Iterator[Stretch | Carried]


def jobs_for(events: int) -> int:
    """Return how many processes to look at so many events with."""
    return min(len(os.sched_getaffinity(0)), JOBS_MAX) if events >= EVENTS_MIN else 1


class Looking:
    """Looks at one segment after the other; tasks are made in order, and told of in order."""

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation],
        told: Mapping[str, frozenset[str]],
        *,
        jobs: int,
    ) -> None:
        """With more than one job as many processes start, once a segment is given."""
        self._make = partial(_sender, tuple(rules), tuple(correlations), dict(told))
        self._here: Callable[[Task], Answers] | None = None
        if jobs == 1:
            self._here = SegmentLook(rules, correlations, told).look
        self._jobs = jobs
        self._workers: list[Worker] = []
        self._asked: deque[Worker] = deque()  # Whose answers are due, in order.
        self._task: Task | None = None

    @property
    def is_full(self) -> bool:
        """Whether nobody is free to take a task."""
        if self._here is not None:
            return self._task is not None
        return len(self._asked) == self._jobs

    @property
    def is_waiting(self) -> bool:
        """Whether there are answers due."""
        return self._task is not None or bool(self._asked)

    def give(self, task: Task) -> None:
        """Give a task to somebody who is free: so no two ever wait for each other to read."""
        if self._here is not None:
            self._task = task
            return
        while len(self._workers) < self._jobs:
            self._workers.append(Worker(self._make))
        worker = next(one for one in self._workers if one not in self._asked)
        worker.send(task)
        self._asked.append(worker)

    def answers(self) -> Answers:
        """Yield the answers to the task that was given first."""
        if self._here is not None:
            task, self._task = self._task, None
            if task is not None:
                yield from self._here(task)
            return
        worker, answer = self._asked[0], None
        while not isinstance(answer, Carried):
            answer = worker.receive()
            if answer is not None:  # The first thing a worker says is that it is ready.
                yield answer
        self._asked.popleft()

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.close()
        self._workers = []


def _sender(
    rules: tuple[Rule, ...],
    correlations: tuple[Correlation, ...],
    told: Mapping[str, frozenset[str]],
) -> Callable[[Task], Answers]:
    look = SegmentLook(rules, correlations, told).look
    return lambda task: map(_to_send, look(task))


def _to_send(answer: Stretch | Carried) -> Stretch | Carried:
    """Return an answer that can be sent: a view of memory cannot."""
    if isinstance(answer, Carried):
        return answer
    return answer._replace(named=_owned(answer.named), originals=_owned(answer.originals))


def _owned(stored: Stored | None) -> Stored | None:
    if stored is None:
        return None
    committed = stored.committed
    return stored._replace(committed=replace(committed, blobs=tuple(map(bytes, committed.blobs))))
