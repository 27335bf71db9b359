"""How every mark looks. The attributes are the light theme, which is also print; plots.css has the others."""

INK, INK_2, TRACE, NORMAL = "#1d242b", "#4f5a65", "#6f7c89", "#a9b2bb"
BAND, SUNK, LINE, EDGE, GROUND = "#d9dfe4", "#e3e6e9", "#d3d8dd", "#b3bbc3", "#fff"
ACT, CRITICAL, WARNING, INFO = "#2b5f94", "#c8202f", "#b36a00", "#2b6cb0"


def _fill(colour: str, opacity: float | None = None) -> dict[str, str]:
    return {"fill": colour} if opacity is None else {"fill": colour, "fill-opacity": f"{opacity:g}"}


def _stroke(colour: str, width: float = 1, dashes: str = "", opacity: float = 1) -> dict[str, str]:
    look = {"fill": "none", "stroke": colour, "stroke-width": f"{width:g}"}
    if dashes:
        look["stroke-dasharray"] = dashes
    if opacity < 1:
        look["stroke-opacity"] = f"{opacity:g}"
    return look


def _line(colour: str, width: float, dashes: str = "") -> dict[str, str]:
    return {**_stroke(colour, width, dashes), "stroke-linejoin": "round"}


HEAT = ("#e6ecf2", "#cfdce9", "#b3c9de", "#93b2d0", "#7098bf", "#4f7dab", "#346594", "#1c4570")

LOOKS: dict[str, dict[str, str]] = {
    # Words
    "text": _fill(INK_2),
    "value": _fill(INK),
    "strong": {**_fill(INK), "font-weight": "600"},
    "inverse": _fill(GROUND),
    "ground": _fill(GROUND, 0.85),
    # Axes
    "grid": _stroke(LINE),
    "axis": _stroke(EDGE),
    "bound": _stroke(INK, 1, "6 4"),
    "moment": _stroke(INK_2, 0.75),
    "frame": _stroke(EDGE, 1, "3 3"),
    # What is known, known in part, and not known
    "bar": _fill(TRACE),
    "pale": _fill(TRACE, 0.22),
    "stripe": _stroke(TRACE, 1.5),
    "edge": _stroke(TRACE),
    "ghost": _stroke(INK, 0.9),
    "unknown": _stroke(EDGE, 1),
    "nothing": _fill(GROUND, 0),  # only there to be pointed at
    "good": _fill(ACT),
    "loss": _fill(BAND),
    "rail": _fill(SUNK),
    "band": _fill(EDGE),
    "spread": _fill(ACT, 0.16),
    "target": _fill(INK),
    "sum": _line(INK, 1.25),
    "dot": _fill(INK),
    # Lines of a course, told apart by their dashes too
    "line-1": _line(ACT, 1.8),
    "line-2": _line(INK, 1.5, "7 3"),
    "line-3": _line(TRACE, 1.8, "2 2.5"),
    "line-4": _line(INK_2, 1.5, "9 3 2 3"),
    "point-1": _fill(ACT),
    "point-2": _fill(INK),
    "point-3": _fill(TRACE),
    "point-4": _fill(INK_2),
    # Alerts
    "critical-tint": _fill(CRITICAL, 0.1),
    "critical-hatch": _stroke(CRITICAL, 1, opacity=0.4),
    "critical-mark": _fill(CRITICAL),
    "critical-ring": _stroke(CRITICAL, 1.2),
    "warning-tint": _fill(WARNING, 0.1),
    "warning-hatch": _stroke(WARNING, 1, opacity=0.45),
    "warning-mark": _fill(WARNING),
    "info-tint": _fill(INFO, 0.08),
    "info-hatch": _stroke(INFO, 1, opacity=0.4),
    "info-mark": _fill(INFO),
    # States of a machine
    "running": _fill(NORMAL),
    "stopped": _fill(INK_2),
    "planned": _fill(BAND),
    "planned-hatch": _stroke(TRACE, 0.9),
    "micro": _fill(SUNK),
    "micro-hatch": _stroke(INK_2, 1.4),
    **{f"heat-{place}": _fill(colour) for place, colour in enumerate(HEAT)},
}
