"""Cell texts from (seed, module, field, row, version): nothing is stored per cell, and every call gives the same.

Owns: what stands in a cell and how it is quoted for CSV. A field's values come from a pool of 1024 texts picked by a
hash of the row (fast), or are computed from the row (ids, stamps, versions, formulas).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from syncd.simulator import words
from syncd.simulator.behaviour import Behaviour
from syncd.simulator.meetings import meeting_end, meeting_start
from syncd.simulator.rows import RowBlock
from syncd.simulator.schema import USER_COUNT, Catalogue, Field, Module, settings_id
from syncd.simulator.stamps import stamps_in

POOL = 1024
_MASK = POOL - 1
_MOST_PIECES = 20 * POOL
_SPECIAL = re.compile(r'[",\r\n]')
_FIRST_DAY = date(2015, 1, 1)
_FIRST_SECOND = 1420070400
_SPAN_DAYS = 4500


@dataclass(frozen=True, slots=True)
class CellStyle:
    """How values are written; derived from the behaviour."""

    true: str
    false: str
    separator: str
    zone: str

    @classmethod
    def of(cls, behaviour: Behaviour) -> "CellStyle":
        true, false = behaviour.boolean_text.split("/")
        return cls(true, false, behaviour.multiselect_separator, behaviour.csv_zone)


CANONICAL = CellStyle("true", "false", ";", "+00:00")


def quote(text: str) -> str:
    """A CSV cell, quoted only if it must be (RFC 4180)."""
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text


def quote_always(text: str) -> str:
    """A CSV cell in quotes."""
    return '"' + text.replace('"', '""') + '"'


def encoded(cells: Iterable[str]) -> list[bytes]:
    """Cells without line ends in UTF-8, all by one call."""
    column = list(cells)
    return "\n".join(column).encode().split(b"\n") if column else []


# ------------------------------------------------------------------------------------------------------------ pools


def _pick_of(choices: Sequence[str]) -> Callable[[Random, Field, CellStyle], str]:
    return lambda rng, _field, _style: rng.choice(choices)


def _sentences(rng: Random, _field: Field, _style: CellStyle) -> str:
    return " ".join(rng.sample(words.SENTENCES, rng.randint(1, 3)))


def _multipick(rng: Random, field: Field, style: CellStyle) -> str:
    chosen = rng.sample(field.options, rng.randint(1, min(3, len(field.options))))
    return style.separator.join(sorted(chosen, key=field.options.index))


def _integer(rng: Random, field: Field, _style: CellStyle) -> str:
    return str(rng.randint(int(field.options[0]), int(field.options[1])))


def _decimal(rng: Random, field: Field, _style: CellStyle) -> str:
    scale = 10**field.decimals
    number = rng.randint(int(field.options[0]) * scale, int(field.options[1]) * scale)
    return f"{number // scale}.{number % scale:0{field.decimals}d}"


def _date(rng: Random, _field: Field, _style: CellStyle) -> str:
    return (_FIRST_DAY + timedelta(days=rng.randrange(_SPAN_DAYS))).isoformat()


def _datetime(rng: Random, _field: Field, style: CellStyle) -> str:
    return stamps_in(style.zone).text(_FIRST_SECOND + rng.randrange(_SPAN_DAYS * 86400))


def _boolean(rng: Random, _field: Field, style: CellStyle) -> str:
    return style.true if rng.random() < 0.4 else style.false


def _phone(rng: Random, _field: Field, _style: CellStyle) -> str:
    return f"+{rng.randint(1, 99)} {rng.randint(100, 999)} {rng.randint(1000, 9999)}-{rng.randint(10, 99)}"


def _zip(rng: Random, _field: Field, _style: CellStyle) -> str:
    return f"{rng.randrange(100000):05d}"


def _website(rng: Random, _field: Field, _style: CellStyle) -> str:
    return f"https://www.example.com/{rng.randrange(10**6)}?a=1&b=2"


def _user(rng: Random, _field: Field, _style: CellStyle) -> str:
    return settings_id("user", str(rng.randrange(USER_COUNT)))


def _text(rng: Random, field: Field, _style: CellStyle) -> str:
    return f"{field.label or field.api_name} {rng.randrange(1000)}"


def _pick(rng: Random, field: Field, _style: CellStyle) -> str:
    return rng.choice(field.options)


POOLS: dict[str, Callable[[Random, Field, CellStyle], str]] = {
    "text": _text,
    "first_name": _pick_of(words.FIRST_NAMES),
    "last_name": _pick_of(words.LAST_NAMES),
    "company": _pick_of(words.COMPANIES),
    "street": _pick_of(words.STREETS),
    "city": _pick_of(words.CITIES),
    "state": _pick_of(words.STATES),
    "country": _pick_of(words.COUNTRIES),
    "subject": _pick_of(words.SUBJECTS),
    "sentence": _pick_of(words.SENTENCES),
    "textarea": _sentences,
    "pick": _pick,
    "multipick": _multipick,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "datetime": _datetime,
    "boolean": _boolean,
    "phone": _phone,
    "zip": _zip,
    "website": _website,
    "user": _user,
}


@dataclass(frozen=True, slots=True)
class _Pool:
    texts: tuple[str, ...]
    quoted: tuple[bytes, ...]
    escaped: tuple[bytes, ...]


class _Pieces(dict[tuple[int, int], bytes]):
    """Parts of CSV lines by a row's two keys. Bounded: when it is full it starts anew."""

    def __init__(self, pools: Sequence[tuple[bool, Sequence[bytes]]]) -> None:
        super().__init__()
        self._pools = pools

    def __missing__(self, keys: tuple[int, int]) -> bytes:
        if len(self) >= _MOST_PIECES:
            self.clear()
        fixed, moving = keys
        piece = self[keys] = b",".join(pool[fixed if stable else moving] for stable, pool in self._pools)
        return piece


