"""What is read of alerts and thresholds, one module per noun; nothing here writes."""
