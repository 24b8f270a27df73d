"""The sandbox's own HTTP calls, on the page's port: faults and the request log."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reconciler.sandbox.faults import BadFaultError, read_fault
from reconciler.sandbox.world import World


def control_routes(world: World) -> list[Route]:
    """`POST` and `DELETE /sandbox/faults`, `GET /sandbox/requests[?since=N]`."""

    async def post_fault(request: Request) -> Response:
        try:
            world.inject(read_fault(await request.body()))
        except BadFaultError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return Response(status_code=204)

    async def clear_faults(_request: Request) -> Response:
        world.clear_faults()
        return Response(status_code=204)

    async def read_requests(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            return JSONResponse({"error": "since: a whole number is needed"}, status_code=400)
        return JSONResponse({"requests": [entry.as_json() for entry in world.log.since(int(since))]})

    return [
        Route("/sandbox/faults", post_fault, methods=["POST"]),
        Route("/sandbox/faults", clear_faults, methods=["DELETE"]),
        Route("/sandbox/requests", read_requests, methods=["GET"]),
    ]
