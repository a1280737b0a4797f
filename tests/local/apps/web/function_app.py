"""A function app of HTTP functions only, which needs no service."""

import asyncio
import json
import logging
import threading

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("web")


@app.route("echo/{id:guid}/{more?}", methods=["POST", "PUT"], auth_level=func.AuthLevel.ANONYMOUS)
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "headers": dict(req.headers),
        "params": dict(req.params),
        "route_params": dict(req.route_params),
        "body": req.get_body().decode(),
        "trace_parent": context.trace_context.trace_parent,
    }
    answer = func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json", headers={"X-Own": "yes"})
    answer.headers.add("Set-Cookie", "a=1; Path=/x; HttpOnly; SameSite=Lax")
    answer.headers.add("Set-Cookie", "b=2; Max-Age=60; Secure")
    return answer


@app.route("files/{*rest}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def files(req: func.HttpRequest) -> str:
    return str(req.route_params["rest"])


@app.route("locked", methods=["GET"])
async def locked(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route("broken", auth_level=func.AuthLevel.ANONYMOUS)
async def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("the cause\nand a second line")


@app.route("slow", auth_level=func.AuthLevel.ANONYMOUS)
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    log.warning("slow began")
    await asyncio.sleep(float(req.params["s"]))
    return func.HttpResponse("done")


@app.route("stuck", auth_level=func.AuthLevel.ANONYMOUS)
def stuck(req: func.HttpRequest) -> func.HttpResponse:
    log.warning("stuck")
    threading.Event().wait()
    return func.HttpResponse("never")
