"""Text of others, as it may be written to a terminal. Knows nothing of what it says."""


def printable(text: str) -> str:
    r"""The text on one line; each character that is none to look at as an escape, such as `\n`, `\x9b` or `\u202e`.

    Control codes move the cursor and start a line that looks like one of ours, others turn the direction of writing.
    Odd blanks are escaped too; a backslash that was sent stays as it is, so that what people search for is found.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
