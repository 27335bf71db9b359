"""What stays on one page: a heading, and of a table below it the first rows, not all of it."""

from reportlab.platypus import KeepTogether, Table
from reportlab.platypus.doctemplate import BaseDocTemplate
from xhtml2pdf.xhtml2pdf_reportlab import PmlBaseDoc

FIRST_ROWS = 3


class KeptWithBeginning(KeepTogether):
    """Where a page has room for a heading and the first rows, they stand there, instead of an empty half of it."""

    def split(self, aW, aH):
        *before, last = self._content
        if before and isinstance(last, Table) and aH < self._H:
            # What lies above the rest of the table, the space between them included.
            above = self._H - last.wrapOn(self.canv, aW, aH)[1]
            parts = last.splitOn(self.canv, aW, aH - above)
            if len(parts) > 1 and parts[0]._nrows >= last.repeatRows + FIRST_ROWS:
                return [*self._content]
        return super().split(aW, aH)


def keep_beginnings() -> None:
    """Have documents made so; what makes them from HTML does not ask how."""
    PmlBaseDoc._initArgs = {**BaseDocTemplate._initArgs, "keepTogetherClass": KeptWithBeginning}
