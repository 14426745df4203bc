"""Small real HTTP servers that answer as a vLLM, Fireworks and Together publish that they do; each keeps its state."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

KEY = "k-123"


@dataclass
class Cloud:
    """What a service knows, and everything it was asked: method, path, body."""

    models: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    jobs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    asked: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])
    answer: str = "billing"
    starts: bool = True
    status: int = 200

    def count(self, method: str, part: str) -> int:
        return sum(asked[0] == method and part in asked[1] for asked in self.asked)


def app_of(cloud: Cloud, handle: Any) -> Starlette:
    """Every path goes to one function, once it is written down and the key is right."""

    async def all_of_it(request: Request) -> Response:
        raw = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        is_file = request.url.path.startswith("/signed/")
        body = raw if is_file else json.loads(raw) if raw else None
        cloud.asked.append((request.method, path, body))
        if cloud.status != 200:
            return JSONResponse({"error": {"message": "no"}}, status_code=cloud.status)
        if not is_file and request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": "key"}, status_code=401)
        assert not (is_file and "authorization" in request.headers), "our key goes to nobody else"
        return handle(cloud, request, body)

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(routes=[Route("/{path:path}", all_of_it, methods=methods)])


def missing() -> Response:
    return JSONResponse({"error": {"code": 5, "message": "not found"}}, status_code=404)


def vllm(cloud: Cloud, request: Request, body: Any) -> Response:
    match request.method, request.url.path:
        case "GET", "/v1/models":
            return JSONResponse({"object": "list", "data": [{"id": name} for name in ("base", *cloud.models)]})
        case "POST", "/v1/load_lora_adapter":
            cloud.models[body["lora_name"]] = body
            return PlainTextResponse(f"Success: LoRA adapter '{body['lora_name']}' added successfully.")
        case "POST", "/v1/unload_lora_adapter":
            return PlainTextResponse("Success") if cloud.models.pop(body["lora_name"], None) else missing()
        case "POST", "/v1/chat/completions":
            choice = {"index": 0, "message": {"role": "assistant", "content": cloud.answer}, "finish_reason": "stop"}
            return JSONResponse({"model": body["model"], "choices": [choice]})
        case _:
            return missing()


def fireworks(cloud: Cloud, request: Request, body: Any) -> Response:  # noqa: C901, PLR0911 (a whole API at one look)
    path = request.url.path.removeprefix("/v1/")
    if path == "accounts":
        return JSONResponse({"accounts": [{"name": "accounts/acme", "state": "READY"}], "totalSize": 1})
    if path.startswith("/signed/"):
        cloud.files[path.rpartition("/")[2]] = body
        return Response()
    name, _, verb = path.partition(":")
    kept = cloud.models if "/models" in path else cloud.deployments
    match request.method, verb:
        case "POST", "getUploadEndpoint":
            urls = {file: f"{request.base_url}signed/{file}" for file in body["filenameToSize"]}
            return JSONResponse({"filenameToSignedUrls": urls})
        case "GET", "validateUpload":
            cloud.models[name]["state"] = "READY" if cloud.starts else "UPLOADING"
            return JSONResponse({} if cloud.starts else {"code": 9}, status_code=200 if cloud.starts else 400)
        case "PATCH", "scale":
            kept[name]["replicaCount"] = body["replicaCount"]
            return JSONResponse({})
        case "POST", "" if name.endswith("/models"):
            made: dict[str, Any] = {**body["model"], "name": f"{name}/{body['modelId']}", "state": "UPLOADING"}
            cloud.models[made["name"]] = made
            return JSONResponse(made)
        case "POST", "":
            made = {**body, "name": f"{name}/{request.query_params['deploymentId']}", "replicaCount": 1}
            cloud.deployments[made["name"]] = {**made, "state": "READY" if cloud.starts else "CREATING"}
            return JSONResponse(cloud.deployments[made["name"]])
        case "GET", "" if name.endswith("/deployments"):
            return JSONResponse({"deployments": list(kept.values()), "nextPageToken": ""})
        case "DELETE", "":
            return JSONResponse({}) if kept.pop(name, None) else missing()
        case "GET", "":
            return JSONResponse(kept[name]) if name in kept else missing()
        case _:
            return missing()


def acme(cloud: Cloud, request: Request, body: Any) -> Response:  # noqa: C901, PLR0911 (a whole API at one look)
    path = request.url.path.removeprefix("/v1").strip("/")
    name = path.partition("/")[2]
    match request.method, path.partition("/")[0]:
        case "PUT", "signed":
            cloud.files[name] = body
            return Response()
        case "POST", "adapters":
            cloud.models[body["name"]] = body
            return JSONResponse(_adapter(cloud, request, body["name"]))
        case "GET", "adapters":
            return JSONResponse(_adapter(cloud, request, name)) if name in cloud.models else missing()
        case "POST", "deployments":
            cloud.deployments[body["name"]] = {**body, "state": "up" if cloud.starts else "coming"}
            return JSONResponse(cloud.deployments[body["name"]])
        case "GET", "deployments" if not name:
            return JSONResponse({"data": list(cloud.deployments.values())})
        case _, "deployments" if name not in cloud.deployments:
            return missing()
        case "DELETE", _:
            del cloud.deployments[name]
            return Response(status_code=204)
        case "PATCH", _:
            cloud.deployments[name] |= {**body, "state": "up" if body["replicas"] else "off"}
            return JSONResponse(cloud.deployments[name])
        case _:
            return JSONResponse(cloud.deployments[name])


def _adapter(cloud: Cloud, request: Request, name: str) -> dict[str, Any]:
    uploads = {
        file: f"{request.base_url}signed/{file}" for file in ("adapter_config.json", "adapter_model.safetensors")
    }
    return {"name": name, "whole": set(uploads) <= set(cloud.files), "uploads": uploads}


def together(cloud: Cloud, request: Request, body: Any) -> Response:
    path = request.url.path.removeprefix("/v1/")
    match request.method, path:
        case "GET", "models":
            return JSONResponse(list(cloud.models.values()))
        case "POST", "models":
            job = {"job_id": "job-1", "args": {"modelName": body["model_name"]}, "status": "Queued"}
            cloud.jobs.append(job)
            return JSONResponse({"data": {"job_id": "job-1", "model_name": f"acme/{body['model_name']}"}})
        case "GET", "jobs":
            for job in cloud.jobs if cloud.starts else []:
                job["status"] = "Complete"
                name = f"acme/{job['args']['modelName']}"
                cloud.models[name] = {"id": name, "type": "chat"}
            return JSONResponse({"data": cloud.jobs})
        case "GET", "hardware":
            prices = {"2x_nvidia_h100_80gb_sxm": 11.2, "1x_nvidia_a100_80gb_sxm": 4.0}
            offers = [{"id": name, "pricing": {"cents_per_minute": cents}} for name, cents in prices.items()]
            return JSONResponse({"object": "list", "data": offers})
        case "POST", "endpoints":
            made = {**body, "id": "endpoint-1", "name": f"{body['model']}-a32b", "type": "dedicated"}
            cloud.deployments["endpoint-1"] = {**made, "state": "STARTED" if cloud.starts else "STARTING"}
            return JSONResponse(cloud.deployments["endpoint-1"])
        case "GET", "endpoints":
            shown = [{name: one[name] for name in ("id", "name", "model", "type", "state")} for one in
                     cloud.deployments.values()]  # fmt: skip
            return JSONResponse({"object": "list", "data": shown})
        case _:
            return endpoint(cloud, request, body)


def endpoint(cloud: Cloud, request: Request, body: Any) -> Response:
    path = request.url.path.removeprefix("/v1/")
    name = path.removeprefix("endpoints/")
    if name not in cloud.deployments:
        return missing()
    match request.method:
        case "DELETE":
            del cloud.deployments[name]
            return Response(status_code=204)
        case "PATCH":
            cloud.deployments[name] |= body
        case _:
            pass
    return JSONResponse(cloud.deployments[name])
