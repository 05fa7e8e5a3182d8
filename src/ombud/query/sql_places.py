"""SQL of places: the distance between two points on the Earth."""

from __future__ import annotations

from ombud.query.bindings import Bindings
from ombud.query.columns import column_of
from ombud.query.tree import Near

EARTH_M = 6_371_008.8  # Mean radius; IUGG, Geodetic Reference System 1980.
_DEGREE_M = 111_000.0  # A little less than a degree of latitude is long, so nothing is lost.


def near(node: Near, bindings: Bindings) -> str:
    """Return SQL that is true when the circle searched touches the circle around the point.

    A search without a radius is a point.  The great-circle distance is that of the
    haversine, right to 0.6 % of that on the ellipsoid; a strip of latitudes comes
    first, for it costs next to nothing.
    """
    lat, lon = column_of("place.lat").expression, column_of("place.lon").expression
    here_lat, here_lon = f"{bindings.add(node.lat)}::DOUBLE", f"{bindings.add(node.lon)}::DOUBLE"
    own = f"greatest(coalesce({column_of('place.radius_m').expression}, 0), 0)"
    reach = f"({bindings.add(node.metres)}::DOUBLE + {own})"
    strip = f"abs({lat} - {here_lat}) * {_DEGREE_M} <= {reach}"
    half = (
        f"sin(radians({lat} - {here_lat}) / 2) ** 2"
        f" + cos(radians({lat})) * cos(radians({here_lat}))"
        f" * sin(radians({lon} - {here_lon}) / 2) ** 2"
    )
    # Rounding must not leave the domain of the arc sine.
    distance = f"{2 * EARTH_M} * asin(sqrt(greatest(0, least(1, {half}))))"
    return f"({strip} AND {distance} <= {reach})"
