"""The HTTP interface: one function an address. Pictures come as forms, meshes go out as base64 in JSON, or as bytes."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, File, Form, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles

from urform import __version__
from urform.inference import viewer_script
from urform.web import _answers as answers
from urform.web import _jobs
from urform.web._guard import Guard
from urform.web._jobs import Hints, Wish
from urform.web._keep import Keep
from urform.web._limits import Limits
from urform.web._workers import BusyError, TooSlowError, Workers

_PAGE = Path(__file__).parent / "page"
_TYPES = {"glb": "model/gltf-binary", "obj": "model/obj", "ply": "application/octet-stream", "stl": "model/stl"}
_STATUS: dict[type[Exception], int] = {BusyError: 503, TooSlowError: 504, ValueError: 422, OSError: 422, MemoryError: 422}
