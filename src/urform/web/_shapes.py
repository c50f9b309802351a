"""Addresses that take meshes and latents."""

from __future__ import annotations

import base64
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import FastAPI, Form, Request, UploadFile
from fastapi.responses import Response

from urform.config import look_up
from urform.formats import FORMATS
from urform.web import _jobs
from urform.web._answers import LatentAnswer, ModesAnswer, RegisterAnswer, ShapeQuestion
from urform.web._jobs import Wish
from urform.web._limits import Limits
from urform.web._pictures import allow_resolution, media_type
from urform.web._workers import Workers

REGISTERED_FORMAT = "glb"


def add_shapes(app: FastAPI, workers: Workers, limits: Limits) -> None:
    """Add the addresses."""

    @app.post("/api/shape", response_class=Response)
    async def shape(request: Request, question: ShapeQuestion) -> Response:
        """The mesh of a latent."""
        allow_resolution(question.resolution, limits)
        look_up(FORMATS, question.format, "format")
        wish = Wish(question.category, question.format, question.resolution, question.faces, question.size_mm)
        mesh = await workers.run(_jobs.mesh_of_latent, question.latent, wish, is_gone=request.is_disconnected)
        return _file(mesh, question.format)

    @app.get("/api/template", response_class=Response)
    async def template(category: str = "", resolution: int = 64) -> Response:
        """The template's mesh, colored by its canonical points."""
        allow_resolution(resolution, limits)
        return _file(await workers.run(_jobs.template_file, Wish(category, resolution=resolution)), "glb")

    @app.get("/api/modes")
    async def modes(category: str = "") -> ModesAnswer:
        """Mean and principal directions of the training latents."""
        return ModesAnswer(**await workers.run(_jobs.modes, category))

    @app.post("/api/fit")
    async def fit(
        request: Request, scan: UploadFile, category: Annotated[str, Form()] = "", ticket: Annotated[str, Form()] = ""
    ) -> LatentAnswer:
        """The latent of a mesh or a cloud of points, y up, front +z."""
        found = await _on_scan(workers, request, scan, _jobs.fit_upload, category, ticket=ticket)
        return LatentAnswer(**found)

    @app.post("/api/register")
    async def register(
        request: Request,
        scan: UploadFile,
        category: Annotated[str, Form()] = "",
        force: Annotated[bool, Form()] = False,
        ticket: Annotated[str, Form()] = "",
    ) -> RegisterAnswer:
        """A mesh with the template's faces, in correspondence with all others that were registered."""
        wish = Wish(category, REGISTERED_FORMAT, force=force)
        said, mesh = await _on_scan(workers, request, scan, _jobs.register_upload, wish, ticket=ticket)
        return RegisterAnswer(**said, format=wish.format, mesh=base64.b64encode(mesh).decode())


async def _on_scan(workers: Workers, request: Request, scan: UploadFile, job: Any, *arguments: Any, ticket: str) -> Any:
    name = PurePath(scan.filename or "").name
    content = await scan.read()
    return await workers.run_on_file(job, content, name, *arguments, ticket=ticket, is_gone=request.is_disconnected)


def _file(content: bytes, kind: str) -> Response:
    return Response(content, media_type=media_type(kind))
