"""How a message is made, held back, addressed and sent; what is written of it, the services write."""
