"""Networks: in which of many networks one address lies, the address being read once."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator

from ombud.detect.matching.predicates import Network


class Networks:
    """Numbered networks."""

    def __init__(self, networks: Iterable[tuple[int, Network]]) -> None:
        # By version and width of the host part; then by the rest of the address.
        self._widths: dict[int, dict[int, dict[int, list[int]]]] = {4: {}, 6: {}}
        for number, predicate in networks:
            network = ipaddress.ip_network(predicate.cidr)
            shift = network.max_prefixlen - network.prefixlen
            start = int(network.network_address) >> shift
            width = self._widths[network.version].setdefault(shift, {})
            width.setdefault(start, []).append(number)

    def find(self, text: str) -> list[int]:
        """Return the numbers of the networks in which an address lies; text may be none."""
        if text.count(".") != 3 and ":" not in text:  # No address, and an exception is dear.
            return []
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return []
        found = [*self._within(address.version, int(address))]
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            found += self._within(4, int(address.ipv4_mapped))
        return found

    def _within(self, version: int, address: int) -> Iterator[int]:
        for shift, starts in self._widths[version].items():
            yield from starts.get(address >> shift, ())
