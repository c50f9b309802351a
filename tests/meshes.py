"""What trimesh gives, with the type that the tests expect of it."""

from collections.abc import Sequence

import trimesh


def exported(mesh: trimesh.Trimesh, file_type: str) -> bytes:
    """The content of a file of a format."""
    content = mesh.export(file_type=file_type)
    if isinstance(content, str):
        return content.encode()
    assert isinstance(content, bytes)
    return content


def together(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    """Several meshes as one."""
    whole = trimesh.util.concatenate(meshes)
    assert isinstance(whole, trimesh.Trimesh)
    return whole
