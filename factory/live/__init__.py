"""The WebSocket protocol, who may listen, and broadcast on commit. Knows no domain."""
