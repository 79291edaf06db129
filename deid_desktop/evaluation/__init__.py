"""Measures anonymity and usefulness: recognisers, attackers, figures, report, human study.

Stands beside the flow: it runs the pipeline as a user would and looks at the results as an attacker
would. Nothing here decides what is exported. ``command`` is the entry from the terminal.
"""
