"""Scenario files: from YAML, or a dict, to a validated document, every mistake with its place.

Read in the order of a run:

    reading        YAML text -> nodes           (resolve: scalars; hints: syntax errors; python_input: dicts)
    inheritance    files, folders, `extends`    (merging: one mapping over another; overrides: `--set`)
    fields         tables of fields, and the check in progress
    values         parsers of single values     (references: the user's code; rates, triggers)
    words          adapters and platform words  (parties: who there is, and who meets whom where)
    services, platform, links, faults, workload, expect     one section each
                                                (faults: verbs, moments, targets)
    top            the scenario as a whole
    document       load, override, mistakes
"""

from __future__ import annotations

from meshsim.scenario.document import Document, load, mistakes, override
from meshsim.scenario.inheritance import FOLDER_FILE, SUFFIX
from meshsim.scenario.words import Words

__all__ = ["FOLDER_FILE", "SUFFIX", "Document", "Words", "load", "mistakes", "override"]
