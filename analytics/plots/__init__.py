"""Plots as SVG text, for a page and for print: one file per kind, nothing about this plant in any of them."""
