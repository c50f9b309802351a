"""`python -m urform` is `urform`."""

from urform.cli import entry

entry()
