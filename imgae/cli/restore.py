"""The old place of prepare_libraries."""

from imgae.io.libraries import prepare_libraries

__all__ = ["prepare_libraries"]
