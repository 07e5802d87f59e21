"""Which way a search goes."""

import pytest

from embeddings.constants import IndexStorage
from embeddings.services.search_costs import Prospect
from embeddings.store.search import Scan


def prospect(**changes: object) -> Prospect:
    values: dict[str, object] = {
        "depth": 10,
        "documents": 180_000,
        "has_index": True,
        "filtered": True,
        "found_by_index": True,
    }
    return Prospect(**{**values, **changes})  # type: ignore[arg-type]


def test_it_works() -> None:
    assert prospect(share=0.001).scan() is None
    scan = prospect(share=0.3).scan()
    assert scan is not None
    assert (scan.ef_search, scan.entries, scan.enough) == (245, 214, 33)


def test_without_a_filter_the_index_serves_unless_very_much_is_wanted() -> None:
    unfiltered = prospect(filtered=False, documents=12_000)
    assert unfiltered.scan() is not None
    assert prospect(filtered=False, documents=12_000, depth=1_000).scan() is None
    assert prospect(filtered=False, documents=12_000, has_index=False).scan() is None


@pytest.mark.parametrize("depth", [10, 100])
@pytest.mark.parametrize("documents", [20_000, 180_000, 10_000_000])
def test_the_cheaper_way_is_one_side_of_a_share(depth: int, documents: int) -> None:
    shares = [0.0001 * 1.1**step for step in range(96)]
    through_index = [
        prospect(share=share, depth=depth, documents=documents).scan() is not None
        for share in shares
    ]
    assert through_index == sorted(through_index)
    assert not through_index[0]
    assert through_index[-1]


def test_a_filter_without_an_index_turns_to_the_vectors_index_sooner() -> None:
    """Finding the matches would take longer than finding the hits."""
    assert prospect(share=0.01).scan() is None
    scan = prospect(share=0.01, found_by_index=False).scan()
    assert scan is not None
    assert (scan.ef_search, scan.entries, scan.enough) == (891, 1_760, 16)


def test_what_one_step_does_not_reach_takes_several() -> None:
    """pgvector counts distances, of which each entry takes several: a scan that is to take further
    steps must be let compute them.
    """
    one = prospect(share=0.1, depth=100).scan()
    several = prospect(share=0.05, depth=100, found_by_index=False).scan()
    assert one is not None
    assert several is not None
    assert (one.ef_search, one.in_one_step, one.distances) == (891, True, one.entries)
    assert (several.ef_search, several.in_one_step) == (1_000, False)
    assert several.distances == 8 * several.entries
    usual = prospect(share=0.3, usual_ef_search=50).scan()
    assert usual is not None
    assert not usual.in_one_step


def test_the_farther_the_last_hit_the_greater_is_ef_search() -> None:
    ranks = [10 * 1.1**step for step in range(80)]
    found = [prospect(share=10 / rank, found_by_index=False).scan() for rank in ranks]
    depths = [scan.ef_search for scan in found if scan]
    assert depths == sorted(depths)
    assert (depths[0], depths[-1]) == (180, 1_000)


def test_the_usual_ef_search_says_how_to_use_the_index_and_not_whether_to() -> None:
    assert prospect(share=0.001, usual_ef_search=50).scan() is None
    scan = prospect(share=0.3, usual_ef_search=50).scan()
    assert scan is not None
    assert (scan.ef_search, scan.entries) == (50, 214)
    asked = prospect(share=0.3, usual_ef_search=50, ef_search=70).scan()
    assert asked is not None
    assert asked.ef_search == 70


def test_who_gives_ef_search_wants_the_index() -> None:
    scan = prospect(share=0.001, ef_search=50, max_candidates=700).scan()
    assert scan is not None
    assert (scan.ef_search, scan.entries) == (50, 700)


def test_signs_alone_are_oversampled() -> None:
    scan = prospect(filtered=False, storage=IndexStorage.BIT).scan()
    assert scan is not None
    assert (scan.ef_search, scan.entries) == (259, 49)


def test_several_chunks_of_a_document_take_more_candidates() -> None:
    scan = prospect(filtered=False, crowding=4).scan()
    assert scan is not None
    assert (scan.entries, scan.ef_search) == (49, 259)


def test_memory_grows_with_the_scan() -> None:
    assert Scan(ef_search=100, entries=200).settings == ["100", "200", "1.0"]
    far = Scan(ef_search=1_000, entries=25_000, in_one_step=False)
    assert far.settings == ["1000", "200000", "10.0"]
    assert Scan(ef_search=1_000, entries=10**9).settings[2] == "1000.0"


def test_matches_that_are_rare_near_the_query_are_searched_deeper() -> None:
    asked = prospect(share=0.3)
    scan = asked.scan()
    assert scan is not None
    assert not asked.is_thin(scan, 40)
    assert asked.is_thin(scan, 12)
    further = asked.further(scan, 12)
    deeper = further.scan()
    assert deeper is not None
    assert (deeper.entries, deeper.enough) == (1020, None)
    assert not further.is_thin(deeper, 40)
    assert asked.further(scan, 0).scan() is None  # all 180,000 are read sooner
    assert prospect(share=0.3, documents=2_000_000).further(scan, 0).scan() is not None
    assert prospect(share=0.3, max_candidates=500).further(scan, 12).scan() is None
    assert not prospect(filtered=False).is_thin(scan, 0)


def test_the_bound_is_where_the_index_would_be_sooner() -> None:
    bound = prospect(share=0.001).bound
    assert bound is not None
    assert prospect(share=bound / 180_000).scan() is not None
    assert prospect(share=bound / 180_000 / 4).scan() is None
    assert prospect(filtered=False).bound is None
    assert prospect(has_index=False).bound is None


def test_many_matches_are_found_by_reading_all() -> None:
    assert prospect(share=0.9).reads_all
    assert not prospect(share=0.01).reads_all
