"""The names of what the system tells its operators: counters, histograms, gauges and log events.

Alerts and the workbook in infra/ use these names; a test compares the two. Every metric is exported with the prefix
`regispay.`; a log event's name is in the field `event_name`. Pure constants.
"""

# Counters
PAYMENTS_ACCEPTED = "payments.accepted"
PAYMENTS_COMPLETED = "payments.completed"
PAYMENTS_FAILED = "payments.failed"
CANCELS_REQUESTED = "cancels.requested"
REFUNDS_REQUESTED = "refunds.requested"
PROVIDER_NEWS = "provider.news"  # outcome
PAYMENTS_SWEPT = "payments.swept"  # step
PAYMENTS_NOT_SWEPT = "payments.not_swept"  # reason
STEPS_OWED = "steps.owed"  # step: what the payment waits for now
EVENTS_PUBLISHED = "events.published"
TOPIC_REFUSALS = "topic.refusals"  # topic
STEP_RETRIES = "step.retries"  # step, reason
MESSAGES_PARKED = "messages.parked"  # step, reason
DEAD_LETTERS_RECORDED = "dead_letters.recorded"  # step, reason, severity
DEAD_LETTERS_REPLAYED = "dead_letters.replayed"  # step, reason
DEAD_LETTERS_DISCARDED = "dead_letters.discarded"  # step, reason
PAYMENTS_ERASED = "payments.erased"
NOTIFICATIONS_TRIED = "notifications.tried"  # outcome, by
ATTEMPTS_LOST = "notifications.attempts_lost"
TIMER_TICKS = "timer.ticks"  # timer: those that came to their end

# Gauges, set by a timer, so that a dead publisher or recorder shows too. They are told when they are set, and not again
DEAD_LETTERS_OPEN = "dead_letters.open"  # step, reason, severity
OUTBOX_LAG_S = "outbox.lag_s"
PROJECTION_LAG_S = "projection.lag_s"

# Histograms, in seconds
TIME_TO_COMPLETED_S = "payment.time_to_completed_s"
STEP_DURATION_S = "step.duration_s"  # step, outcome

COUNTERS = frozenset(
    {
        PAYMENTS_ACCEPTED,
        PAYMENTS_COMPLETED,
        PAYMENTS_FAILED,
        CANCELS_REQUESTED,
        REFUNDS_REQUESTED,
        PROVIDER_NEWS,
        PAYMENTS_SWEPT,
        PAYMENTS_NOT_SWEPT,
        STEPS_OWED,
        EVENTS_PUBLISHED,
        TOPIC_REFUSALS,
        STEP_RETRIES,
        MESSAGES_PARKED,
        DEAD_LETTERS_RECORDED,
        DEAD_LETTERS_REPLAYED,
        DEAD_LETTERS_DISCARDED,
        PAYMENTS_ERASED,
        NOTIFICATIONS_TRIED,
        ATTEMPTS_LOST,
        TIMER_TICKS,
    }
)
GAUGES = frozenset({DEAD_LETTERS_OPEN, OUTBOX_LAG_S, PROJECTION_LAG_S})
HISTOGRAMS = frozenset({TIME_TO_COMPLETED_S, STEP_DURATION_S})

# Log events, each with its severity
LOG_ACCEPTED = "accept.accepted"  # info
LOG_DEAD_LETTER_RECORDED = "recover.dead_letter_recorded"  # error; critical for severity `high`, warning for `low`
LOG_SWEPT = "sweep.swept"  # warning
LOG_OUTBOX_LAG = "publish.outbox_lag"  # info, from a timer, with the field lag_s
LOG_NEWS = "hear.news"  # info; error where what the provider tells cannot be brought together with what is here
LOG_COMPLETED = "project.completed"  # info, once per payment, with the field seconds
LOG_ERASED = "erase.erased"  # info, with the number of events in the field events
LOG_UNSIGNED = "notify.unsigned"  # error: a merchant without a usable secret is told nothing
LOG_ATTEMPT_LOST = "notify.attempt_lost"  # warning

LOG_EVENTS = frozenset(
    {
        LOG_ACCEPTED,
        LOG_DEAD_LETTER_RECORDED,
        LOG_SWEPT,
        LOG_OUTBOX_LAG,
        LOG_NEWS,
        LOG_COMPLETED,
        LOG_ERASED,
        LOG_UNSIGNED,
        LOG_ATTEMPT_LOST,
    }
)
