"""Release notes as HTML that is safe to show: no markup of their own, no scripts, links to http and https only."""

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

_WEB = re.compile(r"https?://[^/\s]", re.IGNORECASE)


class _Careful(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return _WEB.match(url) is not None


def _link_open(
    self: RendererHTML, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    tokens[idx].attrSet("rel", "nofollow noopener noreferrer")
    return self.renderToken(tokens, idx, options, env)


# A picture would be fetched from elsewhere by everyone who looks.
_markdown = _Careful("commonmark", {"html": False}).enable("table").disable("image")
_markdown.add_render_rule("link_open", _link_open)


def rendered(text: str) -> SafeString:
    """HTML of a text in Markdown."""
    return mark_safe(_markdown.render(text))
