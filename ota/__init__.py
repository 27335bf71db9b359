"""Firmware versions, rollouts and deployments. Empty until its issue is built."""
