"""Two resources of one kind -> the fields in which they differ. deepdiff is used here and its types never leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.resources.base import Json, Mark, Resource

_ADDED = {"dictionary_item_added", "iterable_item_added"}
_REMOVED = {"dictionary_item_removed", "iterable_item_removed"}
_CHANGED = {"values_changed", "type_changes"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs, by dotted path; None stands for "nothing there". Write-only values are public tokens."""

    path: str
    before: Json
    after: Json
    mark: Mark = Mark.PLAIN


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, and the paths that cannot be compared because they cannot be read."""

    fields: tuple[FieldChange, ...] = ()
    unverifiable: tuple[str, ...] = ()


def diff(before: Resource | None, after: Resource | None) -> Difference:
    """Compare an observed resource with a desired one; either may be missing. Rows and paths are sorted.

    Only what the desired side declares is compared. A write-only field with the recorded token is unverifiable; with
    another it is a change; with none recorded it is unverifiable too, for nobody knows what was sent, and becomes a
    change only where the resource is written anyway.
    """
    old = before.fields() if before is not None else {}
    if after is None:
        gone = (FieldChange(name, value, None, _mark(before, name)) for name, value in old.items())
        return Difference(fields=_in_order(gone))
    if before is None:
        new = (FieldChange(name, None, value, _mark(after, name)) for name, value in after.fields().items())
        return Difference(fields=_in_order(new))
    rows: list[FieldChange] = []
    unverifiable: dict[str, Json] = {}
    for name, value in after.over(before).fields().items():
        mark = after.mark_of(name)
        if mark is Mark.SERVER_OWNED:
            continue
        if name not in old or (mark is Mark.WRITE_ONLY and old[name] == value):
            unverifiable[name] = value
        else:
            rows += _field(name, old[name], value, mark)
    if rows:
        unsent = [name for name in unverifiable if name not in old and after.mark_of(name) is Mark.WRITE_ONLY]
        rows += [FieldChange(name, None, unverifiable.pop(name), Mark.WRITE_ONLY) for name in unsent]
    return Difference(fields=_in_order(rows), unverifiable=tuple(sorted(unverifiable)))


def rewritten(before: Resource | None, after: Resource) -> tuple[FieldChange, ...]:
    """The write-only fields as changes, whatever is recorded: they were asked to be sent again."""
    old = before.fields() if before is not None else {}
    return _in_order(
        FieldChange(name, old.get(name), value, Mark.WRITE_ONLY)
        for name, value in after.fields().items()
        if after.mark_of(name) is Mark.WRITE_ONLY
    )


def _mark(resource: Resource | None, name: str) -> Mark:
    return resource.mark_of(name) if resource is not None else Mark.PLAIN


def _in_order(rows: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    return tuple(sorted(rows, key=lambda row: row.path))


def _field(name: str, old: Json, new: Json, mark: Mark) -> Iterator[FieldChange]:
    if _same(old, new):
        return
    if mark is Mark.PLAIN and _is_nested(old) and _is_nested(new):
        yield from _nested(name, old, new)
    else:
        yield FieldChange(name, old, new, mark)


def _nested(name: str, old: Json, new: Json) -> Iterator[FieldChange]:
    """Rows inside one field. Ordered lists are compared by position: what approval rules mean depends on it."""
    from deepdiff import DeepDiff  # loaded where something is compared: most of what imports this only names a type

    tree = DeepDiff(old, new, view="tree", threshold_to_diff_deeper=0, zip_ordered_iterables=True)
    for kind, levels in tree.items():
        if kind not in _ADDED | _REMOVED | _CHANGED:
            raise ValueError(f"deepdiff reported an unknown kind of difference: {kind}")
        for level in levels:
            path = name + "".join(_step(step) for step in level.path(output_format="list"))
            before = None if kind in _ADDED else level.t1
            after = None if kind in _REMOVED else level.t2
            yield FieldChange(path, before, after, Mark.PLAIN)


def _step(step: object) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    word = str(step)
    return f".{word}" if word.replace("-", "").replace("_", "").isalnum() else f"[{word!r}]"


def _is_nested(value: Json) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value))


def _same(old: Json, new: Json) -> bool:
    """Equality that tells 1 from True, as JSON does."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same(a, b) for a, b in zip(old, new, strict=True))
    return old == new
