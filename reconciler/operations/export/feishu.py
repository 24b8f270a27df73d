"""The Feishu side of a spec: the app is carried over, managed definitions are adopted as they are live."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.diff import diff
from reconciler.operations.export.exported import Found, is_writable, written
from reconciler.resources.app import App
from reconciler.resources.base import Json
from reconciler.resources.definition import Definition
from reconciler.spec.models import feishu as spec

_CARRIED = ("platform", "app", "events", "poll", "appConfiguration")


def exported_feishu(found: Found, app: App | None) -> Mapping[str, Json]:
    """The section `spec.feishu`; `app` is what the app would have to be, where the spec manages it."""
    feishu = found.target.spec.feishu
    given = written(feishu)
    section: dict[str, Json] = {name: given[name] for name in _CARRIED if name in given}
    live = next(iter(found.of(App)), None)
    if app is not None and live is not None and diff(live, app).fields:
        section.pop("appConfiguration", None)
        found.left_out.append("feishu.appConfiguration: the app is not yet as it would be managed to be")
    definitions = [_definition(found, each) for each in feishu.definitions] if feishu is not None else []
    known: list[Json] = [each for each in definitions if each is not None]
    return section | ({"definitions": known} if known else {})


def _definition(found: Found, declared: spec.Definition) -> Json:
    if declared.mode == "adopted":
        return written(declared)
    live = next((each for each in found.of(Definition) if each.spec_name == declared.name), None)
    if live is None:
        found.left_out.append(f"the definition {declared.name}: it was not created yet")
        return None
    known = spec.AdoptedForm.model_fields
    entry: dict[str, Json] = {
        "name": live.spec_name,
        "mode": "adopted",
        "code": live.code,
        "decision": live.decision,
        "node": live.stamp,
        "form": {widget.id: widget.id for widget in live.form if widget.id in known},
    }
    if is_writable(spec.Definition, entry):
        return entry
    found.left_out.append(f"the definition {declared.name}: somebody changed it so that it cannot be adopted")
    return None
