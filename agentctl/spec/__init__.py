"""What is wanted: YAML team files and templates in, a checked `TeamSpec` out.

Only this room knows YAML, pydantic and Jinja2; `agentctl.spec.load` is the way in. Files are hostile until checked:
every limit holds before a value is built.
"""
