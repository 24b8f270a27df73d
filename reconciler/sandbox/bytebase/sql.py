"""What the stand-in understands of SQL: the kind of each statement, the tables it names, and the risk (facts §7.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CREATED = ("SEQUENCE", "SCHEMA", "FUNCTION", "TRIGGER", "PROCEDURE", "EXTENSION", "TYPE", "DATABASE")
_DROPPED = ("TABLE", "VIEW", "INDEX", *_CREATED)
_KINDS = (
    (r"CREATE\s+(?:GLOBAL\s+|LOCAL\s+|TEMP(?:ORARY)?\s+|UNLOGGED\s+)*TABLE\b", "CREATE_TABLE"),
    (r"CREATE\s+(?:UNIQUE\s+)?INDEX\b", "CREATE_INDEX"),
    (r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+|RECURSIVE\s+|MATERIALIZED\s+)*VIEW\b", "CREATE_VIEW"),
    *((rf"CREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?{what}\b", f"CREATE_{what}") for what in _CREATED),
    (r"ALTER\s+\w+.*?\bRENAME\b", "RENAME"),
    (r"ALTER\s+TABLE\b", "ALTER_TABLE"),
    (r"ALTER\s+(?:MATERIALIZED\s+)?VIEW\b", "ALTER_VIEW"),
    *((rf"ALTER\s+{what}\b", f"ALTER_{what}") for what in ("SEQUENCE", "TYPE", "INDEX", "DATABASE")),
    (r"DROP\s+MATERIALIZED\s+VIEW\b", "DROP_VIEW"),
    *((rf"DROP\s+{what}\b", f"DROP_{what}") for what in _DROPPED),
    *((rf"{what}\b", what) for what in ("TRUNCATE", "INSERT", "UPDATE", "DELETE", "COMMENT")),
)
_HIGH = frozenset({"DROP_DATABASE", "DROP_TABLE", "DROP_SCHEMA", "TRUNCATE"})
_MODERATE = frozenset({"DELETE", "UPDATE", "ALTER_TABLE", "DROP_INDEX"})
_NAME = r"(?P<name>\"[^\"]+\"|[A-Za-z_][\w.]*)"
_CREATES_TABLE = re.compile(rf"CREATE\s+(?:\w+\s+)*?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}", re.IGNORECASE)
_DROPS_TABLE = re.compile(rf"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_NAME}", re.IGNORECASE)
_TOLERATES = re.compile(rf"(?:ALTER|DROP)\s+TABLE\s+IF\s+EXISTS\s+(?:ONLY\s+)?{_NAME}", re.IGNORECASE)


def statements(sql: str) -> list[str]:
    """The statements of a text, comments left out."""
    plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
    return [part.strip() for part in plain.split(";") if part.strip()]


def statement_types(sql: str) -> list[str]:
    """The kind of each statement that has one, in their order."""
    found = []
    for statement in statements(sql):
        for pattern, kind in _KINDS:
            if re.match(pattern, statement, re.IGNORECASE | re.DOTALL):
                found.append(kind)
                break
    return found


def tables(sql: str) -> list[str]:
    """Names of the tables that statements change, as far as they are plain."""
    pattern = r"(?:TABLE(?:\s+IF(?:\s+NOT)?\s+EXISTS)?|INTO|UPDATE|DELETE\s+FROM|TRUNCATE)\s+([A-Za-z_][\w.]*)"
    return sorted({name for name in re.findall(pattern, sql, re.IGNORECASE) if name.upper() not in ("TABLE", "IF")})


def inserted_rows(sql: str) -> int:
    """How many rows the INSERT statements list."""
    rows = 0
    for statement in statements(sql):
        listed = re.match(r"INSERT\b.*?\bVALUES\b(.*)", statement, re.IGNORECASE | re.DOTALL)
        if listed is not None:
            rows += _groups(listed[1])
    return rows


def _groups(text: str) -> int:
    depth = found = 0
    for character in re.sub(r"'(?:[^']|'')*'", "", text):
        depth += (character == "(") - (character == ")")
        found += character == "(" and depth == 1
    return found


def missing_tables(sql: str, executed: Iterable[str]) -> list[str]:
    """Tables that a statement only touches if they exist, and that nothing executed so far (or above) has created."""
    known: set[str] = set()
    for each in executed:
        _follow(each, known)
    missing = []
    for statement in statements(sql):
        tolerant = _TOLERATES.match(statement)
        if tolerant is not None and _plain(tolerant["name"]) not in known:
            missing.append(_plain(tolerant["name"]))
        _follow(statement, known)
    return missing


def _follow(sql: str, known: set[str]) -> None:
    for statement in statements(sql):
        if created := _CREATES_TABLE.match(statement):
            known.add(_plain(created["name"]))
        elif dropped := _DROPS_TABLE.match(statement):
            known.discard(_plain(dropped["name"]))


def _plain(name: str) -> str:
    return name.strip('"').removeprefix("public.").lower()


def risk_level(types: Iterable[str]) -> str:
    """HIGH, MODERATE or LOW."""
    kinds = set(types)
    if _HIGH & kinds:
        return "HIGH"
    return "MODERATE" if _MODERATE & kinds else "LOW"
