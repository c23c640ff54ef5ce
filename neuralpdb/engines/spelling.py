"""The spelling of marked-up text in token ids: by piece, and as the model itself spelled a piece at its place.

Owns what engines with different tokenizers share. Knows neither a tokenizer nor where the ids of a piece come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from neuralpdb.engines.tokens import Markup, Token

PIECES = 8192
"""Text pieces whose token ids are kept. It bounds memory; a forgotten one is spelled as the tokenizer does."""

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Encoded:
    """Token ids of marked-up text.

    pieces: the ids of each piece.
    place:  a hash of everything up to here, for the text that follows.
    """

    pieces: Sequence[Ids] = ()
    place: int = 0

    @property
    def ids(self) -> list[int]:
        return [i for piece in self.pieces for i in piece]


NOTHING = Encoded()


class Spelling:
    """The translation of marked-up text to token ids and back.

    Pieces are encoded one by one. Where the model spelled a piece otherwise than the tokenizer would, its spelling
    is kept for that piece at that place, so that the text comes back as the ids the model wrote.

    special: the id of each trace token.
    most:    how many spellings are kept.
    """

    def __init__(self, special: Mapping[Token, int], most: int = PIECES) -> None:
        self.special = dict(special)
        self._tokens = {i: token for token, i in self.special.items()}
        self._most = most
        self._spelled: dict[tuple[str, int], Ids] = {}

    def encoded(self, markup: Markup, after: Encoded, usual: Callable[[str], Ids]) -> Encoded:
        """Return the token ids of `markup` behind `after`; `usual` spells a piece that the model did not spell."""
        pieces: list[Ids] = []
        place = after.place
        for piece in markup:
            if isinstance(piece, Token):
                ids: Ids = (self.special[piece],)
            else:
                ids = self._spelled.get((piece, place)) or usual(piece)
            pieces.append(ids)
            place = hash((place, ids))
        return Encoded(pieces, place)

    def runs(self, ids: Sequence[int]) -> list[tuple[Token | None, Ids]]:
        """Cut `ids` into single trace tokens and stretches of text (None)."""
        runs: list[tuple[Token | None, Ids]] = []
        for token, run in groupby(ids, key=self._tokens.get):
            stretch = tuple(run)
            runs += [(None, stretch)] if token is None else [(token, (i,)) for i in stretch]
        return runs

    def learned(
        self, written: Sequence[tuple[str | Token, Ids]], after: Encoded, usual: Callable[[str], Ids]
    ) -> Markup:
        """Return the markup of the text written behind `after`, and keep each spelling that is not the usual one."""
        place = after.place
        for piece, ids in written:
            if isinstance(piece, str) and ids != usual(piece):
                self._remember(piece, place, ids)
            place = hash((place, ids))
        return tuple(piece for piece, _ in written)

    def _remember(self, piece: str, place: int, ids: Ids) -> None:
        if len(self._spelled) >= self._most:
            self._spelled.clear()
        self._spelled[piece, place] = ids
