"""Which keys came by, of late."""

from collections import OrderedDict
from time import monotonic


class Seen:
    """Keys, each for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._keys: OrderedDict[str, float] = OrderedDict()

    def first(self, key: str) -> bool:
        """True for the first time that a key comes by."""
        now = monotonic()
        while self._keys and next(iter(self._keys.values())) < now - self._seconds:
            self._keys.popitem(last=False)
        if key in self._keys:
            return False
        self._keys[key] = now
        return True

    def forget(self, key: str) -> None:
        """As if it had not come by."""
        self._keys.pop(key, None)
