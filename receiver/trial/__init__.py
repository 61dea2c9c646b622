"""The trial of a profile: its examples are verified, classified and compared, as `senders check` shows."""

from receiver.trial.examples import run_examples
from receiver.trial.outcome import Outcome

__all__ = ["Outcome", "run_examples"]
