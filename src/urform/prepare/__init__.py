"""From meshes to a data folder, in parallel, restartable; and whether a data folder is whole. No torch."""

from urform.prepare._check import CheckResult, Problem, check, format_check
from urform.prepare._prepare import prepare
from urform.prepare._report import ShapeReport, summarise

__all__ = ["CheckResult", "Problem", "ShapeReport", "check", "format_check", "prepare", "summarise"]
