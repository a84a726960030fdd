"""Places on the earth: points of the unit sphere, and the cells of several sizes in which documents are found before they are measured."""

from __future__ import annotations

from collections.abc import Iterator
from math import asin, cos, degrees, floor, radians, sin
from typing import Annotated, Final

from msgspec import Meta

from souk.kernel.record import Record

RADIUS: Final = 6371.0088
"""Of the earth, in km."""
SIZES: Final = (0.1, 0.5, 2.5, 12.0)
"""Of cells, in degrees: parts of a circle, so that the map closes."""
MOST_CELLS: Final = 64

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Place(Record):
    """A point on the earth, in degrees."""

    lat: Latitude
    lng: Longitude

    @property
    def point(self) -> tuple[float, float, float]:
        """Where it is on the unit sphere."""
        lat, lng = radians(self.lat), radians(self.lng)
        return cos(lat) * cos(lng), cos(lat) * sin(lng), sin(lat)

    @property
    def cells(self) -> Iterator[str]:
        """The cell of each size that it lies in."""
        for size, edge in enumerate(SIZES):
            yield _cell(size, floor(self.lat / edge), _round(floor(self.lng / edge), edge))

    def around(self, km: float) -> list[str] | None:
        """The fewest cells that cover everything so near; None where no cells help: far away is everywhere."""
        height = degrees(km / RADIUS)
        if abs(self.lat) + height >= 89:
            return None
        width = degrees(asin(min(1.0, sin(min(radians(height), 1.57)) / cos(radians(self.lat)))))
        for size, edge in enumerate(SIZES):
            rows = range(floor((self.lat - height) / edge), floor((self.lat + height) / edge) + 1)
            columns = range(floor((self.lng - width) / edge), floor((self.lng + width) / edge) + 1)
            if len(rows) * len(columns) <= MOST_CELLS:
                return list(dict.fromkeys(_cell(size, row, _round(column, edge)) for row in rows for column in columns))
        return None


def _round(column: int, edge: float) -> int:
    """The same column where the map begins again."""
    columns = round(360 / edge)
    return (column + columns // 2) % columns - columns // 2


def _cell(size: int, row: int, column: int) -> str:
    return f"{size}:{row},{column}"


def chord(km: float) -> float:
    """The straight line, on the unit sphere, between two points so far apart."""
    return 2 * sin(min(km / RADIUS / 2, 1.5707963))


def kilometres(straight: float) -> float:
    """How far two points are apart whose straight line is that."""
    return 2 * RADIUS * asin(min(straight / 2, 1.0))
