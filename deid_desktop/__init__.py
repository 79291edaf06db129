"""Deid Desktop replaces faces in photos with synthetic surrogates."""

__version__ = "0.1.0"
