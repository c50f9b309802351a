"""The command line."""

from urform.cli._main import main

__all__ = ["main"]
