"""Results kept in Redis, for all processes that ask the same one.

Rules: Redis holds nothing that can't be worked out again. Nothing of it raises into a run, and
no call waits for it longer than its deadline.
"""

from engine.caches.redis.cache import RedisCache

__all__ = ["RedisCache"]
