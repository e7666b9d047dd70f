"""Text made fit for the eyes of a person."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return `text` with a mark for every character that could command a terminal.

    Those are the controls (C0, DEL, C1, and so every escape sequence), line separators, and the
    invisible ones, which turn the direction of text or hide parts of it.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "�" for character in text)


def indented(text: str) -> str:
    """Return lines that may hold others' words, printable, none beginning where ours begin.

    Scripts and people believe a line by how it begins; a traceback repeats what others said.
    """
    return "\n".join(f"  {printable(line)}" for line in text.split("\n"))


def counted(number: int, noun: str) -> str:
    """Return so many of what `noun` names one of."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
