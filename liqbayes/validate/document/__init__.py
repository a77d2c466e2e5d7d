"""A model's validation document, from what is shipped and what has been published of it."""

from liqbayes.validate.document.write import write_document

__all__ = ["write_document"]
