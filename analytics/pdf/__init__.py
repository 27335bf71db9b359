"""Documents as PDF, from HTML: plots stay lines and letters, names keep their script, nothing is fetched."""

from analytics.pdf.fonts import UnusableFont, missing_characters
from analytics.pdf.rendering import PdfFailed, render

__all__ = ["PdfFailed", "UnusableFont", "missing_characters", "render"]
