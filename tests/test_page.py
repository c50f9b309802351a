"""The page of `urform serve` in a real browser."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from tests.server import serving
from tests.test_serve import encoded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright.sync_api", reason="needs playwright, which the extra `dev` brings")
pytest.importorskip("fastapi", reason="needs the extra `web`")
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
WAIT_MS = 60_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *CAMERA])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """The page; afterwards, that nothing went wrong on it and nothing left the machine."""
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server)
    yield page
    page.close()
    # A refused picture is an answer with status 422, which the browser notes by itself.
    assert [text for text in said if "422" not in text] == []
    assert [url for url in asked if not url.startswith((server, "blob:", "data:"))] == []


def pixels(page: Page, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.locator(name).screenshot())).convert("RGB"), dtype=np.int16)


def drawn(page: Page, name: str) -> None:
    """Wait for a mesh to be seen: its place is no plain background any more."""
    for _ in range(40):
        if pixels(page, name).std() > 12:
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"no mesh is seen in {name}")


def uploaded(page: Page, name: str, content: bytes) -> None:
    page.set_input_files("#files", {"name": name, "mimeType": "image/png", "buffer": content})


def made(page: Page) -> None:
    page.locator("#download:not([disabled])").wait_for(timeout=WAIT_MS)


def test_a_photograph_becomes_a_mesh_that_is_mended_turned_and_downloaded(page: Page, tmp_path: Path) -> None:
    page.click(".example[data-name='armchair.jpg']")
    made(page)
    assert "watertight" in page.inner_text("#state")
    drawn(page, "#view")
    before = pixels(page, "#view")
    page.locator("#view").hover()
    page.mouse.down()
    page.mouse.move(700, 300, steps=5)
    page.mouse.up()
    page.wait_for_timeout(300)
    turned = pixels(page, "#view")
    assert np.abs(turned - before).mean() > 2
    page.click("#as-photographed")
    page.wait_for_timeout(300)
    assert np.abs(pixels(page, "#view") - before).mean() < 1
    page.focus("#view")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(300)
    assert np.abs(pixels(page, "#view") - before).mean() > 1
    cut = pixels(page, "#cutout")
    page.check("[name=click][value=outside]")
    page.locator("#cutout").click(position={"x": 250, "y": 300})
    page.locator("#state", has_text="background: hand").wait_for(timeout=WAIT_MS)
    made(page)
    assert np.abs(pixels(page, "#cutout") - cut).mean() > 0.5
    with page.expect_download() as coming:
        page.click("#download")
    glb = tmp_path / coming.value.suggested_filename
    assert glb.name == "armchair.glb"
    coming.value.save_as(glb)
    scene = trimesh.load(glb)
    assert isinstance(scene, trimesh.Scene)
    assert scene.to_mesh().is_watertight
    valid(glb)


def valid(glb: Path) -> None:
    """The Khronos validator has no error to say, where it is installed (`npm install gltf-validator`)."""
    script = "require('gltf-validator').validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[1])))"
    root = Path(__file__).parents[1]
    if shutil.which("node") is None or not (root / ".venv" / "node_modules" / "gltf-validator").is_dir():
        return
    words = ["node", "-e", f"{script}.then(report => console.log(JSON.stringify(report.issues)))", str(glb)]
    said = subprocess.run(words, capture_output=True, text=True, check=True, cwd=root / ".venv")
    issues = json.loads(said.stdout)
    assert issues["numErrors"] == 0, issues


def test_a_print_in_millimetres(page: Page, tmp_path: Path) -> None:
    page.select_option("#resolution", "64")
    uploaded(page, "stool.png", (Path(__file__).parents[1] / "examples" / "armchair.jpg").read_bytes())
    made(page)
    page.select_option("#format", "stl")
    page.fill("#size", "80")
    with page.expect_download(timeout=WAIT_MS) as coming:
        page.click("#download")
    coming.value.save_as(tmp_path / "print.stl")
    mesh = trimesh.load_mesh(tmp_path / "print.stl")
    assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(80, rel=1e-3)


def test_bad_uploads_say_why(page: Page) -> None:
    for name, content, why in (
        ("notes.png", b"these are notes", "not a picture"),
        ("white.png", encoded(Image.new("RGB", (300, 300), "white")), "nothing in the picture stands out"),
    ):
        uploaded(page, name, content)
        page.locator("#state.error", has_text=why).wait_for(timeout=WAIT_MS)
        assert page.locator("#download").is_disabled()
    ring = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(ring).ellipse((40, 40, 260, 260), outline="red", width=50)
    uploaded(page, "ring.png", encoded(ring))
    page.locator("#state.error", has_text="looks like none of the categories").wait_for(timeout=WAIT_MS)
    page.check("#force")
    made(page)
    page.locator("#warnings li").first.wait_for(timeout=WAIT_MS)


def test_several_pictures_of_one_object_are_compared(page: Page) -> None:
    page.select_option("#resolution", "64")
    examples = Path(__file__).parents[1] / "src" / "urform" / "web" / "page" / "examples"
    page.set_input_files("#files", [str(examples / "armchair.jpg"), str(examples / "stool.jpg")])
    page.locator("#mean").wait_for(timeout=WAIT_MS)
    made(page)
    assert page.locator(".thumb").count() == 2
    page.locator(".thumb").first.click()
    first = pixels(page, "#view")
    page.click("#mean")
    page.locator("#state", has_text="The mean of 2 pictures").wait_for(timeout=WAIT_MS)
    page.wait_for_timeout(300)
    assert np.abs(pixels(page, "#view") - first).mean() > 1


def test_the_slider_between_two_shapes(page: Page) -> None:
    page.click("#tab-two")
    examples = Path(__file__).parents[1] / "src" / "urform" / "web" / "page" / "examples"
    for side, name in enumerate(("armchair.jpg", "stool.jpg")):
        page.set_input_files(f".shape[data-side='{side}']", str(examples / name))
        page.locator("#state-two:empty, #state-two", has_text="Choose" if side == 0 else "").wait_for(timeout=WAIT_MS)
    page.locator("#share:not([disabled])").wait_for(timeout=WAIT_MS)
    drawn(page, "#view-two")
    middle = pixels(page, "#view-two")
    page.focus("#share")
    page.keyboard.press("End")
    for _ in range(40):
        page.wait_for_timeout(250)
        if np.abs(pixels(page, "#view-two") - middle).mean() > 2:
            return
    raise AssertionError("the shape does not follow the slider")


def test_the_template_and_its_modes_by_the_keyboard(page: Page) -> None:
    page.focus("#tab-picture")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.locator("#state-modes", has_text="The template").wait_for(timeout=WAIT_MS)
    drawn(page, "#view-modes")
    template = pixels(page, "#view-modes")
    page.locator("#sliders input").first.focus()
    page.keyboard.press("Home")
    for _ in range(40):
        page.wait_for_timeout(250)
        if np.abs(pixels(page, "#view-modes") - template).mean() > 2:
            return
    raise AssertionError("the shape does not follow the slider")


def test_the_camera_takes_a_picture(page: Page) -> None:
    page.click("#camera")
    page.locator("#video").wait_for(timeout=WAIT_MS)
    page.wait_for_timeout(1500)
    page.click("#snap")
    page.locator("#state.error, #download:not([disabled])").first.wait_for(timeout=WAIT_MS)
    assert page.locator("#live").is_hidden()


def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for tab in ("#tab-picture", "#tab-two", "#tab-modes"):
        page.click(tab)
        width = page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= 360
    page.locator("#state-modes", has_text="The template").wait_for(timeout=WAIT_MS)
