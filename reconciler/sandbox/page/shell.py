"""What every part of the page shares: templates, forms, and acts that end in a notice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from reconciler.sandbox.page.notices import Notice, Notices
from reconciler.sandbox.page.upstream import UpstreamSaysNoError

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class FormFields:
    """The fields of a posted form; line ends are as the author typed them."""

    def __init__(self, body: bytes) -> None:
        self._fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)

    def one(self, name: str) -> str:
        """The field's first value, or nothing."""
        return self._fields.get(name, [""])[0].replace("\r\n", "\n").strip()

    def many(self, name: str) -> list[str]:
        """All values of a field that may be chosen several times."""
        return self._fields.get(name, [])


class Shell:
    """Renders templates and performs acts."""

    def __init__(self) -> None:
        self._notices = Notices()
        self._templates = Environment(
            loader=PackageLoader("reconciler.sandbox.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["moment"] = _moment
        self._templates.filters["words"] = lambda text: str(text).replace("_", " ").lower()

    def render(self, template: str, request: Request, *, status: int = 200, **context: object) -> Response:
        """One page; `notice` is what the last act led to."""
        notice = self._notices.get(request.query_params.get("notice"))
        text = self._templates.get_template(template).render(notice=notice, path=request.url.path, **context)
        return HTMLResponse(text, status_code=status, headers=_HEADERS)

    async def show(self, request: Request, build: Callable[[], Awaitable[Response]]) -> Response:
        """The page that `build` makes, or a page with the upstream's refusal."""
        try:
            return await build()
        except UpstreamSaysNoError as refusal:
            return self.render("refused.html", request, status=502, message=str(refusal), code=refusal.code)

    async def perform(self, back: str, act: Callable[[], Awaitable[str]]) -> Response:
        """Do something and lead back; the sentence `act` gives, or the upstream's refusal, is shown there."""
        try:
            notice = Notice(await act(), refused=False)
        except UpstreamSaysNoError as refusal:
            code = f" ({refusal.code})" if refusal.code else ""
            notice = Notice(f"{refusal}{code}", refused=True)
        query = urlencode({"notice": self._notices.keep(notice)})
        return RedirectResponse(f"{back}{'&' if '?' in back else '?'}{query}", status_code=303)


async def read_form(request: Request) -> FormFields:
    """The posted form."""
    return FormFields(await request.body())


def _moment(time: int | str | datetime) -> str:
    if isinstance(time, str):
        time = datetime.fromisoformat(time) if time else 0
    if isinstance(time, int):
        time = datetime.fromtimestamp(time / 1000, UTC)
    return time.astimezone(UTC).strftime("%d %b %H:%M:%S UTC")
