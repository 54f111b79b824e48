"""What is installed: one Parquet file a vocabulary, replaced whole or not at all; all of it as one body of Concepts.

A vocabulary that is not installed is taken from the built-in lexicon (`builtin/`), whose files have the same shape.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

import trialpanorama
from trialpanorama.errors import UnknownName, UserError
from trialpanorama.ontologies import (
    Concept,
    ConceptKind,
    Mechanism,
    Name,
    Release,
    Vocabulary,
    _equivalence,
    distinct_names,
)
from trialpanorama.ontologies import _files as files
from trialpanorama.ontologies._columns import Columns
from trialpanorama.ontologies._kept import kept

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
ENVIRONMENT_VARIABLE = "TRIALPANORAMA_VOCABULARIES"
BUILT_IN = Path(__file__).parent / "builtin"
EVERYDAY = "everyday.tsv"
LATER = BUILT_IN / "later" / "mesh.parquet"
"""Headings of MeSH that came after the built-in release."""
PRECEDENCE: dict[str, tuple[str, ...]] = {
    "condition": ("MESH", "MONDO", "DOID"),
    "drug": ("DRUGBANK", "RXCUI", "CHEMBL.COMPOUND", "DrugCentral", "MESH"),
}
"""By kind of concept, the prefixes in the order in which `preferred` takes them."""
_FEWER = 0.8
"""A release with less than this share of the installed one's concepts is not believed."""
_LISTED = 3
"""So many of the files that were left out are named."""
_SUFFIX = ".parquet"
_METADATA = b"trialpanorama"
_REPEATED = ["vocabulary", "version", "kind", "name_kinds.list.element", "attribute_names.list.element"]
"""The columns that hold few different values."""


class Input(msgspec.Struct, frozen=True):
    """A file that a vocabulary was read from."""

    name: str
    part: str
    sha256: str


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A vocabulary that can be loaded: where it comes from, and what is in it."""

    name: str
    title: str
    version: str
    """As the release says it, else "sha256:" and the beginning of the hash of its files."""
    date: str | None = None
    """When it was released, where the release says so."""
    licence: str
    is_open: bool
    concepts: int
    mechanisms: int = 0
    inputs: list[Input] = []
    installed: str = ""
    """When it was installed, UTC; empty for the built-in lexicon."""
    tool: str = ""
    is_built_in: bool = False


def default_store() -> Path:
    """Where vocabularies are installed: $TRIALPANORAMA_VOCABULARIES, else a folder of the user's data folder."""
    if given := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(given)
    data = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "share"
    return Path(data) / "trialpanorama" / "vocabularies"


# --- installing


