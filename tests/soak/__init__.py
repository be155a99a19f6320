"""Work that is interrupted again and again, and looked at afterwards: ``make soak``."""
