"""What an untrusted spec must not do: run commands, read files of its choice, or point our credentials elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from reconciler.ids import canonical_json
from reconciler.spec.models.feishu import PlatformHosts
from reconciler.spec.models.references import EnvRef, ExecRef, FileRef, GithubActionsRef, KeyringRef
from reconciler.spec.target import Target

Reference = EnvRef | FileRef | ExecRef | KeyringRef | GithubActionsRef


def references(value: object, path: str = "spec") -> Iterator[tuple[str, Reference]]:
    """Every reference in a spec, with its path."""
    if isinstance(value, EnvRef | FileRef | ExecRef | KeyringRef | GithubActionsRef):
        yield path, value
    elif isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            yield from references(getattr(value, name), f"{path}.{info.alias or name}")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from references(item, f"{path}[{index}]")


def connection_fields(target: Target) -> Mapping[str, str]:
    """Everything that decides where we connect, as whom, and with which secret, as canonical text by path."""
    spec = target.spec
    fields: dict[str, object] = {
        "spec.bytebase.url": spec.bytebase.url,
        "spec.bytebase.credentials": _plain(spec.bytebase.credentials),
        "spec.bytebase.reviewers": [_plain(each) for each in spec.bytebase.reviewers],
        "spec.bytebase.tls": _plain(spec.bytebase.tls),
        "spec.externalNodes": [
            [node.name, node.endpoint, _plain(node.auth), _plain(node.callback)] for node in spec.external_nodes
        ],
    }
    feishu = spec.feishu
    if feishu is not None:
        platform = feishu.platform
        fields |= {
            "spec.feishu.platform": _plain(platform) if isinstance(platform, PlatformHosts) else platform,
            "spec.feishu.app.id": feishu.app.id if feishu.app is not None else None,
            "spec.feishu.app.secret": _plain(feishu.app.secret) if feishu.app is not None else None,
            "spec.feishu.events": [_plain(feishu.events.encrypt_key), _plain(feishu.events.verification_token)],
        }
    return {path: canonical_json(value) for path, value in fields.items()}  # type: ignore[arg-type]


def _plain(model: BaseModel | None) -> object:
    return model.model_dump(mode="json", by_alias=True) if model is not None else None


def redirected(proposed: Target, trusted: Target | None) -> tuple[str, ...]:
    """The connection fields that a proposal changes; all of them for a target that the baseline does not have."""
    now = connection_fields(proposed)
    before = connection_fields(trusted) if trusted is not None else {}
    return tuple(sorted(path for path in now.keys() | before.keys() if now.get(path) != before.get(path)))
