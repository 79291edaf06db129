"""Widgets. They show the document and turn gestures into its edits; they compute no pixels."""
