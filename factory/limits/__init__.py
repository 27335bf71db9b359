"""How often somebody may do something: rates, counters, and from where a request comes. Knows no domain."""
