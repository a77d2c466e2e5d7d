"""Whether clusters and zones of a posterior are those of the book, where the book is known."""
