"""The page: all pictures and what they say, in one file that needs nothing but itself."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence

from urform.analysis._figures import Section


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
    return _PAGE.format(title=html.escape(title), intro=html.escape(intro), parts="\n".join(parts)).encode(
        errors="backslashreplace"
    )


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; padding: 0 1.5em; max-width: 68em; color: #222 }}
p, li {{ max-width: 54em }}
h2 {{ margin: 2.5em 0 .3em; padding-top: .8em; border-top: 1px solid #ddd }}
img {{ max-width: 100%; height: auto; background: #fff }}
</style>
<h1>{title}</h1>
<p>{intro}</p>
{parts}
</html>
"""
