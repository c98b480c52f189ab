"""The lines of a file: how many are code, comments, blank, or text in several lines.

This module knows tokens. It counts what radon's raw metrics count, in one pass over the file:
radon tokenizes a statement of n lines n times, which takes hours for a table of 20,000 lines.
It does not know what the lines say, nor what becomes of the figures (`metrics`).
"""

from __future__ import annotations

import io
import tokenize
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.code_review.source import Source

_SPACE: Final = frozenset(
    {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.ENCODING}
)


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """What the lines of a file are: code + blank + multi + single_comments is all of them."""

    all: int
    code: int
    comments: int
    """Comments, beside code or alone."""
    single_comments: int
    """Lines that are nothing but a comment, or a text that stands for itself, as a docstring."""
    multi: int
    """Lines of such texts that have several; their blank lines are blank."""
    blank: int


def lines_of(source: Source) -> Lines:
    """Count the lines of a file."""
    blank = [not line.strip() for line in source.lines]
    if source.lines[-1] == b"":
        blank.pop()  # the end of the last line begins none
    comments = single = multi = 0
    length = 0
    """Tokens of the statement that is being read, its comments included."""
    text: tokenize.TokenInfo | None = None
    """The statement, as long as it is just a text."""
    for token in _tokens(source.code):
        if token.type == tokenize.COMMENT:
            comments += 1
            if length:
                text = None
            else:
                single += 1
        elif token.type == tokenize.NEWLINE:
            if text is not None:
                first, last = text.start[0], text.end[0]
                single += first == last
                multi += 0 if first == last else blank[first - 1 : last].count(False)
            length, text = 0, None
        elif token.type not in _SPACE:
            length += 1
            text = token if length == 1 and token.type == tokenize.STRING else None
    blanks = sum(blank)
    return Lines(
        all=len(blank),
        code=len(blank) - blanks - multi - single,
        comments=comments,
        single_comments=single,
        multi=multi,
        blank=blanks,
    )


def _tokens(code: str) -> Iterator[tokenize.TokenInfo]:
    """Take a text apart; where the tokenizer gives up on what the parser takes, it ends."""
    try:
        yield from tokenize.generate_tokens(io.StringIO(code.removeprefix("\ufeff")).readline)
    except (tokenize.TokenError, SyntaxError):
        return
