"""The page: all pictures and what they say, in one file that needs nothing but itself."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence

from urform.analysis._figures import Section
from urform.files import html_page


def page(title: str, intro: str, sections: Sequence[Section], left_out: Mapping[str, str]) -> bytes:
    """The page as HTML.

    Args:
        title: at its head.
        intro: one sentence under it.
        sections: in their order.
        left_out: what was not drawn, and why.
    """
    parts = [
        f"<h2>{html.escape(section.title)}</h2>\n<p>{html.escape(section.text)}</p>\n"
        f'<img alt="{html.escape(section.title)}" src="data:image/png;base64,'
        f'{base64.b64encode(section.picture).decode("ascii")}">'
        for section in sections
    ]
    if left_out:
        reasons = "\n".join(f"<li>{html.escape(what)}: {html.escape(why)}</li>" for what, why in left_out.items())
        parts.append(f"<h2>Left out</h2>\n<ul>\n{reasons}\n</ul>")
    body = "\n".join([f"<p>{html.escape(intro)}</p>", *parts])
    return html_page(title, body, _STYLE).encode(errors="backslashreplace")


_STYLE = """p, li { max-width: 54em }
h2 { margin: 2.5em 0 .3em; padding-top: .8em; border-top: 1px solid #ddd }
img { max-width: 100%; height: auto }"""
