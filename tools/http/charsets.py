"""The charsets in which texts are read, by the names that servers give them.

This module knows names. Whoever answers says which charset it is, so nothing but what is listed
here is ever asked of Python: some of its codecs take a time that is quadratic in the text
(`punycode`), some are no charsets at all (`base64`), and every name that it is asked for once,
it keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "utf-8": ("utf-8", "utf8"),
    "utf-16": ("utf-16", "utf16"),
    "utf-16-le": ("utf-16le",),
    "utf-16-be": ("utf-16be",),
    "ascii": ("us-ascii", "ascii"),
    "iso8859-1": ("latin1", "latin-1"),
    "koi8-r": ("koi8-r",),
    "koi8-u": ("koi8-u",),
    "gb2312": ("gb2312",),
    "gbk": ("gbk", "cp936"),
    "gb18030": ("gb18030",),
    "big5": ("big5",),
    "big5hkscs": ("big5-hkscs",),
    "euc-jp": ("euc-jp",),
    "shift_jis": ("shift_jis", "shift-jis", "sjis"),
    "cp932": ("windows-31j", "cp932"),
    "iso2022_jp": ("iso-2022-jp",),
    "euc-kr": ("euc-kr",),
    "cp949": ("ks_c_5601-1987", "cp949"),
}
"""By the name of a codec: those of its charset."""

_ISO_8859: Final = (*range(1, 12), *range(13, 17))  # there is no 12
_WINDOWS: Final = range(1250, 1259)

CODECS: Final[Mapping[str, str]] = {
    **{name: codec for codec, names in _NAMES.items() for name in names},
    **{f"iso-8859-{part}": f"iso8859-{part}" for part in _ISO_8859},
    **{f"windows-{page}": f"cp{page}" for page in _WINDOWS},
    **{f"cp{page}": f"cp{page}" for page in _WINDOWS},
}
"""By the name of a charset in lower case: the codec that reads it, in linear time."""
