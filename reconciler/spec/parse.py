"""Spec texts into targets: each an immutable model that still knows where every part of it was written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from reconciler.errors import FilePosition, SpecError
from reconciler.spec.diagnostics import Diagnostic, InvalidSpecError
from reconciler.spec.explain import explain_syntax, explain_validation, nearest
from reconciler.spec.fill import completed
from reconciler.spec.models.integration import Integration
from reconciler.spec.source import Source, SpecText
from reconciler.spec.target import Target
from reconciler.spec.validate import errors_between, warnings_about
from reconciler.spec.yaml import Document, YamlProblemError, load_documents


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
    read: list[_Read] = []
    errors: list[Diagnostic] = []
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
        read += [_read(document, source, index) for index, document in written]
    errors += [found for each in read for found in each.errors]
    errors += _errors_between(read)
    order = {file.name: place for place, file in enumerate(files)}
    targets = tuple(each.targets[0] for each in read if each.targets and not each.errors)
    return ParsedSpecs(tuple(files), targets, _sorted(errors, order), _sorted(warnings_about(targets), order))


@dataclass(frozen=True, slots=True)
class _Read:
    """One document: the target as it stands or, where it has errors, as completed in two ways; none if it is no spec."""

    targets: tuple[Target, Target] | None
    errors: tuple[Diagnostic, ...] = ()


def _errors_between(read: Sequence[_Read]) -> list[Diagnostic]:
    """What is wrong between fields, as far as it does not depend on what could not be read."""
    known = [each for each in read if each.targets is not None]
    found = errors_between([each.targets[0] for each in known if each.targets])
    if not any(each.errors for each in known):
        return found
    also = set(errors_between([each.targets[1] for each in known if each.targets]))
    return [each for each in found if each in also]


def _empty(file: SpecText) -> Diagnostic:
    return Diagnostic(
        FilePosition(file.name, 1, 1),
        "",
        "the file holds no document",
        "remove it, or write one: 'reconciler init' shows how",
    )


def _sorted(found: Iterable[Diagnostic], order: dict[str, int]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(found, key=lambda d: (order[d.position.file], d.position.line, d.position.column, d.message)))


def _read(document: Document, source: Source, index: int) -> _Read:
    try:
        target = Target(Integration.model_validate(document.value), source, document, index)
        return _Read((target, target))
    except ValidationError as error:
        found, source = explain_validation(error, document, source)
    foreign = tuple(diagnostic for path, diagnostic in found if path in {("apiVersion",), ("kind",)})
    if foreign:
        return _Read(None, foreign)
    errors = tuple(diagnostic for _, diagnostic in found)
    models = completed(document.value)
    if models is None:
        return _Read(None, errors)
    sparse, rich = (Target(model, source, document, index) for model in models)
    return _Read((sparse, rich), errors)
