"""Firmware versions, rollouts and deployments."""
