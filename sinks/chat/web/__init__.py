"""The JSON protocol, which the page speaks: docs/reference/chat.md."""

from sinks.chat.web.session import JsonDialect as JsonDialect
