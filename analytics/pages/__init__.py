"""The pages plant staff see, one module per subject."""
