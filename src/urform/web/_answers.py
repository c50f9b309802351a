"""What the server answers: the types behind the schema at /docs."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CameraAnswer(BaseModel):
    """Where the picture was taken from, in the mesh's space."""

    azimuth_deg: float = Field(description="angle around +y: 0 lies on +x, 90 on +z, the front")
    elevation_deg: float
    roll_deg: float
    distance: float = Field(description="from the target")
    fov_deg: float = Field(description="of the framed, square picture")
    target: tuple[float, float, float] = Field(description="the point that the camera looks at")


class ReconstructAnswer(BaseModel):
    """One picture's mesh, and what is said of it."""

    category: str
    category_probabilities: dict[str, float] | None = Field(
        None, description="of the categories and of none of them, where the picture chose the category"
    )
    background: str = Field(description="how it was removed: alpha, plain, grabcut, network, hand or kept")
    warnings: list[str] = Field(description="a sentence for each reason to doubt the mesh")
    vertices: int
    faces: int
    watertight: bool
    dropped_components: int
    encode_s: float
    refine_s: float = Field(description="of refinement by the outline, seconds; 0 where there was none")
    mesh_s: float
    camera: CameraAnswer | None = None
    camera_confidence: float | None = None
    overlap: float | None = None
    strangeness: float | None = None
    latent: list[float]
    format: str
    mesh: str = Field(description="the file, base64")
    cutout: str | None = Field(None, description="the picture without its background, PNG, base64; where asked for")


class BatchEntry(BaseModel):
    """One picture of a batch: its answer, or why there is none."""

    name: str
    answer: ReconstructAnswer | None = None
    error: str | None = None


class CutoutAnswer(BaseModel):
    """A picture without its background."""

    background: str
    warnings: list[str]
    picture: str = Field(description="PNG with alpha, base64")


class RegisterAnswer(BaseModel):
    """A mesh with the template's faces, and how far the given surface is from it, as shares of its diagonal."""

    median: float
    mean: float
    p95: float
    largest: float
    missed_share: float
    flipped_faces: int
    fit_residual: float
    note: str
    format: str
    mesh: str = Field(description="the file, base64")


class LatentAnswer(BaseModel):
    """The latent of a mesh or point cloud."""

    latent: list[float]


class ModesAnswer(BaseModel):
    """Mean of the training latents, and principal directions, each as long as one standard deviation."""

    mean: list[float]
    directions: list[list[float]]


class ShapeQuestion(BaseModel):
    """A latent that a mesh is asked of."""

    latent: list[float] = Field(max_length=4096)
    category: str = ""
    format: str = "glb"
    resolution: int = 128
    faces: int | None = None
    size_mm: float = 100.0


class QueueAnswer(BaseModel):
    """The place of a request in the queue."""

    ahead: int | None = Field(description="requests to be done before it begins; null: it is not waiting")
    pending: int = Field(description="all requests that are not done")


class HealthAnswer(BaseModel):
    """How the server does."""

    status: str
    pending: int
    done: int
    failed: int
    uptime_s: float


class VersionAnswer(BaseModel):
    """What answers."""

    version: str
    categories: list[str]


class ErrorAnswer(BaseModel):
    """Why there is no answer."""

    error: str
