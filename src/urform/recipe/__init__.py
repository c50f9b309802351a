"""Recipes: all steps from a folder of meshes to the weights of a category, in one command."""

from urform.recipe._make import make_weights
from urform.recipe._recipe import Recipe, find_recipe, read_recipe, shipped_recipes

__all__ = ["Recipe", "find_recipe", "make_weights", "read_recipe", "shipped_recipes"]
