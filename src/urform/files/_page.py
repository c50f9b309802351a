"""A page for the browser, in one file that needs nothing but itself."""

from __future__ import annotations

import html

_TEXT_STYLE = """body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; padding: 0 1.5em; max-width: 70em;
  color: #222 }
img { background: #fff }"""


def html_page(title: str, body: str, style: str = "", is_text: bool = True) -> str:
    """A whole page.

    Args:
        title: of the page, as plain text.
        body: HTML.
        style: CSS rules.
        is_text: begin with the style of pages of text and the title as a heading; else the body fills the window.
    """
    shown = html.escape(title)
    if is_text:
        body, style = f"<h1>{shown}</h1>\n{body}", f"{_TEXT_STYLE}\n{style}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{shown}</title>\n<style>\n{style}\n</style></head><body>\n{body}\n</body></html>\n"
    )
