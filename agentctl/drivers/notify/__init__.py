"""The ways to reach a person: the bell of a window, the desktop, a webhook. Each is a `Notifier`."""
