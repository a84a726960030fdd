"""The cache: values that may be lost at any moment, kept by key for a time, apart for each market."""

from souk.kernel.cache.cache import Cache, NotACounter, Store, Typed
from souk.kernel.cache.local import LocalStore

__all__ = ["Cache", "LocalStore", "NotACounter", "Store", "Typed"]