def install(
    paths: Iterable[Path],
    store: Path,
    version: str | None = None,
    force: bool = False,
    warn: Callable[[str], None] = lambda _: None,
) -> list[Installed]:
    """Read the releases that these files, folders and zip archives hold, and put each in the place of the old one.

    `version` is for a release that does not say its own. Nothing is changed if any of them cannot be used: the
    UserError names the file and what to do. `warn` is told which files of a folder or archive are no release files.
    """
    chosen: dict[str, dict[str, list[files.ReleaseFile]]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        found = files.find_files(path)
        recognised = [(file, match) for file in found if (match := recognise(file))]
        if not recognised:
            what = "is no release file of a vocabulary" if path.is_file() else "has no release file of a vocabulary"
            seems = files.foreign(found[0]) if path.is_file() and found else ""
            raise UserError(
                f"{path} {what} that is known here{seems}. What is installed stays in use. Which files are read: "
                "trialpanorama vocabularies list"
            )
        for file, (name, part) in recognised:
            chosen[name][part].append(file)
        known = {file for file, _ in recognised}
        if others := [file for file in found if file not in known]:
            listed = ", ".join(file.label for file in others[:_LISTED]) + (" ..." if len(others) > _LISTED else "")
            warn(f"Left out, for no release file that is known here: {listed}")
    releases = [_read(name, parts, version) for name, parts in sorted(chosen.items())]
    for installed, _ in releases:
        if not force:
            _refuse_fewer(installed, store)
            if not _path(installed.name, store).exists() and (said := _fewer_than_built_in(installed)):
                warn(said)
    return [_put(installed, release, store) for installed, release in releases]


def recognise(file: files.ReleaseFile) -> tuple[str, str] | None:
    """The names of the vocabulary and the part that a file is; none if it is neither."""
    from trialpanorama.ontologies import HEAD_BYTES, vocabularies

    head = file.head(HEAD_BYTES)
    for vocabulary in vocabularies().values():
        for part in vocabulary.parts:
            if part.recognise(head, file.name):
                return vocabulary.name, part.name
    return None


def _read(name: str, parts: dict[str, list[files.ReleaseFile]], version: str | None) -> tuple[Installed, Release]:
    from trialpanorama.ontologies import vocabulary

    of = vocabulary(name)
    known = {part.name: part for part in of.parts}
    first = next(file for given in parts.values() for file in given)
    for part, given in parts.items():
        if len(given) > 1 and not known[part].may_be_many:
            raise UserError(
                f"{given[0].label} and {given[1].label} are both the {part} of {of.title}: add one of them only."
            )
    if all(known[part].is_supplement for part in parts):
        main = ", ".join(part.name for part in of.parts if not part.is_supplement)
        raise first.unusable(
            f"only adds to another file of {of.title}",
            f"Add it together with that file ({main}): trialpanorama vocabularies add FILE FILE",
        )
    release = _each_once(of.read(parts))
    if not release.concepts:
        raise first.unusable(f"has no concept of {of.title}")
    inputs = [
        Input(
            name=file.label.rsplit("/", 1)[-1] if file.member is None else file.name,
            part=part,
            sha256=files.sha256(file.path),
        )
        for part, given in sorted(parts.items())
        for file in given
    ]
    digest = hashlib.sha256("".join(sorted(entry.sha256 for entry in inputs)).encode()).hexdigest()
    return _described(of, release, version or release.version or f"sha256:{digest[:12]}", inputs), release


def _each_once(release: Release) -> Release:
    """Of concepts with one id the first, and the mechanisms of those that there are."""
    concepts: dict[str, Concept] = {}
    for concept in release.concepts:
        concepts.setdefault(concept.id, concept)
    mechanisms = [mechanism for mechanism in release.mechanisms if mechanism.drug_id in concepts]
    return msgspec.structs.replace(release, concepts=[*concepts.values()], mechanisms=mechanisms)


def _described(of: Vocabulary, release: Release, version: str, inputs: list[Input]) -> Installed:
    return Installed(
        name=of.name,
        title=of.title,
        version=version,
        date=release.date,
        licence=of.licence,
        is_open=of.is_open,
        concepts=len(release.concepts),
        mechanisms=len(release.mechanisms),
        inputs=inputs,
        installed=datetime.now(UTC).isoformat(timespec="seconds"),
        tool=f"trialpanorama {trialpanorama.__version__}",
    )


def _refuse_fewer(new: Installed, store: Path) -> None:
    try:
        old = describe(_path(new.name, store))
    except (FileNotFoundError, UserError):  # nothing there, or nothing worth keeping
        return
    if new.concepts < _FEWER * old.concepts:
        raise UserError(
            f"{new.title} {new.version} in {new.inputs[0].name} has {new.concepts:,} concepts, the installed "
            f"{old.version} has {old.concepts:,}: it is probably cut short. The old one stays in use; to replace it "
            "all the same: trialpanorama vocabularies add PATH --force"
        )


def _fewer_than_built_in(new: Installed) -> str:
    """What is to be said of a first release that is small beside the built-in lexicon; "" if nothing.

    A selection may be meant; a file that was cut between two lines looks the same.
    """
    path = BUILT_IN / f"{new.name}{_SUFFIX}"
    if not path.exists() or new.concepts >= _FEWER * (old := describe(path)).concepts:
        return ""
    return (
        f"{new.title} in {new.inputs[0].name} has {new.concepts:,} concepts, the built-in lexicon {old.concepts:,}: if "
        "not only a part of it is meant, the file is cut short. Back to what is built in: trialpanorama vocabularies "
        f"remove {new.name}"
    )


def remove(name: str, store: Path) -> None:
    """Take an installed vocabulary away; the built-in lexicon is used in its place, where that has one."""
    path = _path(name, store)
    if not path.exists():
        raise UnknownName("installed vocabulary", name, _names(store), "trialpanorama vocabularies list")
    path.unlink()


def _path(name: str, store: Path) -> Path:
    return store / f"{name}{_SUFFIX}"


def _names(store: Path) -> list[str]:
    return sorted(path.name.removesuffix(_SUFFIX) for path in store.glob(f"*{_SUFFIX}"))


# --- the Parquet file


def _schema() -> pa.Schema:
    import pyarrow as pa

    text, texts = pa.string(), pa.list_(pa.string())
    return pa.schema(
        {
            "vocabulary": text,
            "version": text,
            "id": text,
            "kind": text,
            "is_obsolete": pa.bool_(),
            "names": texts,
            "name_kinds": texts,
            "parents": texts,
            "cross_references": texts,
            "attribute_names": texts,
            "attributes": texts,
            "mechanisms": text,
        }
    )


def write(installed: Installed, release: Release, path: Path, compression_level: int = 9) -> None:
    """Write a vocabulary as one Parquet file, in one step of the file system; the first name is the preferred one."""
    import pyarrow as pa
    import pyarrow.parquet

    concepts = sorted(release.concepts, key=lambda concept: concept.id)
    by_drug: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for mechanism in release.mechanisms:
        by_drug[mechanism.drug_id].append(msgspec.structs.asdict(mechanism))
    names = [distinct_names(concept.name, concept.names) for concept in concepts]
    columns: dict[str, list[Any]] = {
        "vocabulary": [installed.name] * len(concepts),
        "version": [installed.version] * len(concepts),
        "id": [concept.id for concept in concepts],
        "kind": [concept.kind for concept in concepts],
        "is_obsolete": [concept.is_obsolete for concept in concepts],
        "names": [[name.text for name in given] for given in names],
        "name_kinds": [[name.kind for name in given] for given in names],
        "parents": [concept.parents for concept in concepts],
        "cross_references": [concept.cross_references for concept in concepts],
        "attribute_names": [list(concept.attributes) for concept in concepts],
        "attributes": [list(concept.attributes.values()) for concept in concepts],
        "mechanisms": [
            msgspec.json.encode(by_drug[concept.id]).decode() if concept.id in by_drug else None for concept in concepts
        ],
    }
    schema = _schema().with_metadata({_METADATA: msgspec.json.encode(installed)})
    table = pa.table(columns, schema=schema)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f"{path.suffix}.{os.getpid()}.part")
    try:
        pa.parquet.write_table(
            table,
            part,
            compression="zstd",
            compression_level=compression_level,
            use_dictionary=_REPEATED,
            write_page_checksum=True,
        )
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _put(installed: Installed, release: Release, store: Path) -> Installed:
    try:
        write(installed, release, _path(installed.name, store))
    except OSError as error:
        raise UserError(
            f"{store} cannot be written ({error.strerror or error}). Choose another folder: "
            f"{ENVIRONMENT_VARIABLE}=FOLDER trialpanorama vocabularies add PATH"
        ) from None
    return installed


