"""What a browser searches an exported site by: a script that only holds data, which a folder can have."""

from __future__ import annotations

import json

from headwater_catalog.snapshot import Snapshot
from headwater_catalog.views import summary_of
from headwater_web.site.file_names import file_name

__all__ = ["search_index"]

_LONGEST = 160  # characters of a summary


def search_index(snapshot: Snapshot) -> str:
    """Return the script: names, modules, owners and summaries, and where the pages are."""
    modules: dict[str, int] = {}
    owners: dict[str, int] = {}
    features = []
    for key, variants in sorted(snapshot.variants.items(), key=lambda item: (item[1][0].name, item[0])):
        first = variants[0]
        owner = ", ".join(dict.fromkeys(owner for each in variants for owner in each.owners))
        summary = next((text for each in variants if (text := summary_of(each.doc))), "")
        name = key.partition(":")[2]
        file = file_name(name)
        features.append(
            [
                first.name,
                modules.setdefault(first.module, len(modules)),
                owners.setdefault(owner, len(owners)),
                summary[:_LONGEST],
                0 if file == first.name else file,
            ]
        )
    told = {
        "modules": [[name, file_name(name)] for name in modules],
        "owners": list(owners),
        "features": features,
    }
    # In ASCII, so that no browser takes a line in it for the end of one.
    return f"window.headwaterIndex = {json.dumps(told, separators=(',', ':'))};\n"
