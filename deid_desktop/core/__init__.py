"""The pipeline: photo → detect → analyse → generate → compose → verify → export.

Each arrow is one module of this package, and only ``pipeline`` joins them. Nothing here knows Qt.
"""
