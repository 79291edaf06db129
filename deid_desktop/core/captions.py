"""The one text that an exported file may carry: credit and caption, as the person typed them.

Serves ``export``, ``encoders`` and ``scan``. It is written as XMP in the fields of IPTC Core that
picture desks read, always in the same form, so that the scan can hold a file against it byte by
byte. Nothing of the photo's own metadata ever gets here.

Sources: ISO 16684-1 (XMP), IPTC Photo Metadata Standard 2023.1 (Credit Line, Description).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from html import escape

LONGEST = 2000
"""Characters of a field that are written at most."""
_PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">
{fields}</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""
_CAPTION = """\
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>
"""
_CREDIT = "<photoshop:Credit>{}</photoshop:Credit>\n"


@dataclass(frozen=True)
class Words:
    """What the person typed to go into every file; "" leaves a field out."""

    credit: str = ""
    caption: str = ""


def packet(words: Words) -> bytes:
    """Return the words as an XMP packet; nothing if there are none.

    Line breaks stay in the caption; other control characters, which XML cannot hold, become
    spaces.
    """
    caption, credit = _plain(words.caption), " ".join(_plain(words.credit).split())
    fields = (_CAPTION.format(escape(caption, quote=False)) if caption else "") + (
        _CREDIT.format(escape(credit, quote=False)) if credit else ""
    )
    return _PACKET.format(fields=fields).encode() if fields else b""


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    return "".join(" " if _unfit(character) else character for character in text[:LONGEST]).strip()


def _unfit(character: str) -> bool:
    odd = unicodedata.category(character) in ("Cc", "Cs", "Cn")
    return odd and character != "\n"
