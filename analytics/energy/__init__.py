"""Energy: which metric of a device tells it, and how quarter-hours of many devices add up. Pure; kWh, kW, ms."""
