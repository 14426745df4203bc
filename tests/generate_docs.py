"""Write the pages that are made from the code: ``python -m tests.generate_docs`` (``make docs``)."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator

from pydantic import SecretStr

from bot.cli import PROGRAMS
from bot.grammar import usage
from bot.verb import Verb
from bot.verbs import VERBS
from engine import errors
from engine.errors import AssayError
from engine.importers.calls import FORMATS
from engine.models.actor import Role
from engine.settings import Settings
from tests.gallery import gallery_page
from tests.house_rules import ROOT, source

MADE = "<!-- Made by `make docs` from {}. Edit that, not this page. -->"

# Each noun of the product, and where it lives. "Split" is called Part in the code, for there it is a row's part.
NOUNS = {
    "Feature": "engine.models.feature:Feature",
    "Baseline": "engine.models.feature:Baseline",
    "Call": "engine.models.call:Call",
    "Reading": "engine.rules.readiness:Reading",
    "Condition": "engine.rules.condition:Condition",
    "LabelSet": "engine.models.labels:LabelSet",
    "Label": "engine.models.labels:Label",
    "Source": "engine.models.labels:Source",
    "Split": "engine.models.labels:Part",
    "Seal": "engine.models.seal:Seal",
    "Look": "engine.models.seal:Look",
    "Approach": "engine.approaches:Approach",
    "Brief": "engine.models.investigation:Brief",
    "Investigation": "engine.models.investigation:Investigation",
    "Recipe": "engine.models.investigation:Recipe",
    "Candidate": "engine.models.investigation:Candidate",
    "Contender": "engine.models.investigation:Contender",
    "Score": "engine.models.verdict:Score",
    "Comparison": "engine.flows.steps.compare:Comparison",
    "Verdict": "engine.models.verdict:Verdict",
    "Rollout": "engine.models.rollout:Rollout",
    "Stage": "engine.models.rollout:Stage",
    "Guardrail": "engine.models.rollout:Guardrail",
    "Approval": "engine.models.rollout:Approval",
    "Route": "engine.models.rollout:Route",
    "Checkup": "engine.models.checkup:Checkup",
    "Digest": "engine.models.checkup:Digest",
    "Advice": "engine.models.checkup:Advice",
    "Runner": "engine.runners:Runner",
    "Server": "engine.servers:Server",
    "Importer": "engine.importers.calls:Importer",
    "Actor": "engine.models.actor:Actor",
    "Deed": "engine.models.actor:Deed",
}

WHO = {
    Role.GUEST: "everybody, guests too",
    Role.MEMBER: "everybody in the workspace but guests",
    Role.APPROVER: "approvers",
    Role.OWNER: "owners of the feature",
    Role.ADMIN: "admins",
}


def settings_page() -> str:
    """Every setting with its default, its meaning and an example."""
    lines = [
        MADE.format("engine/settings.py"),
        "",
        "# Settings",
        "",
        "What the environment decides. They are read once, when a program starts. A bad value ends the program with",
        "one sentence that names the variable. What a *team* decides (margins, stages, approvers, prices) is no",
        "setting: it is kept in the database.",
        "",
        "| variable | default | what it is | for example |",
        "|---|---|---|---|",
    ]
    for field in Settings.model_fields.values():
        default = field.default
        told = default.get_secret_value() if isinstance(default, SecretStr) else str(default)
        names = ", ".join(f"`{choice}`" for choice in getattr(field.validation_alias, "choices", ()))
        example = (field.examples or [""])[0]
        lines.append(f"| {names} | {f'`{told}`' if told else 'empty'} | {field.description} | `{example}` |")
    return _page(lines)


def commands_page() -> str:
    """Every verb and every program."""
    lines = [
        MADE.format("bot/verbs.py and bot/cli/__init__.py"),
        "",
        "# Commands",
        "",
        "In Slack type `/assay` and the words. In a shell the same words go to `assay say`, as in",
        '`assay say "show ticket-router" --as U1`. It prints the text of the answer and exits with 0 (done),',
        "1 (refused) or 2 (not understood). Whoever has the shell is the operator: no role is asked for, and",
        "`--as` is who the audit names. Words typed there are the consent, so nothing asks to be confirmed.",
        "Who asked for a stage can still not approve it.",
        "",
        'Values with spaces go in quotes (`key="two words"`, straight or curly). Letters may be large or small. A word',
        "that is no verb is answered with the nearest one.",
        "",
    ]
    for verb in VERBS:
        lines += _verb(verb)
    lines += ["## Programs", "", "| program | what it is |", "|---|---|"]
    lines += [f"| `assay {name}` | {told} |" for name, (_, told) in PROGRAMS.items()]
    return _page([*lines, "", "`assay PROGRAM --help` says more of each."])


def glossary_page() -> str:
    """One word, one thing."""
    lines = [
        MADE.format("the docstrings of the classes named here"),
        "",
        "# Glossary",
        "",
        "One word for one thing, in messages, code and tables alike.",
        "",
        "| word | what it is | where |",
        "|---|---|---|",
    ]
    for noun, place in NOUNS.items():
        module, _, name = place.partition(":")
        said = inspect.getdoc(getattr(importlib.import_module(module), name)) or ""
        first = " ".join(said.split("\n\n")[0].split()).replace("``", "`").replace("|", "\\|")
        lines.append(f"| **{noun}** | {first} | `{module}.{name}` |")
    return _page(lines)


def errors_page() -> str:
    """The tree of errors, and what each means."""
    tree = (inspect.getdoc(errors) or "").partition("AssayError\n")[2]
    lines = [
        MADE.format("engine/errors.py"),
        "",
        "# Errors",
        "",
        "Every error Assay raises on purpose. A `Refused` is shown to the person as it stands: what was wrong,",
        "why, and what to do next. An `Upstream` is tried again. A `WorkFailed` ends the step and says why.",
        'Anything else is a mistake of ours: it is logged once, and the person reads "Something broke on our side"',
        "with a reference that stands in the log.",
        "",
        "```text",
        "AssayError",
        *tree.rstrip().splitlines(),
        "```",
        "",
        "| error | kind of | means | where |",
        "|---|---|---|---|",
    ]
    for one in all_errors():
        said = " ".join((inspect.getdoc(one) or "").split("\n\n")[0].split()).replace("``", "`")
        kind = one.__bases__[0].__name__
        lines.append(f"| `{one.__name__}` | {kind if kind != 'Exception' else ''} | {said} | `{one.__module__}` |")
    return _page(lines)


def all_errors() -> list[type[AssayError]]:
    """Every error of our tree that a caller may meet, wherever it is defined, parents first."""
    for module in source():
        if "engine.errors import" in module.text and any(_looks_like_an_error(module.text)):
            importlib.import_module(module.name)
    return [one for one in _family(AssayError) if not one.__name__.startswith("_")]


def _looks_like_an_error(text: str) -> Iterator[bool]:
    names = [one.__name__ for one in _family(AssayError)]
    return (f"({name}):" in text for name in names)


def _family(root: type[AssayError]) -> Iterator[type[AssayError]]:
    yield root
    # Those of the tree in its order, then the others by module: not in the order in which modules were loaded.
    places = sorted(root.__subclasses__(), key=lambda one: "" if one.__module__ == "engine.errors" else one.__module__)
    for child in places:
        yield from _family(child)


def _verb(verb: Verb) -> list[str]:
    who = WHO[verb.role]
    if verb.looks:
        who += f"; `{verb.name}` without more only looks, and is open to everybody"
    loosened = [f"`{word}`: {WHO[role].removesuffix(' too')} too" for word, role in verb.loosened]
    tightened = [f"`{word}`: {WHO[role]}" for word, role in verb.tightened]
    return [
        f"## {verb.name}",
        "",
        verb.summary,
        "",
        f"`/assay {usage(verb)}`",
        "",
        f"Who: {'; '.join([who, *loosened, *tightened])}.",
        "",
        *(f"- `/assay {example}`" for example in verb.examples),
        "",
    ]


def _page(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def formats_page() -> str:
    """What is read of a row, format by format."""
    lines = [
        MADE.format("engine/importers/calls/"),
        "",
        "# Formats of traffic",
        "",
        "What `assay import-traffic FEATURE FILE --format F` reads of a row; [traffic.md](traffic.md) says how. Fields",
        "are those of each project's schema of 2026. None was checked against a live export.",
        "",
    ]
    for name, kind in FORMATS.items():
        said = " ".join((inspect.getdoc(sys.modules[vars(kind)["__name__"]]) or "").split("\n\n")[0].split())
        lines += [f"## {name}", "", said, "", "| ours | theirs |", "|---|---|"]
        lines += [f"| {ours} | {theirs or '–'} |" for ours, theirs in kind.FIELDS.items()]
        lines.append("")
    return _page(lines)


PAGES: dict[str, Callable[[], str]] = {
    "docs/commands.md": commands_page,
    "docs/errors.md": errors_page,
    "docs/formats.md": formats_page,
    "docs/gallery.html": gallery_page,
    "docs/glossary.md": glossary_page,
    "docs/settings.md": settings_page,
}


def main() -> None:
    """Write every page."""
    for path, made in PAGES.items():
        (ROOT / path).write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
