"""Receipt: what the record promises about one batch, given only after it is durable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receipt:
    """The events of a batch that were recorded are `[first_index, last_index]`, without gaps.

    `recorded + duplicate` is the number of events in the batch; both indices are
    None when all were duplicates.  `id_conflict` counts those recorded whose id
    was known with other bytes.  `size` is that of the tree head that covers them.
    """

    first_index: int | None
    last_index: int | None
    recorded: int
    duplicate: int
    id_conflict: int
    size: int
