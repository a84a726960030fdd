"""What searching refuses. Wrong parameters are refused by HTTP itself, each by its name."""

from souk.kernel.errors import Refusal


class NoSuchIndex(Refusal, status=404, message="Nothing can be searched under the name {index}."):
    """An index that this market does not declare."""

    index: str
