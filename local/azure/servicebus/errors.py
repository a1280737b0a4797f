"""What the broker refuses: one exception per situation, with the error condition of the real service."""


class Refusal(Exception):
    """The request cannot be granted; nothing was changed."""

    condition = "amqp:internal-error"
    status = 500


class EntityNotFound(Refusal):
    condition = "amqp:not-found"
    status = 404


class MessageNotFound(Refusal):
    condition = "com.microsoft:message-not-found"
    status = 404


class MessageLockLost(Refusal):
    condition = "com.microsoft:message-lock-lost"
    status = 410


class NotAllowed(Refusal):
    condition = "amqp:not-allowed"
    status = 400


class NotImplementedHere(Refusal):
    """The real service can do this, the stand-in cannot."""

    condition = "amqp:not-implemented"
    status = 501


class BadRequest(Refusal):
    condition = "com.microsoft:argument-error"
    status = 400


class QuotaExceeded(Refusal):
    condition = "amqp:resource-limit-exceeded"
    status = 403


class TooLarge(Refusal):
    condition = "amqp:link:message-size-exceeded"
    status = 400


class Unauthorized(Refusal):
    condition = "amqp:unauthorized-access"
    status = 401
