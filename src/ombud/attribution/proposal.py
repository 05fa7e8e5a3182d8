"""Proposals: which columns name data subjects, with reasons, for a person to confirm.

Sure by several signs together: the name of the table and of the column, keys,
what foreign keys refer to, what views pass on, and what sampled values look like.
Nothing proposed here is in force before somebody has confirmed it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ombud.attribution.catalogue import Catalogue, Column, Place, Table
from ombud.attribution.identifier_kinds import (
    BY_WORD,
    IdentifierKind,
    identifier_kind,
    is_only,
    is_spoiled,
)
from ombud.attribution.identifier_words import (
    ABOUT,
    KEYS,
    PERSONS,
    WEAK,
    name_part,
    word_set,
    words_of,
)
from ombud.attribution.person_tables import ENOUGH, Judgement, entity_of, is_key_type, judge_table
from ombud.attribution.value_shapes import ColumnShape
from ombud.attribution.view_columns import view_origins

PROPOSED_FROM = 0.5  # Below it, it is not worth anybody's time.
PASSED_ON = 0.98  # A foreign key is nearly as sure as what it refers to.
PASSED_ON_BY_VIEW = 0.97
NAMED_LIKE_A_KEY, NAMED_ONLY = 0.72, 0.52
NAME_CONFIDENCE = 0.6  # Several persons share one; it still says whom somebody looked for.
LOOKUP_PENALTY, SHAPE_PENALTY, SHAPE_GAIN = 0.4, 0.35, 0.05
SHAPE_ONLY = {"email": 0.6, "iban": 0.65, "us_ssn": 0.65, "nhs": 0.65}
SHAPE_ONLY_COUNT_MIN = 20
COMMENT_MAX = 60  # Characters: a longer one says more than a name.
NAMED_ALIKE = 0.7
USERS_SCORE = 0.55
REFERS = 0.2
USERS = word_set("user benutzer usuario utilisateur account")
_SHAPE_KINDS = {"us_ssn": "ssn"}
# Who did something to a row is not whom the row is about.
_ACTING = word_set(
    "created updated modified deleted approved entered recorded changed assigned uploaded "
    "by author editor reviewer handler erstellt geaendert bearbeiter angelegt creado "
    "modificado cree modifie"
)
# A key that only counts rows; a unique number beside it is what people speak of.
_ROW_KEYS = frozenset({"row_id", "rowid", "row_no", "sk", "pk"})
_ANONYMOUS = word_set("id uuid guid key code no nr number name type status row seq")
_PROTOCOLS = word_set("oauth token api app application session device sso saml webhook")
_NUMBERS = word_set("id cod codigo num no nr")

Shapes = Mapping[Place, ColumnShape]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One column that seems to name data subjects of a kind; `confidence` lies in 0..1."""

    dataset: str
    column: str
    kind: str
    confidence: float
    reasons: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.dataset, self.column

    @property
    def name(self) -> str:
        """The column with its dataset."""
        return f"{self.dataset}.{self.column}"


def propose(catalogue: Catalogue, shapes: Shapes | None = None) -> list[Proposal]:
    """Return the columns that seem to name data subjects, by dataset and column."""
    return _Proposing(catalogue, shapes or {}).run()


