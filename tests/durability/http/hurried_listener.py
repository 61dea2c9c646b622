"""A listener whose limits are small enough for tests to wait for; a JSON object in HURRIED names them."""

import json
import os

from receiver.listener import process

process.LIMITS = process.LIMITS._replace(**json.loads(os.environ["HURRIED"]))

if __name__ == "__main__":
    process.main()
