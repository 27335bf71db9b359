"""Who people are: User, sessions, `auth.*`."""