class _Proposing:
    """One reading of a catalogue."""

    def __init__(self, catalogue: Catalogue, shapes: Shapes) -> None:
        self._catalogue = catalogue
        self._shapes = shapes
        self._tables = [table for table in catalogue.tables.values() if not table.is_view]
        self._found: dict[Place, Proposal] = {}
        self._judged: dict[str, Judgement] = {}
        self._keys: dict[str, tuple[Proposal, Column]] = {}

    def run(self) -> list[Proposal]:
        """Propose in the order in which one sign rests on another."""
        self._judged = {table.dataset: judge_table(table) for table in self._tables}
        self._take_users()
        self._refuse_copies()
        self._raise_referring()
        for table in self._tables:
            if self._judged[table.dataset].is_person:
                self._add_keys(table, self._judged[table.dataset])
        self._follow_references()
        self._keys = self._telling_keys()
        for table in self._tables:
            self._add_named_keys(table)
        self._follow_references()
        for table in self._tables:
            self._add_identifiers(table)
        self._follow_references()
        self._follow_views()
        kept = [one for one in self._found.values() if one.confidence >= PROPOSED_FROM]
        return sorted(kept, key=lambda one: one.place)

    def _take_users(self) -> None:
        """Where there are no other persons, those who sign in are whose data it is."""
        if any(judged.is_person for judged in self._judged.values()):
            return
        for table in self._tables:
            words = entity_of(words_of(table.name))
            if len(words) == 1 and words[0] in USERS:
                why = (f"named `{table.name}`, and there is no other table of persons",)
                self._judged[table.dataset] = Judgement("user", USERS_SCORE, why, is_named=True)

    def _raise_referring(self) -> None:
        """Take a table of `customers` that refers to persons for surer."""
        for place, target in self._catalogue.references.items():
            table, judged = self._catalogue.tables[place[0]], self._judged.get(place[0])
            if judged is None or judged.is_person or not judged.is_named or _acts(place[1]):
                continue
            words = entity_of(words_of(table.name))
            if len(words) == 1 and words[0] in PERSONS and self._judged[target[0]].is_person:
                self._judged[place[0]] = Judgement(
                    judged.kind, round(judged.score + REFERS, 3),
                    (*judged.reasons, f"refers to {target[0]}"), is_named=True,
                )  # fmt: skip

    def _refuse_copies(self) -> None:
        """Refuse tables that refer to a person: they hold copies of what that row says."""
        for table in self._tables:
            judged = self._judged[table.dataset]
            if not judged.is_person or judged.is_named:
                continue
            own = set(table.primary_key)
            for column in table.columns:
                target = self._catalogue.references.get((table.dataset, column.name))
                refers = target is not None and self._judged[target[0]].is_person
                if column.name not in own and (refers or _key_entity(words_of(column.name))):
                    self._judged[table.dataset] = Judgement(judged.kind, 0.0)

    def _put(self, table: Table, column: str, kind: str, confidence: float, *why: str) -> None:
        shape = self._shapes.get((table.dataset, column))
        if shape is not None and shape.is_lookup:
            confidence -= LOOKUP_PENALTY
            why = (*why, f"but only {shape.distinct} different values in {shape.count}")
        before = self._found.get((table.dataset, column))
        if before is None or before.confidence < confidence:
            made = Proposal(table.dataset, column, kind, round(confidence, 3), why)
            self._found[made.place] = made

    def _add_keys(self, table: Table, judged: Judgement) -> None:
        key = self._key_of(table)
        if key is not None:
            self._put(table, key, judged.kind, judged.score, *judged.reasons, "key of the table")
        for column in table.columns:
            if column.name == key or not is_key_type(column):
                continue
            words = words_of(column.name)
            is_alone = (column.name,) in table.unique
            is_foreign = (table.dataset, column.name) in self._catalogue.references
            if (column.name,) == table.primary_key:
                self._put(table, column.name, f"{judged.kind}_row", judged.score * 0.85,
                          *judged.reasons, "counts the rows of the table")  # fmt: skip
                continue
            if identifier_kind(words) is None and is_alone and not is_foreign and set(words) & KEYS:
                suffix = "uuid" if {"uuid", "guid"} & set(words) else "number"
                why = (*judged.reasons, "unique in the table")
                self._put(table, column.name, f"{judged.kind}_{suffix}", judged.score * 0.85, *why)
        self._add_names(table)

    def _key_of(self, table: Table) -> str | None:
        references = self._catalogue.references
        if len(table.primary_key) == 1:
            (key,) = table.primary_key
            others = [one for one in table.unique if len(one) == 1 and set(words_of(*one)) & KEYS]
            return others[0][0] if key.lower() in _ROW_KEYS and len(others) == 1 else key
        if table.primary_key:
            own = [
                name
                for name in table.primary_key
                if (table.dataset, name) not in references
                and identifier_kind(words_of(name)) is None
            ]
            named = [name for name in own if _key_entity(words_of(name)) is not None]
            return named[0] if len(named) == 1 else own[0] if len(own) == 1 else None
        for column in table.columns:
            if column.name.lower() == "id" or _key_entity(words_of(column.name)):
                return column.name if is_key_type(column) else None
        return None

    def _add_names(self, table: Table) -> None:
        parts = {column.name: name_part(words_of(column.name)) for column in table.columns}
        for name, part in parts.items():
            is_whole = words_of(name) in {("name",), ("nombre",), ("nome",), ("naam",)}
            alone = is_whole and not {"given", "family", "full"} & set(parts.values())
            if (part in {"family", "full"} or alone) and is_key_type(table.by_name[name]):
                confidence = NAME_CONFIDENCE if part else 0.55
                self._put(table, name, "name", confidence, f"a person's name in `{table.name}`")

    def _follow_references(self) -> None:
        """Pass proposals on along foreign keys, over however many tables."""
        references = self._catalogue.references
        changed = True
        while changed:
            changed = False
            for place, target in references.items():
                source = self._found.get(target)
                if source is None or source.confidence < PROPOSED_FROM or _acts(place[1]):
                    continue
                table = self._catalogue.tables.get(place[0])
                if table is None or table.is_view:
                    continue
                before = self._found.get(place)
                passed = round(source.confidence * PASSED_ON, 3)
                if before is None or before.confidence < passed:
                    why = f"foreign key to {source.name}"
                    self._found[place] = Proposal(*place, source.kind, passed, (why,))
                    changed = True

    def _add_named_keys(self, table: Table) -> None:
        """Where nobody declared foreign keys, a name like `patient_id` must do."""
        if _PROTOCOLS & set(words_of(table.name)):
            return
        for column in table.columns:
            place = (table.dataset, column.name)
            if place in self._found or place in self._catalogue.references:
                continue
            alike = self._keys.get(column.name.lower())
            if alike is not None and _family(alike[1].type) == _family(column.type):
                self._put(table, column.name, alike[0].kind, NAMED_ALIKE,
                          f"named like {alike[0].name}, and of its type")  # fmt: skip
                continue
            entity = _key_entity(words_of(column.name)) or _commented_entity(column)
            if entity is None or not is_key_type(column) or _acts(column.name):
                continue
            self._add_named_key(table, column, entity)

    def _add_named_key(self, table: Table, column: Column, entity: str) -> None:
        for kind in (PERSONS[entity], "person"):
            key = self._key_of_kind(kind)
            if key is not None and _family(key.type) == _family(column.type):
                why = f"named like the key of a {kind}, and of its type"
                self._put(table, column.name, kind, NAMED_LIKE_A_KEY, why)
                return
        kind = PERSONS[entity]
        is_own = (column.name,) == table.primary_key
        if entity not in WEAK and not is_own and self._has_no_table(kind):
            why = f"named like the key of a {kind}; there is no table of them"
            self._put(table, column.name, kind, NAMED_ONLY, why)

    def _telling_keys(self) -> dict[str, tuple[Proposal, Column]]:
        """Return the keys of persons whose names say enough to be known in other tables."""
        found: dict[str, tuple[Proposal, Column]] = {}
        for place, proposal in self._found.items():
            table = self._catalogue.tables[place[0]]
            told = place[1].lower()
            is_key = self._judged[place[0]].is_person and self._key_of(table) == place[1]
            if is_key and set(words_of(told)) - _ANONYMOUS and set(words_of(told)) & KEYS:
                found[told] = (proposal, table.by_name[place[1]])
        return found

    def _key_of_kind(self, kind: str) -> Column | None:
        for place, proposal in self._found.items():
            table = self._catalogue.tables[place[0]]
            if proposal.kind == kind and self._key_of(table) == place[1]:
                return table.by_name[place[1]]
        return None

    def _has_no_table(self, kind: str) -> bool:
        return not any(judged.kind == kind and judged.reasons for judged in self._judged.values())

    def _add_identifiers(self, table: Table) -> None:
        judged = self._judged[table.dataset]
        about_person = judged.is_person or any(
            place[0] == table.dataset and one.confidence >= ENOUGH
            for place, one in self._found.items()
        )
        for column in table.columns:
            place = (table.dataset, column.name)
            if not is_key_type(column) or place in self._catalogue.references:
                continue
            shape = self._shapes.get(place)
            identifier, confidence, why = self._identifier(column)
            if identifier is None:
                if about_person and not (judged.is_staff or judged.is_body):
                    self._add_by_shape(table, column, shape)
                continue
            if identifier.needs_person and (not about_person or judged.is_staff or judged.is_body):
                continue
            if judged.is_body:
                confidence -= 0.25
            if shape is not None and shape.count and identifier.shape:
                fits = shape.is_mostly(identifier.shape)
                confidence += SHAPE_GAIN if fits else -SHAPE_PENALTY
                why += (
                    f"values look like {identifier.shape}" if fits else "values do not look so",
                )
            if place not in self._found or self._found[place].confidence < ENOUGH:
                self._put(table, column.name, identifier.kind, confidence, *why)

    @staticmethod
    def _identifier(column: Column) -> tuple[IdentifierKind | None, float, tuple[str, ...]]:
        found = identifier_kind(words_of(column.name))
        if found is not None:
            return found, found.confidence, (f"named `{column.name}`",)
        if 0 < len(column.comment) <= COMMENT_MAX and not is_spoiled(words_of(column.name)):
            spoken = words_of(column.comment)
            found = identifier_kind(spoken)
            if found is not None and not is_only(found, spoken):
                found = None
        if found is not None:
            return found, found.confidence * 0.85, (f"described as `{column.comment}`",)
        return None, 0.0, ()

    def _add_by_shape(self, table: Table, column: Column, shape: ColumnShape | None) -> None:
        if shape is None or shape.count < SHAPE_ONLY_COUNT_MIN:
            return
        for name, confidence in SHAPE_ONLY.items():
            if shape.is_mostly(name) and (table.dataset, column.name) not in self._found:
                kind = _SHAPE_KINDS.get(name, name)
                self._put(table, column.name, kind, confidence, f"values look like {name}")

    def _follow_views(self) -> None:
        """Pass proposals on to views, and to views of those."""
        views = [table for table in self._catalogue.tables.values() if table.is_view]
        origins = {view.dataset: view_origins(view, self._catalogue) for view in views}
        changed = True
        while changed:
            changed = False
            for view in views:
                for column, origin in origins[view.dataset].items():
                    source = self._found.get(origin)
                    place = (view.dataset, column)
                    if source is None or source.confidence < PROPOSED_FROM or place in self._found:
                        continue
                    passed = round(source.confidence * PASSED_ON_BY_VIEW, 3)
                    self._found[place] = replace(
                        source, dataset=view.dataset, column=column, confidence=passed,
                        reasons=(f"the view passes on {source.name}",),
                    )  # fmt: skip
                    changed = True


def _acts(column: str) -> bool:
    return bool(_ACTING & set(words_of(column)))


def _family(type_name: str) -> str:
    """Return what types may be compared: whole numbers, texts, or the type itself."""
    plain = type_name.partition("(")[0].strip()
    if plain in {"smallint", "integer", "bigint", "numeric"}:
        return "number"
    return "text" if plain != "uuid" else plain


def _key_entity(words: tuple[str, ...]) -> str | None:
    """Return the word for a person in a name like `patient_id` or `id_patient`."""
    kept = [word for word in words if word not in {"fk", "ref", "old", "new", "src"}]
    if any(word in ABOUT for word in kept) or "".join(kept) in BY_WORD:
        return None
    if len(kept) >= 2 and kept[-1] in KEYS and kept[-2] in PERSONS:
        return kept[-2]
    if len(kept) == 2 and kept[0] in _NUMBERS and kept[1] in PERSONS:
        return kept[1]
    return None


def _commented_entity(column: Column) -> str | None:
    if not column.comment or len(column.comment) > COMMENT_MAX:
        return None
    return _key_entity(words_of(column.comment))
