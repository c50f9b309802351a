"""YAML, in which every key of a mapping stands once."""

from __future__ import annotations

from collections import Counter
from typing import Any


def read_yaml(text: str) -> Any:
    """What a YAML text holds: plain values, lists and mappings.

    Raises:
        ValueError: it is no YAML, is nested too deeply, or has a key twice, of which one would be lost.
    """
    import yaml

    try:
        root = yaml.compose(text, yaml.SafeLoader)
        nodes, seen = [root], set()
        while nodes:
            node = nodes.pop()
            if id(node) in seen or not isinstance(node, yaml.CollectionNode):
                continue
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
                if twice := next((key for key, count in Counter(keys).items() if count > 1), None):
                    raise ValueError(f"{twice!r} is there twice")
                nodes += [value for _, value in node.value]
            else:
                nodes += node.value
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"not YAML ({' '.join(str(error).split())})") from error
