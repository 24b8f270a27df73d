"""Spec texts into targets: each an immutable model that still knows where every part of it was written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from reconciler.errors import FilePosition, SpecError
from reconciler.spec.diagnostics import Diagnostic, InvalidSpecError
from reconciler.spec.explain import explain_syntax, explain_validation, nearest
from reconciler.spec.locate import Path
from reconciler.spec.models.integration import Integration
from reconciler.spec.source import Source, SpecText
from reconciler.spec.target import Target
from reconciler.spec.validate import validate_targets
from reconciler.spec.yaml import Document, YamlProblemError, YamlValue, load_documents


@dataclass(frozen=True, slots=True)
class ParsedSpecs:
    """Everything that was read: the targets in order of files and documents, and all that is wrong or doubtful."""

    files: tuple[SpecText, ...]
    targets: tuple[Target, ...]
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]

    def require(self, name: str | None = None) -> tuple[Target, ...]:
        """The targets, or the one called `name`. Raises InvalidSpecError on any error, SpecError on an unknown name."""
        if self.errors:
            raise InvalidSpecError(self.errors)
        if name is None:
            return self.targets
        chosen = tuple(target for target in self.targets if target.name == name)
        if not chosen:
            known = [target.name for target in self.targets]
            raise SpecError(
                f"no target is called '{name}'",
                why=nearest(name, known),
                next_step=f"the spec files declare: {', '.join(sorted(known))}",
            )
        return chosen


def parse_documents(files: Sequence[SpecText]) -> ParsedSpecs:
    """Read and check every document of every file; all errors are gathered, none is raised."""
    targets: list[Target] = []
    errors: list[Diagnostic] = []
    incomplete: list[Target] = []
    for file in files:
        source = Source(file.name, file.text)
        try:
            documents = load_documents(file.text)
        except YamlProblemError as error:
            errors.append(explain_syntax(error, source))
            continue
        written = [(index, document) for index, document in enumerate(documents) if document.value is not None]
        if not written:
            errors.append(_empty(file))
        for index, document in written:
            integration, found = _read(document, source)
            errors += found
            if integration is not None:
                target = Target(integration, source, document, index)
                targets.append(target)
                if found:
                    incomplete.append(target)
    cross_errors, warnings = validate_targets(targets)
    errors += cross_errors
    order = {file.name: place for place, file in enumerate(files)}
    complete = tuple(target for target in targets if target not in incomplete)
    return ParsedSpecs(tuple(files), complete, _sorted(errors, order), _sorted(warnings, order))


def _empty(file: SpecText) -> Diagnostic:
    return Diagnostic(
        FilePosition(file.name, 1, 1),
        "",
        "the file holds no document",
        "remove it, or write one: 'reconciler init' shows how",
    )


def _sorted(found: Iterable[Diagnostic], order: dict[str, int]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(found, key=lambda d: (order[d.position.file], d.position.line, d.position.column, d.message)))


def _read(document: Document, source: Source) -> tuple[Integration | None, list[Diagnostic]]:
    """The model of a document and its errors.

    When all errors are about single values that the document can do without, the rest is still a model, so that what
    is wrong between its fields is reported in the same run.
    """
    try:
        return Integration.model_validate(document.value), []
    except ValidationError as error:
        found = explain_validation(error, document, source)
    foreign = [diagnostic for path, diagnostic in found if path in {("apiVersion",), ("kind",)}]
    if foreign:
        return None, foreign
    diagnostics = [diagnostic for _, diagnostic in found]
    rest = document.value
    for path, _ in found:
        rest = _without(rest, path)
    try:
        return Integration.model_validate(rest), diagnostics
    except ValidationError:
        return None, diagnostics


def _without(value: YamlValue, path: Path) -> YamlValue:
    """The value without the single value at `path`; unchanged when a mapping or list stands there, or a list's item."""
    if not path:
        return value
    head, *tail = path
    if isinstance(value, dict) and isinstance(head, str) and head in value:
        if not tail:
            single = not isinstance(value[head], dict | list)
            return {key: kept for key, kept in value.items() if key != head} if single else value
        return {**value, head: _without(value[head], tuple(tail))}
    if isinstance(value, list) and isinstance(head, int) and tail:
        return [_without(item, tuple(tail)) if index == head else item for index, item in enumerate(value)]
    return value
