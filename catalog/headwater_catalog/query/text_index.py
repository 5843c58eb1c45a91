"""The index of one text of every feature: which features have a word, and where phrases stand."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, chain, islice

from headwater_catalog.query.postings import Postings, bits_of
from headwater_catalog.query.subjects import MOST_TOKENS, Subject, TextField
from headwater_catalog.query.words import Phrase
from headwater_catalog.tokens import spaced, word_tokens

__all__ = ["TextIndex"]

_END = "\0"  # of a text: no phrase goes on in the next
_OTHER = "\1"  # any token that has no character of its own
_SPARE = 1_000
_AT_ONCE = 200  # features whose words are in memory together
_FEW = 8  # where less than one feature in so many has changed, postings are changed rather than made anew


class TextIndex:
    """The tokens of one text of every feature, and their order.

    Args:
        field: The text.
        pieces: It for each of the features, as written with a character for each token.
        characters: These characters.
        postings: The features of each token.
    """

    def __init__(
        self, field: TextField, pieces: Sequence[str], characters: Mapping[str, str], postings: Postings
    ) -> None:
        self.postings = postings
        self._field = field
        self._flat = "".join(pieces)
        self._starts = array("I", accumulate(map(len, pieces), initial=0))
        self._characters = "".join([characters.get(token, _OTHER) for token in postings.values])

    @classmethod
    def of(cls, field: TextField, subjects: Sequence[Subject], most: int = sys.maxunicode) -> TextIndex:
        """Return the index of a text.

        Args:
            field: The text.
            subjects: The features.
            most: How many characters there are for tokens; phrases with further tokens are not found.
        """
        writer = _Writer(field, {}, most)
        pieces = list(writer.write(subjects))
        return cls(field, pieces, writer.characters, _postings(pieces, writer))

    def moved(self, subjects: Sequence[Subject], stayed: Sequence[int | None]) -> TextIndex:
        """Return the index of the same text of other features, most of which are the same.

        Args:
            subjects: The features.
            stayed: The number that each of them has here; None where it is not here or is another.
        """
        characters = dict(zip(self.postings.values, self._characters, strict=True))
        # Characters of tokens that went away are never given again, so at some time most are waste.
        is_worn = ord(max(self._characters, default=_OTHER)) > 2 * len(characters) + _SPARE
        if is_worn or _OTHER in self._characters:
            return TextIndex.of(self._field, subjects)
        writer = _Writer(self._field, characters, sys.maxunicode)
        new = [number for number, earlier in enumerate(stayed) if earlier is None]
        written = dict(zip(new, writer.write([subjects[number] for number in new]), strict=True))
        if writer.others:
            return TextIndex.of(self._field, subjects)
        pieces = [written[n] if old is None else self._piece(old) for n, old in enumerate(stayed)]
        changed = 2 * len(new) + self._size - len(subjects)
        if changed * _FEW > len(subjects):
            return TextIndex(self._field, pieces, writer.characters, _postings(pieces, writer))
        postings = self._moved(stayed, written, writer.characters)
        return TextIndex(self._field, pieces, writer.characters, postings)

    def _moved(
        self, stayed: Sequence[int | None], written: Mapping[int, str], characters: Mapping[str, str]
    ) -> Postings:
        places = array("I", [0]) * self._size
        left = dict.fromkeys(range(self._size))
        for number, earlier in enumerate(stayed):
            if earlier is not None:
                places[earlier] = number
                del left[earlier]
        tokens = {character: token for token, character in characters.items()}
        gone = _by_token({number: self._piece(number) for number in left}, tokens)
        return self.postings.moved(places, gone, _by_token(written, tokens), len(stayed))

    def find(self, phrase: Phrase) -> int:
        """Return the features that have a phrase in the text, as bits."""
        *before, last = phrase.tokens
        if not before:
            return self.postings.starting(last) if phrase.prefix else self.postings.of(last)
        assert not phrase.prefix  # the language has beginnings of words only
        needle = "".join(map(self._character, phrase.tokens))
        return 0 if _OTHER in needle else bits_of(self._places(needle), self._size)

    def _character(self, token: str) -> str:
        at = self.postings.place(token)
        return _OTHER if at is None else self._characters[at]

    def _places(self, needle: str) -> Iterator[int]:
        at = self._flat.find(needle)
        while at >= 0:
            number = bisect_right(self._starts, at) - 1
            yield number
            if number + 1 == self._size:
                return
            at = self._flat.find(needle, self._starts[number + 1])

    @property
    def _size(self) -> int:
        return len(self._starts) - 1

    def _piece(self, number: int) -> str:
        return self._flat[self._starts[number] : self._starts[number + 1]]


def _postings(pieces: Sequence[str], writer: _Writer) -> Postings:
    features: defaultdict[str, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        for character in set(piece):
            features[character].append(number)
    numbers = {token: features[c] for token, c in writer.characters.items() if c in features}
    return Postings.collect(numbers | writer.others, len(pieces))


def _by_token(pieces: Mapping[int, str], tokens: Mapping[str, str]) -> Mapping[str, Sequence[int]]:
    """Return the features of each token that stands in their texts."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for number, piece in pieces.items():
        for character in set(piece) - {_END}:
            found[tokens[character]].append(number)
    return found