def describe(path: Path) -> Installed:
    """What an installed file says of itself; raises UserError if it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        metadata = pa.parquet.read_schema(path).metadata or {}
        return msgspec.json.decode(metadata[_METADATA], type=Installed)
    except FileNotFoundError:
        raise
    except Exception:  # a damaged file raises a dozen kinds of error
        raise _damaged(path) from None


def _read_table(path: Path) -> tuple[pa.Table, str]:
    """The table of an installed file, and the hash of its bytes."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pa.memory_map(str(path)) as file:  # what is hashed is what is read, though it be replaced meanwhile
            digest = hashlib.sha256(file.read_buffer()).hexdigest()
            table = pa.parquet.read_table(file, page_checksum_verification=True)
        table.validate(full=True)
    except Exception:  # a damaged file raises a dozen kinds of error
        raise _damaged(path) from None
    if not table.schema.equals(_schema()):
        raise _damaged(path)
    return table, digest


def _damaged(path: Path) -> UserError:
    name = path.name.removesuffix(_SUFFIX)
    return UserError(
        f"The installed vocabulary {name} is damaged ({path}). Add it again (trialpanorama vocabularies add PATH), or "
        f"go on with the built-in lexicon: trialpanorama vocabularies remove {name}"
    )


# --- loading


def available(store: Path | None = None) -> dict[str, Path]:
    """The file of each vocabulary that can be loaded: the installed one, else the built-in one."""
    store = store or default_store()
    return {name: _path(name, BUILT_IN) for name in _names(BUILT_IN)} | {
        name: _path(name, store) for name in _names(store)
    }