class CellMaker:
    """Makes the texts of whole columns. `initial_rows` says how many rows each module started with: lookups point
    into those, so that a row's texts never depend on what was created later."""

    def __init__(self, seed: int, catalogue: Catalogue, initial_rows: dict[str, int]) -> None:
        self._seed = seed
        self._catalogue = catalogue
        self._initial_rows = initial_rows
        self._pools: dict[tuple[str, Field, CellStyle], _Pool] = {}
        self._pieces: dict[tuple[str, tuple[Field, ...], CellStyle], _Pieces] = {}

    def texts(self, module: Module, field: Field, block: RowBlock, style: CellStyle) -> list[str]:
        """The exported text of one field for every row of a block, not quoted."""
        if self._catalogue.is_blanked(module.api_name, field.api_name):
            return [""] * len(block)
        if field.source in POOLS:
            pool = self._pool(module, field, style).texts
            column = [pool[key] for key in self._keys(module, block, stable=field.stable)]
        else:
            column = self._computed(module, field, block, style)
        return _overridden(column, field, block)

    def csv(self, module: Module, field: Field, block: RowBlock, style: CellStyle) -> Iterable[bytes]:
        """The same as `texts` in UTF-8, quoted where CSV needs it."""
        if block.overrides or self._catalogue.is_blanked(module.api_name, field.api_name):
            return [quote(text).encode() for text in self.texts(module, field, block, style)]
        if field.source in POOLS:
            return map(
                self._pool(module, field, style).quoted.__getitem__, self._keys(module, block, stable=field.stable)
            )
        if field.source == "edition":
            escaped, keys = self._pool(module, field, style).escaped, self._keys(module, block, stable=field.stable)
            pairs = zip(keys, block.versions, strict=True)
            return [b'"%b [edition %d]"' % (escaped[key], version) for key, version in pairs]
        return encoded(self._computed(module, field, block, style))

    # ------------------------------------------------------------------------------------------------ internals

    def joinable(self, module: Module, field: Field) -> bool:
        """Whether `joined` can hold the field: its texts come from a pool and are shown."""
        return field.source in POOLS and not self._catalogue.is_blanked(module.api_name, field.api_name)

    def joined(self, module: Module, fields: tuple[Field, ...], block: RowBlock, style: CellStyle) -> Iterable[bytes]:
        """Several neighbouring joinable columns as one, commas between them. The block must have no overrides.

        All of a row's pool texts follow from one pair of keys, so that few different pieces occur and are remembered.
        """
        key = (module.api_name, fields, style)
        if (pieces := self._pieces.get(key)) is None:
            pools = [(field.stable, self._pool(module, field, style).quoted) for field in fields]
            pieces = self._pieces[key] = _Pieces(pools)
        self._keys(module, block, stable=True)
        return map(pieces.__getitem__, zip(block.keys[True], self._keys(module, block, stable=False), strict=True))

    def _keys(self, module: Module, block: RowBlock, *, stable: bool) -> list[int]:
        """Which of the pool's texts each row shows: by the row alone (stable), or by row and version."""
        if not block.keys:
            shift = self._seed * 7919 + module.ordinal * 104729
            fixed = [(index * 2654435761 + shift) >> 8 & _MASK for index in block.indexes]
            block.keys[True] = fixed
            block.keys[False] = [
                key + version * 389 & _MASK for key, version in zip(fixed, block.versions, strict=True)
            ]
        return block.keys[stable]

    def _pool(self, module: Module, field: Field, style: CellStyle) -> _Pool:
        key = (module.api_name, field, style)
        if (pool := self._pools.get(key)) is None:
            rng = Random(f"{self._seed}/{module.api_name}/{field.api_name}")
            make = POOLS.get(field.source, _sentences)
            texts = tuple("" if rng.random() < field.blank else make(rng, field, style) for _ in range(POOL))
            escaped = tuple(text.replace('"', '""').encode() for text in texts)
            pool = self._pools[key] = _Pool(texts, tuple(quote(text).encode() for text in texts), escaped)
        return pool

    def _computed(self, module: Module, field: Field, block: RowBlock, style: CellStyle) -> list[str]:
        makers: dict[str, Callable[[], list[str]]] = {
            "id": lambda: _ids(module.id_base, block.indexes),
            "created": lambda: stamps_in(style.zone).texts(block.created),
            "modified": lambda: stamps_in(style.zone).texts(block.modified),
            "converted": lambda: [style.true if flag else style.false for flag in block.converted],
            "edition": lambda: self._editions(module, field, block, style),
            "formula": lambda: self._formulas(block),
            "lookup": lambda: self._lookups(field, block),
            "email": lambda: self._emails(module, field, block, style),
            "meeting_start": lambda: stamps_in(style.zone).texts(map(meeting_start, block.indexes)),
            "meeting_end": lambda: stamps_in(style.zone).texts(map(meeting_end, block.indexes)),
            "autonumber": lambda: [f"{field.options[0]}{index + 1:07d}" for index in block.indexes],
        }
        if field.source not in makers:
            raise ValueError(f"{module.api_name}.{field.api_name}: no generator named {field.source!r}")
        return makers[field.source]()

    def _editions(self, module: Module, field: Field, block: RowBlock, style: CellStyle) -> list[str]:
        texts, keys = self._pool(module, field, style).texts, self._keys(module, block, stable=field.stable)
        return [f"{texts[key]} [edition {version}]" for key, version in zip(keys, block.versions, strict=True)]

    def _formulas(self, block: RowBlock) -> list[str]:
        numbers = [
            (index * 7919 + version * 104729 + drift * 1299709) % 10_000_000
            for index, version, drift in zip(block.indexes, block.versions, block.drifts, strict=True)
        ]
        return [f"{number // 100}.{number % 100:02d}" for number in numbers]

    def _lookups(self, field: Field, block: RowBlock) -> list[str]:
        target = self._catalogue[field.lookup]
        rows = self._initial_rows.get(field.lookup, 0)
        if not rows:
            return [""] * len(block)
        base, span, salt = target.id_base, max(rows, round(rows / (1 - field.blank))), len(field.api_name) * 7
        if field.stable:
            places = [(index * 40503 + salt) % span for index in block.indexes]
        else:
            places = [(i * 40503 + v * 65537 + salt) % span for i, v in zip(block.indexes, block.versions, strict=True)]
        return [str(base + (at + 1) * 1000 + at * 271 % 1000) if at < rows else "" for at in places]

    def _emails(self, module: Module, field: Field, block: RowBlock, style: CellStyle) -> list[str]:
        present = self._pool(module, field, style).texts
        local = f"{module.singular.lower().replace(' ', '.')}.{field.api_name.lower().replace('_', '-')}"
        return [
            f"{local}.{index}@example.com" if present[key] else ""
            for index, key in zip(block.indexes, self._keys(module, block, stable=field.stable), strict=True)
        ]


def _ids(base: int, indexes: Iterable[int]) -> list[str]:
    return [str(base + (index + 1) * 1000 + index * 271 % 1000) for index in indexes]


def _overridden(column: list[str], field: Field, block: RowBlock) -> list[str]:
    for at, texts in block.overrides.items():
        if field.api_name in texts:
            column[at] = texts[field.api_name]
    return column
