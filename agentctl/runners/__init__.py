"""How each agent program is started, read and spoken to: one TOML manifest a program, and little code."""
