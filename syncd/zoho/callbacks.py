"""What a callback of Zoho says: which job to look at. Pure; the listener lives elsewhere.

A callback is unsigned, so its body is a hint and nothing else: the job is then polled as usual. Zoho documents two
shapes, flat (`job_id`, v2 and its own v5 receiver) and wrapped (`data[0].id`, v7); both are read.
"""

import json
import re

_JOB_ID = re.compile(r"[0-9]{1,25}")


def valid_job_id(text: object) -> bool:
    """Whether something is a job id as Zoho makes them: digits alone, so that it is safe in a path and a file name."""
    return isinstance(text, str) and _JOB_ID.fullmatch(text) is not None


def job_of_callback(body: bytes) -> str | None:
    """The id of the job that a callback body speaks of; None when it is none of the two shapes.

    >>> job_of_callback(b'{"job_id": "4150868000004717002", "state": "COMPLETED"}')
    '4150868000004717002'
    >>> job_of_callback(b'{"data": [{"id": "4150868000004717002", "state": "FAILURE"}]}')
    '4150868000004717002'
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    found = document.get("job_id")
    if found is None:
        data = document.get("data")
        first = data[0] if isinstance(data, list) and data else None
        found = first.get("id") if isinstance(first, dict) else None
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)
    return found if isinstance(found, str) and valid_job_id(found) else None
