"""The procedure router and its wire. Knows no domain."""
