"""Names: each is given once, and every use of one leads somewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.spec.diagnostics import Diagnostic
from reconciler.spec.explain import nearest
from reconciler.spec.locate import Path
from reconciler.spec.models.gates import DecideByDefinition
from reconciler.spec.models.im import FeishuIm
from reconciler.spec.target import Target


def duplicate_targets(targets: Sequence[Target]) -> Iterator[Diagnostic]:
    """Two documents that call themselves the same."""
    first: dict[str, Target] = {}
    for target in targets:
        path = ("metadata", "name")
        if target.name in first:
            place = first[target.name].origin(*path)
            yield target.diagnostic(path, f"another target is already called '{target.name}'", f"see {place}")
        else:
            first[target.name] = target


def duplicates(target: Target) -> Iterator[Diagnostic]:
    """Things of one kind that are declared twice in one document."""
    spec, bytebase = target.spec, target.spec.bytebase
    im = bytebase.im.settings if bytebase.im else ()
    definitions = spec.feishu.definitions if spec.feishu else ()
    root = ("spec", "bytebase")
    yield from _repeated(
        target, (*root, "reviewers"), "reviewer for role", "role", (r.role for r in bytebase.reviewers)
    )
    yield from _repeated(target, (*root, "im", "settings"), "setting of type", "type", (s.type for s in im))
    yield from _repeated(
        target, (*root, "environments"), "environment", "name", (e.name for e in bytebase.environments)
    )
    yield from _repeated(target, (*root, "projects"), "project", "name", (p.name for p in bytebase.projects))
    yield from _repeated(target, (*root, "roles"), "role", "id", (r.id for r in bytebase.roles))
    for i, project in enumerate(bytebase.projects):
        titles = (f"{webhook.title} ({webhook.type})" for webhook in project.webhooks or ())
        yield from _repeated(target, (*root, "projects", i, "webhooks"), "webhook", "title", titles)
    bindings = (f"{b.role} for {b.member} in {b.project or 'the workspace'}" for b in bytebase.bindings)
    yield from _repeated(target, (*root, "bindings"), "binding of", "role", bindings)
    yield from _repeated(target, ("spec", "feishu", "definitions"), "definition", "name", (d.name for d in definitions))
    yield from _repeated(
        target, ("spec", "externalNodes"), "external node", "name", (n.name for n in spec.external_nodes)
    )
    yield from _repeated(target, ("spec", "gates"), "gate", "name", (g.name for g in spec.gates))
    overridden = (o.bytebase.lower() for o in spec.users.overrides)
    yield from _repeated(target, ("spec", "users", "overrides"), "override for", "bytebase", overridden)


def domain_rules(target: Target) -> Iterator[Diagnostic]:
    """Domain rules that map two people to one address, or one person to two."""
    rules = target.spec.users.domains
    path = ("spec", "users", "domains")
    yield from _repeated(target, path, "rule for domain", "bytebase", (rule.bytebase.lower() for rule in rules))
    first: dict[str, tuple[int, str]] = {}
    for i, rule in enumerate(rules):
        place, other = first.setdefault(rule.feishu.lower(), (i, rule.bytebase))
        if place != i and other.lower() != rule.bytebase.lower():
            yield target.diagnostic(
                (*path, i, "feishu"),
                f"maps two people to one address: ann@{other} and ann@{rule.bytebase} would both be ann@{rule.feishu}",
                "keep one rule for this Feishu domain and name the others' people under overrides",
            )


def unresolved(target: Target) -> Iterator[Diagnostic]:
    """Uses of a definition, a node or the Feishu app that the document does not declare."""
    spec = target.spec
    definitions = [definition.name for definition in spec.feishu.definitions] if spec.feishu else []
    nodes = [node.name for node in spec.external_nodes]
    for i, gate in enumerate(spec.gates):
        path = ("spec", "gates", i, "decide")
        if isinstance(gate.decide, DecideByDefinition):
            yield from _known(target, (*path, "definition"), "definition", gate.decide.definition, definitions)
        else:
            yield from _known(target, (*path, "externalNode"), "external node", gate.decide.external_node, nodes)
    yield from _needs_app(target)


def _needs_app(target: Target) -> Iterator[Diagnostic]:
    spec = target.spec
    if spec.feishu is not None and spec.feishu.app is not None:
        return
    hint = "write spec.feishu.app with its id and secret"
    if spec.feishu is not None and spec.feishu.definitions:
        yield target.diagnostic(("spec", "feishu", "app"), "a definition needs the app that owns it", hint)
    for i, setting in enumerate(spec.bytebase.im.settings if spec.bytebase.im else ()):
        if isinstance(setting, FeishuIm) and setting.from_ is not None:
            path = ("spec", "bytebase", "im", "settings", i, "from")
            yield target.diagnostic(path, "there is no Feishu app to take the credentials from", hint)
    if spec.notify:
        yield target.diagnostic(("spec", "notify"), "cards are sent by the Feishu app, and none is declared", hint)


def _known(target: Target, path: Path, what: str, name: str, known: Sequence[str]) -> Iterator[Diagnostic]:
    if name in known:
        return
    hint = nearest(name, known) or (f"declared: {', '.join(sorted(known))}" if known else "none is declared")
    yield target.diagnostic(path, f"no {what} is called '{name}'", hint)


def _repeated(target: Target, path: Path, what: str, field: str, names: Iterable[str]) -> Iterator[Diagnostic]:
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if name in first:
            place = target.origin(*path, first[name], field)
            yield target.diagnostic((*path, i, field), f"a second {what} '{name}'", f"the first is at {place}")
        else:
            first[name] = i
