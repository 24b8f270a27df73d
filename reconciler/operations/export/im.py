"""The live list of messaging apps as a spec would declare it: its types are read, what is inside an entry never is."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.operations.export.exported import Found, written
from reconciler.resources.base import Json, Key
from reconciler.resources.im import Im
from reconciler.spec.models.im import InstantMessaging

FILL_IN = "FILL-IN"
"""Stands where a person has to write a value."""

_PATH = "spec.bytebase.im"
_BLANKS: Mapping[str, Mapping[str, Json]] = {
    "SLACK": {"token": {"env": "SLACK_TOKEN"}},
    "FEISHU": {"appId": FILL_IN, "appSecret": {"env": "FEISHU_IM_SECRET"}},
    "LARK": {"appId": FILL_IN, "appSecret": {"env": "LARK_IM_SECRET"}},
    "WECOM": {"corpId": FILL_IN, "agentId": FILL_IN, "secret": {"env": "WECOM_SECRET"}},
    "DINGTALK": {"clientId": FILL_IN, "clientSecret": {"env": "DINGTALK_SECRET"}, "robotCode": FILL_IN},
    "TEAMS": {"tenantId": FILL_IN, "clientId": FILL_IN, "clientSecret": {"env": "TEAMS_SECRET"}},
}
"""What an entry needs and nobody can read back: plain values to fill in, secrets by reference."""


def exported_im(found: Found) -> Mapping[str, Json] | None:
    """The section, or None where nothing is live and nothing was declared."""
    declared = found.target.spec.bytebase.im
    ims = found.of(Im)
    types = ims[0].types if ims else ()
    if not types and declared is None:
        return None
    strange = sorted(set(types) - _BLANKS.keys())
    if strange:
        found.left_out.append(f"the messaging apps: this version knows no type {', '.join(strange)}")
        return None
    kept = {name: value for name, value in written(declared).items() if name != "settings"}
    return {"settings": [_entry(found, declared, type_) for type_ in types], **kept}


def _entry(found: Found, declared: InstantMessaging | None, type_: str) -> Json:
    """As declared where it is declared, from the app where the types fit, else with blanks; then as it was last sent."""
    entry = next((written(each) for each in (declared.settings if declared else ()) if each.type == type_), None)
    if entry is not None:
        found.note(_PATH, f"{type_} is carried over.")
    elif type_ == _own_type(found):
        entry = {"type": type_, "from": "feishu"}
        found.note(_PATH, f"{type_} is taken to be the app of spec.feishu: correct it if it is another one.")
    else:
        entry = {"type": type_, **_BLANKS[type_]}
    entry = _as_sent(found, entry)
    if any(value == FILL_IN for value in entry.values()):
        found.note(
            _PATH,
            f"{type_} has to be filled in where it says {FILL_IN}; then send it once: reconciler apply --rewrite bytebase/im",
        )
    return entry


def _own_type(found: Found) -> str:
    feishu = found.target.spec.feishu
    if feishu is None or feishu.app is None:
        return ""
    return "LARK" if feishu.platform == "lark" else "FEISHU"


def _as_sent(found: Found, entry: Mapping[str, Json]) -> dict[str, Json]:
    """The entry with the public values and the version that the store remembers, so that nothing is left to be sent."""
    type_ = str(entry["type"])
    token = found.token(Key(Im.kind, Im(()).name), f"credentials.{type_}")
    values = dict(part.partition(" ")[::2] for part in token.split(", ") if part)
    version = values.pop("version", "")
    if not version.isdigit():
        return dict(entry)
    app = found.target.spec.feishu.app if found.target.spec.feishu is not None else None
    result = dict(entry)
    if "from" in result and (app is None or values.get("appId") != app.id):
        result = {"type": type_, **_BLANKS[type_]}
    result |= {name: value for name, value in values.items() if name in _BLANKS[type_] and "from" not in result}
    implied = app.version if "from" in result and app is not None else 1
    if "version" in result or int(version) != implied:
        result["version"] = int(version)
    return result
