"""What the parts of syncd log while a verb works in the foreground: warnings, on stderr, and nothing else."""

import logging
import sys

import structlog


def only_warnings() -> None:
    """Keep debug and info lines of all parts away from the terminal, and stdout free for data."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
