"""The status page's routes: which address shows what, and how it is rendered. Only reads, and changes nothing.

/                    the overview             /healthz          OK or NOT_OK, as text
/module/ORG/MODULE   one module               /metrics          Prometheus
/run/ID  /runs       one run, the last runs   /api/status.json  syncd.core.health.StatusDocument
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from syncd.core.health import Health, State, span, status_document, unreadable_document
from syncd.core.model import StreamKey
from syncd.errors import SyncdError
from syncd.web import wording
from syncd.web.drawing import favicon, meter
from syncd.web.guard import Guard
from syncd.web.pages import STEPS, module_page, overview, run_page
from syncd.web.source import Reading, Readings, Site

_HERE = Path(__file__).parent
_MOST_RUNS = 200
_UNREADABLE = "The ledger cannot be read"


def status_app(
    site: Site, *, host: str = "127.0.0.1", names: Iterable[str] = (), token: str = "", refresh: float = 5.0
) -> ASGIApp:
    """The status page as an ASGI application for `WebServer`.

    `host` is the address it is listened on, `names` further names it is reached by; `token` is demanded of every
    request when it is not '' and must be there on any other address than loopback (ConfigWrong). `refresh` is how many
    seconds the open page waits before it fetches itself anew.
    """
    pages = _Pages(site, refresh)
    app = Starlette(
        routes=[
            Route("/", pages.overview),
            Route("/live", pages.live),
            Route("/module/{org}/{module}", pages.module),
            Route("/runs", pages.runs),
            Route("/run/{run_id:int}", pages.run),
            Route("/healthz", pages.healthz),
            Route("/metrics", pages.metrics),
            Route("/api/status.json", pages.status),
            Route("/favicon/{state}.svg", pages.favicon),
            Mount("/static", StaticFiles(directory=_HERE / "static")),
        ],
        exception_handlers={SyncdError: pages.unreadable, HTTPException: pages.refused},
    )
    return Guard(app, host=host, names=names, token=token)


class _Pages:
    """The handlers. All are plain functions: Starlette runs them in its thread pool, since they wait for the ledger."""

    def __init__(self, site: Site, refresh: float) -> None:
        self._site = site
        self._readings = Readings(site)
        self._refresh = refresh
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {
            "number": wording.number,
            "short": wording.short_number,
            "span": span,
            "changes": wording.changes,
            "window": lambda window: wording.window_text(window, site.zone),
        }
        self._templates.globals |= {"steps": STEPS, "meter": meter}

    # ------------------------------------------------------------------------------------------------------ for people

    def overview(self, _request: Request) -> Response:
        """The first page."""
        reading = self._readings.latest()
        return self._page("overview.html", reading, page=overview(self._site, reading))

    def live(self, _request: Request) -> Response:
        """The part of the first page that changes, for the page's own script."""
        reading = self._readings.latest()
        return self._page("live.html", reading, page=overview(self._site, reading))

    def module(self, request: Request) -> Response:
        """One stream."""
        key = StreamKey(request.path_params["org"], request.path_params["module"])
        reading = self._readings.latest()
        found = module_page(self._site, reading, key)
        if found is None and reading.trouble:
            return self._message(503, _UNREADABLE, reading.trouble, "")
        if found is None:
            raise HTTPException(404, f"{key} is not in the configuration")
        return self._page("module.html", reading, page=found)

    def runs(self, request: Request) -> Response:
        """The last runs; `?org=`, `?module=` and `?failed` choose among them."""
        asked = request.query_params
        org, module, failed = asked.get("org") or None, asked.get("module") or None, "failed" in asked
        found = self._site.source.runs(limit=_MOST_RUNS, org=org, module=module, failed=failed)
        chosen = {"org": org, "module": module, "failed": failed}
        return self._page("runs.html", self._readings.latest(), runs=found, chosen=chosen)

    def run(self, request: Request) -> Response:
        """One run with its jobs."""
        run_id = request.path_params["run_id"]
        found = run_page(self._site, run_id, self._site.now()) if run_id < 2**63 else None
        if found is None:
            raise HTTPException(404, f"there is no run {run_id}")
        return self._page("run.html", self._readings.latest(), page=found)

    def favicon(self, request: Request) -> Response:
        """The icon in the colour of a state."""
        name = request.path_params["state"]
        if name not in set(State):
            raise HTTPException(404, "there is no such state")
        return Response(favicon(State(name)), media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    # ---------------------------------------------------------------------------------------------------- for machines

    def healthz(self, _request: Request) -> Response:
        """`OK` with 200, or `NOT_OK` with 503 and a line for each module that is alarming."""
        reading = self._readings.latest()
        wrong = [_alarm(one) for one in reading.healths if one.alarming]
        if reading.trouble:
            wrong.insert(0, f"the ledger cannot be read: {reading.trouble}")
        text = "\n".join(["NOT_OK", *wrong] if wrong else ["OK"]) + "\n"
        return PlainTextResponse(text, 503 if wrong else 200)

    def status(self, _request: Request) -> Response:
        """The status document."""
        reading = self._readings.latest()
        if reading.trouble:
            return JSONResponse(unreadable_document(reading.trouble, now=self._site.now()), 503)
        return JSONResponse(status_document(reading.healths, now=reading.at))

    def metrics(self, _request: Request) -> Response:
        """The metrics in Prometheus' text format."""
        body, kind = self._site.metrics()
        return Response(body, headers={"Content-Type": kind})

    # --------------------------------------------------------------------------------------------------------- errors

    def unreadable(self, _request: Request, error: Exception) -> Response:
        """The ledger did not answer in the middle of a page."""
        fix = error.fix if isinstance(error, SyncdError) else ""
        return self._message(503, _UNREADABLE, str(error), fix)

    def refused(self, _request: Request, error: Exception) -> Response:
        """No such page."""
        code, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
        return self._message(code, "Nothing here", detail, "")

    def _message(self, code: int, title: str, text: str, fix: str) -> Response:
        reading = self._readings.latest()
        return self._page("message.html", reading, status_code=code, title=title, text=text, fix=fix)

    def _page(self, template: str, reading: Reading, *, status_code: int = 200, **values: Any) -> Response:
        site, now = self._site, self._site.now()
        html = self._templates.get_template(template).render(
            **values,
            status_code=status_code,
            site=site,
            reading=reading,
            now=now,
            refresh=self._refresh,
            moment=lambda at: wording.moment(at, now, site.zone),
            ago=lambda at: wording.ago(at, now),
            zone_name=now.astimezone(site.zone).tzname(),
        )
        return HTMLResponse(html, status_code)


def _alarm(one: Health) -> str:
    lag = f", {span(one.lag)} behind, due within {span(one.deadline)}" if one.lag is not None else ""
    return f"{one.stream} {one.state}{lag}" + (f": {' '.join(one.why.split())}" if one.why else "")
