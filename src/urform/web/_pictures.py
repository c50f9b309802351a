"""Addresses that take pictures."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Form, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Field

from urform.config import REFINE, Refine, look_up
from urform.formats import FORMATS
from urform.pictures import Hints
from urform.web import _jobs
from urform.web._answers import BatchEntry, CutoutAnswer, ReconstructAnswer
from urform.web._errors import STATUS, one_line
from urform.web._jobs import Wish
from urform.web._keep import Keep
from urform.web._limits import Limits
from urform.web._workers import Workers

_MEDIA_TYPES = {"glb": "model/gltf-binary", "obj": "model/obj", "stl": "model/stl"}
SUMMARY_HEADER = "X-Urform-Answer"


class CutForm(BaseModel):
    """What is said of the object in a picture."""

    box: str = Field("", description="x0,y0,x1,y1 in pixels: the object fills this box")
    inside: str = Field("", description="x,y of pixels of the object, parted by blanks")
    outside: str = Field("", description="x,y of pixels of the background, parted by blanks")
    keep_background: bool = False
    ticket: str = Field("", max_length=64, description="any name, to ask for the place in the queue by")

    def hints(self) -> Hints:
        """The same, for the library.

        Raises:
            ValueError: these are no numbers.
        """
        return Hints.parse(self.box, self.inside, self.outside, self.keep_background)


class MeshForm(CutForm):
    """What is to be made of a picture."""

    category: str = Field("", description="of the model; empty or auto: the one that the picture shows")
    format: str = Field("glb", description="glb, obj, ply or stl")
    resolution: int = Field(128, description="cells along an axis")
    faces: int | None = Field(None, description="simplify the mesh to so many")
    size_mm: float = Field(100.0, description="longest side of an STL file")
    color: bool = True
    texture: bool = Field(False, description="give GLB files a UV texture in place of vertex colors")
    refine: Refine = Field("auto", description="improve the shape by its outline in the picture")
    force: bool = Field(False, description="also what does not look like the category")
    cutout: bool = Field(False, description="answer with the picture without its background, too")
    answer: Literal["json", "mesh"] = Field("json", description="mesh: the bytes of the file alone")

    def wish(self, limits: Limits) -> Wish:
        """The same, for the library.

        Raises:
            ValueError: an option is out of range.
        """
        allow_resolution(self.resolution, limits)
        if self.texture and self.format != "glb":
            raise ValueError(f"texture must go with the format glb, got {self.format}, whose files have none")
        look_up(FORMATS, self.format, "format")
        return Wish(
            self.category,
            self.format,
            self.resolution,
            self.faces,
            self.size_mm,
            self.color,
            self.force,
            self.cutout,
            self.hints(),
            self.texture,
            REFINE[self.refine],
        )


def media_type(file_format: str) -> str:
    """What HTTP calls a format."""
    return _MEDIA_TYPES.get(file_format, "application/octet-stream")


def allow_resolution(resolution: int, limits: Limits) -> None:
    """Raise ValueError where meshes of this resolution are not made here."""
    if not 8 <= resolution <= limits.resolution:
        raise ValueError(f"resolution must be 8 to {limits.resolution}, got {resolution}")


def add_pictures(app: FastAPI, workers: Workers, limits: Limits, keep: Keep) -> None:
    """Add the addresses."""

    @app.post("/api/cutout")
    async def cutout(request: Request, picture: UploadFile, options: Annotated[CutForm, Form()]) -> CutoutAnswer:
        """Remove the background of a picture."""
        content = await picture.read()
        png, method, warnings = await workers.run(
            _jobs.cut,
            content,
            options.hints(),
            limits.megapixels,
            ticket=options.ticket,
            is_gone=request.is_disconnected,
        )
        return CutoutAnswer(background=method, warnings=warnings, picture=base64.b64encode(png).decode())

    @app.post("/api/reconstruct", response_model=ReconstructAnswer)
    async def reconstruct(request: Request, picture: UploadFile, options: Annotated[MeshForm, Form()]) -> Any:
        """Make a mesh of a picture."""
        content, wish = await picture.read(), options.wish(limits)
        said, mesh, png = await workers.run(
            _jobs.reconstruct, content, wish, limits.megapixels, ticket=options.ticket, is_gone=request.is_disconnected
        )
        keep.write(content, said, mesh, wish.format)
        if options.answer == "mesh":
            return Response(mesh, media_type=media_type(wish.format), headers={SUMMARY_HEADER: json.dumps(said)})
        return _answer(said, mesh, png, wish)

    @app.post("/api/batch")
    async def batch(
        request: Request, pictures: list[UploadFile], options: Annotated[MeshForm, Form()]
    ) -> list[BatchEntry]:
        """Make meshes of several pictures; a bad one gives an entry with its error, and the rest goes on."""
        if len(pictures) > limits.pictures:
            raise ValueError(f"a batch may have {limits.pictures} pictures, got {len(pictures)}")
        wish, entries = options.wish(limits), []
        for picture in pictures:
            name, content = picture.filename or "", await picture.read()
            try:
                said, mesh, png = await workers.run(
                    _jobs.reconstruct, content, wish, limits.megapixels, is_gone=request.is_disconnected
                )
            except tuple(STATUS) as error:
                entries.append(BatchEntry(name=name, error=one_line(error)))
                continue
            keep.write(content, said, mesh, wish.format)
            entries.append(BatchEntry(name=name, answer=_answer(said, mesh, png, wish)))
        return entries


def _answer(said: dict[str, Any], mesh: bytes, png: bytes, wish: Wish) -> ReconstructAnswer:
    cutout = base64.b64encode(png).decode() if png else None
    return ReconstructAnswer(**said, format=wish.format, mesh=base64.b64encode(mesh).decode(), cutout=cutout)
