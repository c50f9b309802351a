"""Arrays, no networks: meshes, signed distance, sampling, iso-surfaces, metrics."""

from urform.geometry._isosurface import NoSurfaceError, check_resolution, extract_isosurface
from urform.geometry._joining import GAP, join_components
from urform.geometry._mesh import (
    GREY,
    WHITE,
    Cleaned,
    Material,
    Normalisation,
    TexturedMesh,
    clean,
    face_normals,
    is_watertight,
    no_triangles,
)
from urform.geometry._metrics import (
    chamfer_deepsdf,
    chamfer_l1,
    chamfer_squared,
    earth_movers_distance,
    f_score,
    normal_consistency,
    volumetric_iou,
)
from urform.geometry._neighbours import Neighbours, PointIndex, mutual_neighbours
from urform.geometry._orientation import orient
from urform.geometry._quality import SurfaceQuality, surface_quality
from urform.geometry._rays import Hits, RayScene
from urform.geometry._sampling import SdfSamples, sample_faces, sample_sdf, sample_visible_surface
from urform.geometry._signed_distance import (
    SIGNS,
    InsideTest,
    Nearest,
    SignedDistance,
    SignMethod,
    guarded_sign,
    hidden_sign,
    solid_sign,
    winding_sign,
)
from urform.geometry._simplify import SMALLEST, simplify
from urform.geometry._solid import Solid
from urform.geometry._spread import SurfacePoints, spread_points
from urform.geometry._thicken import ThickenedDistance
from urform.geometry._triangles import label_components
from urform.geometry._upright import UPRIGHT, Up, up_of

__all__ = [
    "GAP",
    "GREY",
    "SIGNS",
    "SMALLEST",
    "UPRIGHT",
    "WHITE",
    "Cleaned",
    "Hits",
    "InsideTest",
    "Material",
    "Nearest",
    "Neighbours",
    "NoSurfaceError",
    "Normalisation",
    "PointIndex",
    "RayScene",
    "SdfSamples",
    "SignMethod",
    "SignedDistance",
    "Solid",
    "SurfacePoints",
    "SurfaceQuality",
    "TexturedMesh",
    "ThickenedDistance",
    "Up",
    "chamfer_deepsdf",
    "chamfer_l1",
    "chamfer_squared",
    "check_resolution",
    "clean",
    "earth_movers_distance",
    "extract_isosurface",
    "f_score",
    "face_normals",
    "guarded_sign",
    "hidden_sign",
    "is_watertight",
    "join_components",
    "label_components",
    "mutual_neighbours",
    "no_triangles",
    "normal_consistency",
    "orient",
    "sample_faces",
    "sample_sdf",
    "sample_visible_surface",
    "simplify",
    "solid_sign",
    "spread_points",
    "surface_quality",
    "up_of",
    "volumetric_iou",
    "winding_sign",
]
