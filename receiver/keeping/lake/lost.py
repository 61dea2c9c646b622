"""Finds out what the lake has lost of the months that a store has dropped, and so can't write again."""

from collections.abc import Collection, Mapping

from receiver.database.extent import Dropped
from receiver.keeping.lake.manifest import LakeFile, Manifest, Month
from receiver.keeping.lake.parts import NOTIFICATIONS, REJECTED
from receiver.keeping.lake.place import Listed, find_month


def find_lost(
    dropped: Dropped, manifests: Mapping[Month, Manifest], objects: Mapping[str, Listed], stored: Collection[Month]
) -> dict[Month, str]:
    """Say of each dropped month what the lake has lost of it, in a sentence.

    Args:
        dropped: what the store has dropped.
        manifests: the manifests of the lake.
        objects: what is in the lake, by its path.
        stored: the months of which the store has rows; refused ones among them are written again.
    """
    lost = {}
    there = {month for month in map(find_month, objects) if month}
    for month in sorted(each for each in there | manifests.keys() if each.begins < dropped.before):
        if month not in manifests:
            what, which = f"has files of {month} and no manifest, and this store has dropped the month", "the manifest"
        elif _lacks_files(manifests[month], objects, is_stored=month in stored):
            what, which = f"has lost files of {month}, which this store has dropped", "them"
        else:
            continue
        lost[month] = f"The lake {what}: put {which} back, or let a machine that has the month write it."
    return lost


def find_lost_whole(dropped: Dropped, manifests: Mapping[Month, Manifest]) -> str | None:
    """Say in a sentence that the lake has lost whole months that a store has dropped; None if it has not.

    Nothing is dropped that the lake does not hold, so it held what went and what stayed, and late rows since. What came
    late can hide the loss of a month that had fewer notifications.
    """
    held = sum(
        manifest.tables[NOTIFICATIONS.name].rows
        for month, manifest in manifests.items()
        if month.begins < dropped.before
    )
    least = dropped.notifications + dropped.kept
    if held >= least:
        return None
    return (
        f"The lake had {least:,} notifications from before {dropped.before:%Y-%m-%d} when this store has dropped "
        f"{dropped.notifications:,} of them, and has {held:,} now: it has lost whole months, or CLC_OBJECTS is another "
        "place. Put them back, or let a machine that has them write them."
    )


def is_there(file: LakeFile, objects: Mapping[str, Listed]) -> bool:
    """Tell whether a file is in the lake, with the size that its manifest says."""
    listed = objects.get(file.path)
    return listed is not None and listed.bytes == file.bytes


def _lacks_files(manifest: Manifest, objects: Mapping[str, Listed], *, is_stored: bool) -> bool:
    tables = [table for name, table in manifest.tables.items() if name != REJECTED.name or not is_stored]
    return not all(is_there(file, objects) for table in tables for file in table.files)
