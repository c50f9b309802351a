"""The command line."""

from urform.cli._main import entry, main

__all__ = ["entry", "main"]
