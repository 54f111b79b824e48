"""The concepts of one vocabulary, column by column: what is not asked for is never made into Python objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import msgspec

from trialpanorama.ontologies import ConceptKind, Mechanism, NameKind

if TYPE_CHECKING:
    import pyarrow as pa

    from trialpanorama.ontologies._store import Installed

T = TypeVar("T", bound=str)


class Lists(Sequence[list[T]], Generic[T]):
    """A list for each row, cut out of one list of all values."""

    def __init__(self, values: list[T], offsets: list[int]) -> None:
        self.values = values
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, row: int) -> list[T]: ...
    @overload
    def __getitem__(self, row: slice) -> list[list[T]]: ...
    def __getitem__(self, row: int | slice) -> list[T] | list[list[T]]:
        if isinstance(row, slice):
            return [self[one] for one in range(*row.indices(len(self)))]
        return self.values[self._offsets[row] : self._offsets[row + 1]]

    def __iter__(self) -> Iterator[list[T]]:
        start = self._offsets[0]
        for end in self._offsets[1:]:
            yield self.values[start:end]
            start = end


class Columns:
    """The columns of a vocabulary's Parquet file (`_store.write`), each read when it is first needed."""

    def __init__(self, table: pa.Table, installed: Installed) -> None:
        self._table = table.combine_chunks()
        self.installed = installed
        self.ids: list[str] = self._table.column("id").to_pylist()

    @cached_property
    def kinds(self) -> list[ConceptKind]:
        return _shared(self._whole("kind"))

    @cached_property
    def obsolete(self) -> list[bool]:
        obsolete: list[bool] = self._table.column("is_obsolete").to_pylist()
        return obsolete

    @cached_property
    def names(self) -> Lists[str]:
        """The names of each concept, the preferred one first."""
        return self._lists("names")

    @cached_property
    def name_kinds(self) -> Lists[NameKind]:
        return self._lists("name_kinds", are_few=True)

    @cached_property
    def parents(self) -> Lists[str]:
        return self._lists("parents")

    @cached_property
    def cross_references(self) -> Lists[str]:
        return self._lists("cross_references")

    @cached_property
    def _attribute_names(self) -> Lists[str]:
        return self._lists("attribute_names", are_few=True)

    @cached_property
    def _attribute_values(self) -> Lists[str]:
        return self._lists("attributes")

    @cached_property
    def attribute_names(self) -> frozenset[str]:
        """The names of all attributes that any concept has."""
        return frozenset(self._attribute_names.values)

    def attributes(self, row: int) -> dict[str, str]:
        return dict(zip(self._attribute_names[row], self._attribute_values[row], strict=True))

    def mechanisms(self, row: int) -> list[Mechanism]:
        lines = self._table.column("mechanisms")[row].as_py()
        return msgspec.json.decode(lines, type=list[Mechanism]) if lines else []

    def _whole(self, column: str) -> Any:
        """A column as one Arrow array."""
        import pyarrow as pa

        chunks = self._table.column(column)
        return chunks.chunk(0) if chunks.num_chunks else pa.array([], chunks.type)

    def _lists(self, column: str, *, are_few: bool = False) -> Lists[Any]:
        array = self._whole(column)
        values, offsets = array.flatten(), array.offsets.to_pylist() if len(array) else [0]
        first = offsets[0]
        return Lists(
            _shared(values) if are_few else values.to_pylist(),
            [offset - first for offset in offsets] if first else offsets,
        )


def _shared(array: Any) -> list[Any]:
    """The values of an array of few different ones, each of them one object."""
    encoded = array.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    return [values[index] for index in encoded.indices.to_pylist()]
