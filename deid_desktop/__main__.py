"""Entry point."""


def main() -> int:
    """Run."""
    raise SystemExit("being built")
