"""Object storage for these tests."""

from tests.support.object_storage import bucket, credentials, object_storage, objects

__all__ = ["bucket", "credentials", "object_storage", "objects"]