def releases(store: Path | None = None) -> list[Installed]:
    """What `load` gives, by name, without reading more than the heads; raises UserError for a damaged file."""
    return [describe(path) for _, path in sorted(available(store).items())]


def load(store: Path | None = None, only: Collection[str] | None = None, with_everyday: bool = True) -> Concepts:
    """Every installed vocabulary, and the built-in lexicon for those that are not, as one body of concepts.

    `only` names the vocabularies to load; `with_everyday` adds our own names that no vocabulary has, and headings that
    the release of MeSH is too old for. A store that does not exist is an empty one. Raises UserError for an installed
    file that is damaged.
    """
    found = available(store)
    for name in only or ():
        if name not in found:
            raise UnknownName("vocabulary that is installed", name, found, "trialpanorama vocabularies list")
    chosen = {name: path for name, path in sorted(found.items()) if only is None or name in only}
    read = {}
    for name, path in list(chosen.items()):
        read[name] = _read_table(path)
        if name == "mesh" and with_everyday:
            chosen["later"], read["later"] = LATER, _later(read[name][0])
    return Concepts(
        [Columns(table, describe(chosen[name])) for name, (table, _) in read.items()],
        everyday_names() if with_everyday else (),
        made_of=" ".join([*(f"{name}={digest}" for name, (_, digest) in read.items()), f"{with_everyday=}"]),
    )


def _later(mesh: pa.Table) -> tuple[pa.Table, str]:
    """The table of the later headings that a release of MeSH lacks, and the hash of the file."""
    import pyarrow.compute as pc

    table, digest = _read_table(LATER)
    return table.filter(pc.invert(pc.is_in(table.column("id"), value_set=mesh.column("id").combine_chunks()))), digest


