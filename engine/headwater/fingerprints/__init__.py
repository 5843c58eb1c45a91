"""Fingerprints of data: equal for values that nothing can tell apart, different for all others."""

from headwater.fingerprints.encoder import fingerprint, register

__all__ = ["fingerprint", "register"]
