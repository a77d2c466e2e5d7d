"""The command line."""

from liqbayes.cli.app import main

__all__ = ["main"]
