"""Between the core and the widgets: the document, its edits, and the thread that does the work.

Everything here runs without a window, so it is tested without one.
"""
