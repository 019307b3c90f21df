"""`ringback conformance`: what the API asks for, and which test proves that Ringback does it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ringback.app.cli.context import show_table
from ringback.model.status import ApiVersion


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("conformance")(conformance)


def conformance(
    api: Annotated[ApiVersion | None, typer.Option("--api", help="Only this version of the API.")] = None,
    section: Annotated[str, typer.Option(metavar="NUMBER", help="Only this section, such as 2.4.")] = "",
    missing: Annotated[bool, typer.Option("--missing", help="Only what no test proves.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the clauses of the API with how it stands with each: proved by a test, missing, or not planned."""
    from ringback.app.conformance.clauses import clauses
    from ringback.app.conformance.page import count, shipped, status

    proofs = shipped()
    some = [
        clause
        for clause in clauses().values()
        if api in (None, clause.version)
        and section in ("", clause.section)
        and (not missing or status(clause, proofs) == "missing")
    ]
    if as_json:
        rows = [
            {
                "clause": clause.id,
                "section": clause.title,
                "what": clause.text,
                "status": status(clause, proofs),
                "reason": clause.not_planned,
                "tests": list(proofs.get(clause.id, ())),
            }
            for clause in some
        ]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    show_table(
        ("clause", "status", "what"),
        [(clause.id, status(clause, proofs), f"{clause.title}: {clause.text}") for clause in some],
    )
    counted = ", ".join(f"{number} {name}" for name, number in count(some, proofs).items())
    typer.echo(f"\n{len(some)} clauses: {counted}")
