"""Cards of the app's bot: a title, a text and one button. Foreign text is shown as text, never as markup. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_TITLE_LIMIT, _TEXT_LIMIT = 200, 6_000


def card(*, title: str, text: str, link: str) -> Mapping[str, object]:
    """A card (format 2.0) that can be updated later; the button is left out without a link. Stays far below 30 KB."""
    elements: list[Mapping[str, object]] = [{"tag": "div", "text": _plain(text, _TEXT_LIMIT)}]
    if link:
        elements.append(
            {
                "tag": "button",
                "type": "primary",
                "text": _plain("Open · 打开", _TITLE_LIMIT),
                "behaviors": [{"type": "open_url", "default_url": link}],
            }
        )
    return {
        "schema": "2.0",
        "config": {"update_multi": True},
        "header": {"template": "blue", "title": _plain(title, _TITLE_LIMIT)},
        "body": {"elements": elements},
    }


def _plain(text: str, limit: int) -> Mapping[str, object]:
    return {"tag": "plain_text", "content": text if len(text) <= limit else text[: limit - 1] + "…"}
