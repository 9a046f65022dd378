"""Which encoding a text is in."""

from sim.recommender.layouts import decode as _guess

KNOWN = (
    "utf-8",
    "utf-16",
    "gb18030",
    "big5",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "cp1252",
    "cp1250",
    "cp1251",
    "koi8_r",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp874",
    "latin-1",
)
"""The encodings that a visitor may choose, as Python names them."""


def decode(raw: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text in `raw` and its encoding: the one given, or the one found."""
    if encoding is None:
        return _guess(raw)
    if encoding not in KNOWN:
        raise ValueError(f"The encoding {encoding!r} is not one of {', '.join(KNOWN)}.")
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    return raw.decode(name, errors="replace"), encoding


def plausible(raw: bytes) -> tuple[str, ...]:
    """The encodings that `raw` could be in, the most likely first."""
    return tuple(dict.fromkeys((_guess(raw)[1], *KNOWN)))


def to_utf8(raw: bytes, encoding: str | None = None) -> tuple[bytes, str]:
    """`raw` in UTF-8 with "\\n" alone between lines, and its encoding, the one given or found."""
    text, encoding = decode(raw, encoding)
    utf8 = text.encode("utf-8", errors="replace")
    if b"\r" in utf8:
        utf8 = utf8.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return utf8, encoding