class _Writer:
    """Writes texts with a character for each token: a phrase is then a piece of a string.

    Attributes:
        characters: The character of each token.
        others: The features of each token for which there was none left.
    """

    def __init__(self, field: TextField, characters: Mapping[str, str], most: int) -> None:
        self.characters = _Characters(characters, most)
        self.others: dict[str, list[int]] = {}
        self._field = field
        self._words = _Words(self.characters)
        # Many features have the same modules, owners and tags.
        self._spaced = spaced if field.has_order else cache(spaced)

    def write(self, subjects: Sequence[Subject]) -> Iterator[str]:
        """Yield the texts of features: those of each variant, with an end after each."""
        for at in range(0, len(subjects), _AT_ONCE):
            here = subjects[at : at + _AT_ONCE]
            lists = [subject.texts(self._field) for subject in here]
            pieces = self._written(chain.from_iterable(lists))
            if max(map(len, lists)) == 1 and not any(_OTHER in piece for piece in pieces):
                yield from (piece[:MOST_TOKENS] + _END for piece in pieces)
                continue
            rest = iter(pieces)
            for number, subject in enumerate(here, at):
                yield self._joined(number, subject, list(islice(rest, len(lists[number - at]))))

    def _written(self, lists: Iterable[Iterable[str]]) -> list[str]:
        texts = (b" ".join(map(self._spaced, texts)) for texts in lists)
        words = f" {_END} ".encode().join(texts).decode().split()
        pieces = "".join(map(self._words.__getitem__, words)).split(_END)
        return pieces if self._field.has_order else ["".join(dict.fromkeys(piece)) for piece in pieces]

    def _joined(self, number: int, subject: Subject, pieces: Sequence[str]) -> str:
        if any(_OTHER in piece for piece in pieces):
            lists = subject.tokens(self._field)
            for token in set().union(*lists) - self.characters.keys():
                self.others.setdefault(token, []).append(number)
            pieces = ["".join(map(self.characters.__getitem__, tokens)) for tokens in lists]
        return "".join([piece[:MOST_TOKENS] + _END for piece in pieces])


class _Characters(dict[str, str]):
    """The character of each token, given to it when it is first asked for."""

    def __init__(self, known: Mapping[str, str], most: int) -> None:
        super().__init__(known)
        self._next = ord(max(known.values(), default=_OTHER)) + 1
        self._most = most

    def __missing__(self, token: str) -> str:
        if self._next > self._most:
            return _OTHER
        found = self[token] = chr(self._next)
        self._next += 1
        return found


class _Words(dict[str, str]):
    """The characters of each word, and of its parts where it is a compound."""

    def __init__(self, characters: _Characters) -> None:
        super().__init__({_END: _END})
        self._character = characters.__getitem__

    def __missing__(self, word: str) -> str:
        found = self[word] = "".join(map(self._character, word_tokens(word)))
        return found
