"""Whose work the program contains, and under which licences: for the About box and for bundles.

A bundle carries a list (``resources/licences/sbom.cdx.json``, CycloneDX 1.6, with all texts) that
``packaging/licences.py`` makes of what was really put into it. Where there is none, as in a source
tree or after pip, the list is read from the installed distributions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import TYPE_CHECKING, Any, cast

from deid_desktop.resources import resource

if TYPE_CHECKING:
    from email.message import Message

NAME = "deid-desktop"
SBOM = "sbom.cdx.json"
"""Name of the list in a bundle, in the folder ``licences`` of the resources."""

_TEXTS = re.compile(r"licen[cs]e|copying|notice|copyright", re.IGNORECASE)
_CODE = re.compile(r"\.(py|pyc|h|so|pyd)$", re.IGNORECASE)
_COPYLEFT = re.compile(
    r"\bA?GPL[-\w.+]*(?!\S)(?!\s+WITH\b)|\bGNU (Affero )?General Public", re.IGNORECASE
)

# Of wheels that name their licence without the text; the LGPL is a supplement to the GPL.
_OWN_TEXTS = {
    "LGPL-3.0": (("licences", "LGPL-3.0.txt"), ("licences", "GPL-3.0.txt")),
    "Apache": (("models", "licences", "Apache-2.0.txt"),),
}


@dataclass(frozen=True)
class Component:
    """One work that the program contains: a library, a model, a part of the system.

    ``licence`` is an SPDX expression where its makers give one, else their own words; ``text`` all
    that they say about it.
    """

    name: str
    version: str
    licence: str
    text: str
    kind: str = "library"
    sha256: str = ""

    @property
    def strong_copyleft(self) -> bool:
        """Whether every choice of its licence is GPL or AGPL without an exception."""
        return all(_COPYLEFT.search(choice) for choice in self.licence.split(" OR "))


def components() -> list[Component]:
    """Return everything the running program contains, by name."""
    path = resource("licences", SBOM)
    if path.is_file():
        return from_sbom(json.loads(path.read_text("utf-8")))
    return [component(found) for found in required(NAME) if found.name != NAME]


def required(name: str) -> list[Distribution]:
    """Return an installed distribution and all that it needs to run, by name.

    What is named for another system or for an extra counts only if it is installed.

    Raises:
        PackageNotFoundError: ``name`` itself is not installed.
    """
    found = {canonical(name): distribution(name)}
    waiting = [name]
    while waiting:
        for requirement in distribution(waiting.pop()).requires or ():
            wanted, _, marker = requirement.partition(";")
            match = re.match(r"[\w.-]+", wanted.strip())
            if "extra" in marker or match is None or canonical(match[0]) in found:
                continue
            try:
                found[canonical(match[0])] = distribution(match[0])
            except PackageNotFoundError:
                continue
            waiting.append(match[0])
    return [found[key] for key in sorted(found)]


def canonical(name: str) -> str:
    """Return the one spelling of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def component(found: Distribution) -> Component:
    """Return what an installed distribution says about itself."""
    licence = licence_of(found)
    texts = [
        file.locate().read_text("utf-8", errors="replace")  # type: ignore[attr-defined]
        for file in found.files or ()
        if _TEXTS.search(file.name) and not _CODE.search(file.name)
    ]
    for name, parts in _OWN_TEXTS.items():
        if not texts and name in licence:
            texts = [resource(*part).read_text("utf-8") for part in parts]
    return Component(found.name, found.version, licence, joined(texts))


def licence_of(found: Distribution) -> str:
    """Return its licence: the expression, else the classifiers, else the free words."""
    fields = cast("Message", found.metadata)
    if expression := fields.get("License-Expression"):
        return expression
    words = fields.get("License") or ""
    if 0 < len(words) < 80:
        return words
    named = [text for text in fields.get_all("Classifier") or () if text.startswith("License ::")]
    return ", ".join(text.rpartition(" :: ")[2] for text in named) or "see the text"


def joined(texts: Iterable[str]) -> str:
    """Return different texts one after another, each once."""
    return f"\n\n{'-' * 80}\n\n".join(dict.fromkeys(text.strip() for text in texts))


def to_sbom(listed: Iterable[Component], *, version: str) -> dict[str, Any]:
    """Return a CycloneDX 1.6 document of the components of the program in this version."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": NAME, "version": version}},
        "components": [_entry(one) for one in listed],
    }


def from_sbom(document: dict[str, Any]) -> list[Component]:
    """Return the components of a document that ``to_sbom`` made."""
    found = []
    for entry in document["components"]:
        licence = entry["licenses"][0]["license"]
        hashes = entry.get("hashes", [{"content": ""}])
        found.append(
            Component(
                name=entry["name"],
                version=entry["version"],
                licence=licence["name"],
                text=licence["text"]["content"],
                kind=entry["type"],
                sha256=hashes[0]["content"],
            )
        )
    return found


def _entry(one: Component) -> dict[str, Any]:
    text = {"contentType": "text/plain", "content": one.text}
    entry: dict[str, Any] = {
        "type": one.kind,
        "name": one.name,
        "version": one.version,
        "licenses": [{"license": {"name": one.licence, "text": text}}],
    }
    if one.kind == "library":
        entry["purl"] = f"pkg:pypi/{canonical(one.name)}@{one.version}"
    if one.sha256:
        entry["hashes"] = [{"alg": "SHA-256", "content": one.sha256}]
    return entry
