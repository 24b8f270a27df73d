"""What the stand-in understands of SQL: the kind of each statement, and the risk that follows (facts §7.2)."""

from __future__ import annotations

import re

_KINDS = (
    (r"CREATE\s+(?:GLOBAL\s+|LOCAL\s+|TEMP(?:ORARY)?\s+|UNLOGGED\s+)*TABLE", "CREATE_TABLE"),
    (r"CREATE\s+(?:UNIQUE\s+)?INDEX", "CREATE_INDEX"),
    (r"CREATE\s+SCHEMA", "CREATE_SCHEMA"),
    (r"CREATE\s+DATABASE", "CREATE_DATABASE"),
    (r"CREATE\s+(?:OR\s+REPLACE\s+)?VIEW", "CREATE_VIEW"),
    (r"ALTER\s+TABLE", "ALTER_TABLE"),
    (r"DROP\s+TABLE", "DROP_TABLE"),
    (r"DROP\s+SCHEMA", "DROP_SCHEMA"),
    (r"DROP\s+DATABASE", "DROP_DATABASE"),
    (r"DROP\s+INDEX", "DROP_INDEX"),
    (r"TRUNCATE", "TRUNCATE"),
    (r"INSERT", "INSERT"),
    (r"UPDATE", "UPDATE"),
    (r"DELETE", "DELETE"),
    (r"COMMENT", "COMMENT"),
)
_HIGH = frozenset({"DROP_DATABASE", "DROP_TABLE", "DROP_SCHEMA", "TRUNCATE"})
_MODERATE = frozenset({"DELETE", "UPDATE", "ALTER_TABLE", "DROP_INDEX"})


def statements(sql: str) -> list[str]:
    """The statements of a text, comments left out."""
    plain = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
    return [part.strip() for part in plain.split(";") if part.strip()]


def statement_types(sql: str) -> list[str]:
    """The known kinds of statements, sorted, each once."""
    found = set()
    for statement in statements(sql):
        for pattern, kind in _KINDS:
            if re.match(pattern, statement, re.IGNORECASE):
                found.add(kind)
                break
    return sorted(found)


def tables(sql: str) -> list[str]:
    """Names of the tables that statements name, as far as they are plain."""
    pattern = r"(?:TABLE(?:\s+IF(?:\s+NOT)?\s+EXISTS)?|INTO|UPDATE|FROM|TRUNCATE)\s+([A-Za-z_][\w.]*)"
    return sorted({name for name in re.findall(pattern, sql, re.IGNORECASE) if name.upper() not in ("TABLE", "IF")})


def risk_level(types: list[str]) -> str:
    """HIGH, MODERATE or LOW."""
    if _HIGH & set(types):
        return "HIGH"
    return "MODERATE" if _MODERATE & set(types) else "LOW"
