"""What the status says of times: of what was a while ago, and of what a wrong clock has dated."""

from receiver.processes.state import ProcessState
from tests.receiver.keeping.test_care import RUNNING, ago, figure


def test_restarts_of_the_last_hour_have_the_reason_of_one_of_them_and_of_no_earlier_one():
    earlier = ProcessState(state="running", restarts=1, restarted_at=[ago(days=3).isoformat()], failure="It hung.")
    now = ProcessState(state="running", restarts=1, restarted_at=[ago(minutes=5).isoformat()])
    serve = RUNNING.model_copy(update={"processes": {"listener 1": now, "store": earlier}})
    assert figure("restarts_last_hour", serve=serve).text == "1"
    serve.processes["listener 1"] = now.model_copy(update={"failure": "It found no memory."})
    assert figure("restarts_last_hour", serve=serve).text == "1; It found no memory."
