"""Make docs/conformance.md and the file of proofs anew: `python -m ringback.app.conformance`, in the repository."""

from pathlib import Path

from ringback.app.conformance.claims import proofs
from ringback.app.conformance.page import PAGE, PROOFS, as_json, render


def main(root: Path) -> None:
    """Write both files."""
    found = proofs(root)
    (root / PAGE).write_text(render(found), "utf-8")
    (root / PROOFS).write_text(as_json(found), "utf-8")


if __name__ == "__main__":  # pragma: no cover
    main(Path.cwd())
