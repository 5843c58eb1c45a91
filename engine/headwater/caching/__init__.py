"""Values kept between executions."""

from headwater.caching.adapter import HamiltonCacheAdapter
from headwater.caching.behaviors import CachingBehavior
from headwater.caching.events import CachingEvent, CachingEventType

__all__ = ["CachingBehavior", "CachingEvent", "CachingEventType", "HamiltonCacheAdapter"]