class Concepts:
    """Concepts of several vocabularies, and what connects them."""

    def __init__(
        self, vocabularies: Sequence[Columns], everyday: Sequence[tuple[list[str], Name]] = (), made_of: str = ""
    ) -> None:
        self._vocabularies = vocabularies
        self._made_of = made_of
        self._places = {id: (columns, row) for columns in vocabularies for row, id in enumerate(columns.ids)}
        self.versions: dict[str, Installed] = {
            columns.installed.name: columns.installed for columns in reversed(vocabularies)
        }
        """The release of each vocabulary that is loaded, by name."""
        self._everyday: dict[str, list[Name]] = defaultdict(list)
        for ids, name in everyday:
            if meant := next((id for id in ids if id in self._places), None):
                self._everyday[meant].append(name)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, id: str) -> bool:
        return id in self._places

    def get(self, id: str) -> Concept | None:
        """The concept of this id; None if no loaded vocabulary has it."""
        place = self._places.get(id)
        return self._concept(*place) if place else None

    def installed(self, id: str) -> Installed:
        """The release that a concept comes from; raises KeyError for an id that is not loaded."""
        return self._places[id][0].installed

    def all(self, kind: ConceptKind | None = None, prefix: str = "") -> Iterator[Concept]:
        """All concepts but obsolete ones, or those of a kind or prefix, in the order of vocabularies' names and ids.

        Headings that MeSH's release is too old for come behind those of the release.
        """
        for columns, row in self._rows(prefix):
            if kind is None or columns.kinds[row] == kind:
                yield self._concept(columns, row)

    def headings(self, prefix: str) -> Iterator[tuple[str, str]]:
        """The preferred name and the id of each concept with this prefix but obsolete ones, in the order of `all`."""
        for columns, row in self._rows(prefix):
            yield columns.names[row][0], columns.ids[row]

    def _rows(self, prefix: str) -> Iterator[tuple[Columns, int]]:
        for columns in self._vocabularies:
            for row, (id, is_obsolete) in enumerate(zip(columns.ids, columns.obsolete, strict=True)):
                if not is_obsolete and id.startswith(prefix):
                    yield columns, row

    def mechanisms(self, id: str | None = None) -> Iterator[Mechanism]:
        """The targets of a drug, or of all drugs in the order of their vocabularies and ids."""
        if id is not None:
            if place := self._places.get(id):
                yield from place[0].mechanisms(place[1])
            return
        for columns in self._vocabularies:
            if columns.installed.mechanisms:
                for row in range(len(columns.ids)):
                    yield from columns.mechanisms(row)

    def parents(self, id: str) -> list[str]:
        """Ids of the next broader concepts.

        Where a release has no hierarchy (tables of mappings), those of an equivalent concept, or their equivalents in
        the vocabulary that comes first.
        """
        place = self._places.get(id)
        if place is None:
            return []
        columns, row = place
        if columns.parents.values:
            return columns.parents[row]
        for other in sorted(self.equivalents(id) - {id}):
            same, same_row = self._places[other]
            if broader := same.parents[same_row]:
                return sorted({self.preferred(parent, columns.kinds[row]) for parent in broader})
        return []

    def ancestors(self, id: str) -> list[tuple[str, int]]:
        """The broader concepts with the least number of steps to each, nearest first, then by id."""
        depths, level, depth = {id: 0}, [id], 0
        while level:
            depth += 1
            level = sorted({parent for child in level for parent in self.parents(child)} - depths.keys())
            depths |= dict.fromkeys(level, depth)
        return list(depths.items())[1:]

    def equivalents(self, id: str) -> frozenset[str]:
        """The concepts of all loaded vocabularies that are held to be the same thing, this one included."""
        return self._groups.get(id) or frozenset((id,) if id in self._places else ())

    def preferred(self, id: str, kind: str) -> str:
        """The equivalent in the vocabulary that comes first for this kind of concept; without one, the id itself."""
        order = PRECEDENCE.get(kind, ())
        same = self.equivalents(id) | {id}
        for prefix in order:
            for candidate in sorted(same):
                if candidate.startswith(f"{prefix}:"):
                    return candidate
        return id

    def _concept(self, columns: Columns, row: int) -> Concept:
        id = columns.ids[row]
        names = [Name(text, kind) for text, kind in zip(columns.names[row], columns.name_kinds[row], strict=True)]
        return Concept(
            id=id,
            name=columns.names[row][0],
            kind=columns.kinds[row],
            names=distinct_names(names[0].text, names + self._everyday[id]) if id in self._everyday else names,
            parents=columns.parents[row],
            cross_references=columns.cross_references[row],
            attributes=columns.attributes(row),
            is_obsolete=columns.obsolete[row],
        )

    @cached_property
    def _groups(self) -> dict[str, frozenset[str]]:
        def groups() -> _equivalence.Groups:
            return _equivalence.groups(self._vocabularies, self._places)

        found = map(frozenset, self.kept("equivalents", _equivalence.Groups, groups).of)
        return {id: group for group in found for id in group}

    def kept(self, name: str, of: type[T], make: Callable[[], T]) -> T:
        """What `make` derives from these concepts, at once where a process before has derived it (`_kept.kept`).

        Concepts that were not loaded as installed have no name to keep it under.
        """
        return kept(name, self._made_of, of, make) if self._made_of else make()


def everyday_names() -> list[tuple[list[str], Name]]:
    """Our own list of names that no vocabulary has: ids (the first that is loaded counts), and the name."""
    lines = (BUILT_IN / EVERYDAY).read_text(encoding="utf-8").splitlines()
    cells = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [
        (ids.split(" "), Name(text, kind))  # type: ignore[arg-type]
        for ids, kind, texts in cells
        for text in texts.split("|")
    ]
