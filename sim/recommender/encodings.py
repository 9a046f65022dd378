"""Which encoding a text is in: found as well as that can be, and the others that it could be in."""

import codecs
import re
import unicodedata
from typing import Any

KNOWN = (
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "big5", "shift_jis", "euc_jp"),
    *("euc_kr", "cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256"),
    *("cp1257", "cp874", "latin-1"),
)
"""The encodings that a text may be read in, as Python names them."""

_WIDE = ("utf-16", "utf-16-le", "utf-16-be")
_PAIRED = ("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr")  # two bytes for most characters
_DETECTED = {  # as the detector names them -> as above
    **{name: name for name in KNOWN if name not in ("utf-8", *_WIDE, "cp874", "latin-1")},
    "tis_620": "cp874",
}
_CHUNK = 1 << 16
_ENOUGH = 1 << 14  # bytes; a detector learns little more from more
_COMMON = frozenset(
    "äàâáãåæçéèêëíìîïñóòôöõøœúùûüßÄÀÂÁÅÆÇÉÈÊËÍÑÓÔÖØŒÚÜ¿¡«»·–—‘’“”…€°½".encode("cp1252")
)
_CYRILLIC = ("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя")
_LETTERS = {  # of languages whose frequencies alone tell the detector too little
    "cp1251": (*_CYRILLIC, "абвгдђежзијклљмнњопрстћуфхцчџш"),
    "koi8_r": _CYRILLIC[:1],
    "cp1253": ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ",),
    "cp1255": ("אבגדהוזחטיכלמנסעפצקרשתךםןףץ",),
    "cp1250": ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áéíóöőúüű", "ăâîşţ", "čćđšž"),
    "cp1254": ("çğıöşüâ",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
}
_OTHER_LETTERS = ("cp1251", "koi8_r", "cp1253", "cp1255")
_TWO_ALPHABETS = re.compile(r"[A-Za-z](?![A-Za-z])[^\W\d_]|(?![A-Za-z])[^\W\d_][A-Za-z]")
_TWO_CASES = ("cp1251", "koi8_r", "cp1253")
_EDGES = bytes.maketrans(b'\r,;\t":', b"\n" * 6)
_BAR = re.compile(rb"(?<![\x80-\xff])\|")  # behind one of those it may be half a Chinese character
_LONGEST = 1000  # bytes of a field that is looked at


def decode(raw: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text in `raw` and its encoding: the one given, else the first of `plausible`.

    What does not fit the encoding given becomes U+FFFD. Raises ValueError for one not in KNOWN.
    """
    if encoding is None:
        encoding = plausible(raw)[0]
    _check(encoding)
    text = raw.decode(encoding, errors="replace")
    return text.removeprefix("\ufeff"), encoding


def to_utf8(raw: bytes, encoding: str) -> tuple[bytes, bool]:
    """`raw` in UTF-8 with "\n" alone between lines, and whether all of it fits `encoding`."""
    _check(encoding)
    fits = _fits(raw, encoding)
    if fits and encoding == "utf-8":
        utf8 = raw.removeprefix(codecs.BOM_UTF8)
    else:
        utf8 = decode(raw, encoding)[0].encode("utf-8", errors="replace")
    if b"\r" in utf8:
        utf8 = utf8.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return utf8, fits


def plausible(raw: bytes) -> tuple[str, ...]:
    """The encodings that `raw` could be in, the most likely first; at least one.

    By its byte-order mark; UTF-16 by its zeros; UTF-8 where it fits. Else charset-normalizer
    judges some of the fields that are not ASCII, by how many of the characters are odd ("chaos")
    and how well their frequencies fit a language ("coherence"). Of those that do about equally
    well, one with two bytes to a character comes first, then Western Europe's.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    head = raw[: 1 << 12]
    zeros = [head[i::2].count(0) for i in (0, 1)]
    if max(zeros) > 0.1 * len(head) and min(zeros) < 0.1 * max(zeros):
        return ("utf-16-le",) if zeros[1] > zeros[0] else ("utf-16-be",)
    if raw.isascii():
        return ("utf-8",)
    sample = _sample(raw)
    narrow = [name for name in KNOWN if name not in ("utf-8", *_WIDE)]
    fitting = [name for name in narrow if _fits(sample, name, whole=False)]
    if _fits(raw, "utf-8"):
        return ("utf-8", *fitting)
    fitting.sort(key=lambda name: not _is_spelt(sample, name))  # the detector may have found none
    found = list(dict.fromkeys([*_ranked(sample), *fitting]))
    if found and not _is_western(sample) and not _is_spelt(sample, found[0]):
        found.sort(key=lambda name: not (name in _PAIRED and _is_spelt(sample, name)))
    return tuple(found)


def _check(encoding: str) -> None:
    if encoding not in KNOWN:
        raise ValueError(f"The encoding {encoding!r} is not one of {', '.join(KNOWN)}.")


def _fits(raw: bytes, encoding: str, *, whole: bool = True) -> bool:
    """Whether `raw` is a text in `encoding`; unless `whole`, it may end within a character."""
    try:
        if whole:
            raw.decode(encoding)
        else:
            codecs.getincrementaldecoder(encoding)().decode(raw)
    except UnicodeDecodeError:
        return False
    return True


def _sample(raw: bytes) -> bytes:
    """Some of the fields in `raw` that are not ASCII, each once, with line breaks between."""
    found: dict[bytes, None] = {}
    size = 0
    for start in range(0, len(raw), _CHUNK):
        piece = raw[start : start + _CHUNK]
        if piece.isascii():
            continue
        lines = piece.split(b"\n")
        last = len(lines) - (start + _CHUNK < len(raw))
        for line in lines[start > 0 : last] or lines:  # those that are not cut within a character
            for field in _BAR.sub(b"\n", line.translate(_EDGES)).split(b"\n"):
                short = len(field) <= _LONGEST  # cut, it would end within a character
                if short and size <= _ENOUGH and field not in found and not field.isascii():
                    found[field] = None
                    size += len(field)
        if size > _ENOUGH:
            break
    return b"".join(field + b"\n" for field in found) or raw[:_ENOUGH]


def _is_western(sample: bytes) -> bool:
    """Whether nearly all that is not ASCII is common in Western Europe, were it Windows-1252."""
    letters = [byte for byte in sample if byte >= 0x80]
    return sum(byte in _COMMON for byte in letters) > 0.95 * len(letters)


def _is_spelt(sample: bytes, encoding: str) -> bool:
    """Whether nearly all letters that are not ASCII are those of one language in `encoding`."""
    text = sample.decode(encoding, errors="replace")
    if encoding in _OTHER_LETTERS and _TWO_ALPHABETS.search(text):
        return False
    if encoding in _TWO_CASES and text in (text.lower(), text.upper()):  # so is misread Hebrew
        return False
    letters = [letter for letter in text.lower() if not letter.isascii() and _is_letter(letter)]
    if encoding == "big5" and _fits(sample, "euc_jp", whole=False) and _is_spelt(sample, "euc_jp"):
        return False  # Japanese kana are frequent characters there
    if encoding in _PAIRED:
        return _is_written(letters, encoding)
    return any(
        sum(letter in alphabet for letter in letters) > 0.95 * len(letters) > 0
        for alphabet in _LETTERS.get(encoding, ())
    )


def _is_letter(character: str) -> bool:
    """A letter, or a mark at one: Hebrew points, say, which misread text is full of."""
    return unicodedata.category(character)[0] in "LM"


def _is_written(letters: list[str], encoding: str) -> bool:
    """Whether there are kana in Japanese, hangul in Korean, common characters in Chinese."""
    kana = sum("぀" <= letter <= "ヿ" for letter in letters)
    if encoding in ("shift_jis", "euc_jp"):
        return 5 * kana > len(letters)
    if encoding == "euc_kr":
        return sum("가" <= letter <= "힣" for letter in letters) > 0.9 * len(letters)
    text = "".join(letters)
    if encoding == "gb18030":
        common = len(text.encode("gb2312", errors="ignore")) // 2
    else:  # Big5 has the frequent characters before the others
        common = sum(0xA4 <= byte <= 0xC6 for byte in text.encode("big5", errors="ignore")[::2])
    return not kana and common > 0.95 * len(letters) > 0


def _ranked(sample: bytes) -> list[str]:
    """The encodings found by the detector, the most likely first."""
    from charset_normalizer import from_bytes  # 30 ms, and hardly ever needed

    matches: list[Any] = list(from_bytes(sample, cp_isolation=list(_DETECTED)))
    if not matches:
        return []
    calm = min(match.chaos for match in matches) + 0.1
    near = [match for match in matches if match.chaos <= calm]
    fluent = max(match.coherence for match in near) - 0.15
    western = _is_western(sample)

    def rank(name: str, match: Any) -> tuple[bool, bool, bool, bool, float]:
        paired = name in _PAIRED and match.multi_byte_usage > 0.3
        european = name == "cp1252" and western  # lone accents as in "à" are odd to the detector
        spelt = not european and _is_spelt(sample, name)
        likely = paired or (name not in _PAIRED and (match.coherence >= fluent or spelt))
        foreign = name == "cp1252" and not western
        return (
            not (likely and (match in near or european)),
            not paired,
            not european,
            not spelt,
            foreign - match.coherence,
        )

    # matches with the same text are told as one
    names = {
        _DETECTED[name]: match
        for match in reversed(matches)
        for name in match.could_be_from_charset
        if name in _DETECTED
    }
    order = list(reversed(names))
    return sorted(order, key=lambda name: rank(name, names[name]))
