"""How an answer's words travel: spelled out in a page, or only named for a script that has them already."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from markupsafe import Markup, escape

from verifier.verdict.words import CHECK_NAMES, FURTHER_REMARKS, OUTCOMES, REASONS, REMARKS, Language
from verifier.web.phrases import ANSWER_WORDS, PHRASES

SAYINGS = {name: PHRASES[name] for name in ANSWER_WORDS} | CHECK_NAMES | OUTCOMES | REASONS | REMARKS
# With what is said so rarely that it comes with the answer.
_ALL = SAYINGS | FURTHER_REMARKS

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def texts(language: Language) -> dict[str, str]:
    """Every saying of an answer by its name, with its blanks."""
    return {name: saying.template(language) for name, saying in SAYINGS.items()}


def spell_out(language: Language, name: str, values: Mapping[str, Any] = _NOTHING) -> Markup:
    """The rest of a tag, and its text."""
    return Markup(">") + escape(_ALL[name].in_(language, values))


def name_only(language: Language, name: str, values: Mapping[str, Any] = _NOTHING) -> Markup:
    """The rest of a tag whose text the script fills in: the saying's name, and what its blanks hold."""
    if name in FURTHER_REMARKS:
        return spell_out(language, name, values)
    saying = SAYINGS[name]
    asked = [item for item in values.items() if f"{{{item[0]}}}" in saying.id + saying.en]
    return Markup(' data-t="{}"{}>').format(name, Markup("").join(map(_attribute, asked)))


def _attribute(item: tuple[str, Any]) -> Markup:
    return Markup(' data-{}="{}"').format(*item)
