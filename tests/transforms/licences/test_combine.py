"""Licences that combine, the resulting licence, and the message if none is allowed."""

import re
from itertools import permutations

import pytest

from medmultipoints.transforms.licences.combine import (
    LicenceConflict,
    Licensed,
    Terms,
    find_terms,
    known_terms,
    release_licence,
    spdx_licence,
)

BY, SA, NC, NC_SA, ND = "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0"
ZERO, RESEARCH = "CC0-1.0", "LicenseRef-research-only"

OTHER_ND = ("CC-BY-ND-3.0", "cc-by-nc-nd-4.0", "CC BY-NC-ND 4.0", "CC-BY-ND-NC-1.0", "CC-BY-NC-ND-3.0-IGO")


def sources(*licences: str) -> list[Licensed]:
    return [Licensed(f"s{n}", f"Source {n}", name, find_terms(name)) for n, name in enumerate(licences)]


@pytest.mark.parametrize(
    ("licences", "whole"),
    [
        ((BY,), BY),
        ((ZERO, ZERO), ZERO),
        ((ZERO, BY), BY),
        ((BY, SA), SA),
        ((BY, NC), NC),
        ((NC, NC_SA), NC_SA),
        ((BY, RESEARCH), RESEARCH),
        ((ZERO, BY, NC, RESEARCH), RESEARCH),
        (("CC-BY-SA-3.0", SA), SA),
        (("CC-BY-SA-2.0", SA), SA),
        (("CC-BY-2.5", "CC-BY-NC-3.0-DE", RESEARCH), RESEARCH),
        (("cc-by-4.0", "CC BY 4.0"), BY),
        (("PDDL-1.0", BY), BY),
        (("LicenseRef-unknown",), "LicenseRef-unknown"),
    ],
)
def test_the_freest_common_licence_is_taken(licences: tuple[str, ...], whole: str) -> None:
    assert {whole} == {release_licence(order) for order in permutations(sources(*licences))}


@pytest.mark.parametrize(
    ("licences", "words"),
    [
        ((SA, NC), "Make two releases, or leave out s0 or s1"),
        ((SA, NC_SA), "no licence satisfies both"),
        ((SA, RESEARCH), "no licence satisfies both"),
        ((BY, SA, NC), r"Source 1 \(CC-BY-SA-4.0\) and Source 2 \(CC-BY-NC-4.0\)"),
        ((ND,), "forbids passing on changed material"),
        *(((name,), "forbids passing on changed material") for name in OTHER_ND),
        (("LicenseRef-unknown", "LicenseRef-unknown"), "release the source alone"),
        ((BY, "CC-BY-NC-ND-4.0"), "Leave out s1"),
        ((BY, "LicenseRef-unknown"), r"not stated.*Write it in \[sources.s1\]"),
        ((BY, "LicenseRef-own"), "Declare `terms` in the file of source s1"),
    ],
)
def test_what_excludes_each_other_is_refused_with_a_way_out(licences: tuple[str, ...], words: str) -> None:
    for order in permutations(sources(*licences)):
        with pytest.raises(LicenceConflict):
            release_licence(order)
    with pytest.raises(LicenceConflict, match=words):
        release_licence(sources(*licences))


def test_what_may_not_be_passed_on_is_refused() -> None:
    with pytest.raises(LicenceConflict, match="may not be passed on"):
        release_licence([Licensed("s", "S", "LicenseRef-s", Terms(share=False))])


def test_three_sources_that_agree_in_pairs_alone_are_refused() -> None:
    rows = [Terms(under=("A", "B")), Terms(under=("B", "C")), Terms(under=("A", "C"))]
    with pytest.raises(LicenceConflict, match="leave one source out"):
        release_licence([Licensed(f"s{n}", f"S{n}", f"L{n}", terms) for n, terms in enumerate(rows)])


def test_each_row_leads_to_licences_of_the_table() -> None:
    table = known_terms()
    assert {name for terms in table.values() for name in terms.under} <= set(table)


@pytest.mark.parametrize(
    ("given", "listed"),
    [
        ("cc-by-4.0", "CC-BY-4.0"),
        ("mit", "MIT"),
        ("ODbL-1.0", "ODbL-1.0"),
        ("CC-BY-SA-3.0-IGO", "CC-BY-SA-3.0-IGO"),
        ("licenseref-ours", "LicenseRef-ours"),
    ],
)
def test_an_identifier_is_kept_in_the_spelling_of_spdx(given: str, listed: str) -> None:
    assert spdx_licence(given) == listed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("CC-BY-4", "perhaps 'CC-BY-4.0' is meant; otherwise 'LicenseRef-CC-BY-4' with `terms` names one of your own"),
        (
            "proprietary",
            "SPDX lists no licence 'proprietary'; 'LicenseRef-proprietary' with `terms` names one of your own",
        ),
        ("LicenseRef-", "SPDX lists no licence 'LicenseRef-'"),
    ],
)
def test_a_licence_that_spdx_does_not_list_is_refused_with_what_helps(given: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        spdx_licence(given)
