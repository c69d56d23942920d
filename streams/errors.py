"""What can go wrong on the log, and the three policies by which a fold's runner answers an error."""


class StreamingError(Exception):
    """Base of this package's errors."""


class TransientError(StreamingError):
    """It may go well the next time: the runner tries the same batch again, in place, so that the order is kept.

    Operator action: see why the named part (broker, registry, disk) does not answer; nothing is lost meanwhile.
    """


class PoisonError(StreamingError):
    """This record can never be processed: the runner moves it, bytes unchanged, to the dead-letter topic and goes on.

    Operator action: read the `x-error.*` headers of the dead letter, mend what wrote the record, replay it.
    """


class FatalError(StreamingError):
    """Going on would make the view wrong: the runner stops before it acknowledges anything.

    Operator action: the message names the cause; mend it and start the process again, it goes on where it was.
    """


class BacklogFullError(TransientError):
    """More records wait for the broker than the producer may hold.

    Operator action: see whether the broker is up; raise the backlog where the outage must be outlasted.
    """


class NotAppendedError(StreamingError):
    """The log refused a record or never took it.

    Operator action: the message holds the broker's answer (unknown topic, too large, not authorised).
    """


class UnknownTopicError(StreamingError):
    """The topic is not on the log.

    Operator action: declare it in `streams/topics.py` and let `ensure_topics` make it (`./chronicast up` does).
    """


class TopicMismatchError(FatalError):
    """A topic is on the broker with another partition count than the catalogue's: keys would lie elsewhere.

    Operator action: declare a new major version of the topic, or give the catalogue the count that the broker has.
    """


class MissingRangeError(StreamingError):
    """Offsets that were asked for are not there.

    Operator action: replay from behind them, or bring the objects back from a copy; where the lake was down for longer than the
    topic's retention they are lost.
    """
